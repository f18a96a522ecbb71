//! What one cell says: missing, a number, a flag, a date, a text. The one place of what counts as empty.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// One cell as it came: from a file a text, from a typed table a number or a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing there.
    Missing,
    /// A number, never NaN.
    Number(f64),
    /// A text without outer blanks, never empty.
    Text(&'a str),
}

/// What a cell should have held, in words.
type Expected = &'static str;

/// What a cell holds, or what it should have held.
pub(crate) type Read<T> = Result<T, Expected>;

const NUMBER: Expected =
    "a number without thousands separators, unit or % sign (leave the cell empty where it is not known)";
const FINITE: Expected = "a finite number (leave the cell empty where it is not known)";
const COUNT: Expected = "a whole number from 0 (make the signal a `number` if it can be anything else)";
const SHARE: Expected = "a share of 1: 31 % is 0.31 (make the signal a `number` if it is no share)";
const FLAG: Expected =
    "true/false, yes/no or 1/0 (make the signal a `category` or `number` if it is no flag)";
const LABEL: Expected = "true/false, yes/no or 1/0 (leave the cell empty where it is not known yet)";
const DATE: Expected = "a date as 2026-11-21 (leave the cell empty where it is not known)";
const AMOUNT: Expected =
    "an amount from 0, without currency sign (leave the cell empty where it is not known)";

/// A share above this is taken for per cent written as a whole number.
const MAX_SHARE: f64 = 10.0;
/// Amounts above this (90 trillion in minor units) are not exact in a float.
const MAX_CENTS: f64 = 9.0e15;

impl<'a> Cell<'a> {
    /// A text as it stands in a file: without outer blanks, missing if nothing is left, or if it is one of the
    /// words that programs write for "nothing" and that are no word in any language: `NaN`, `null`.
    pub(crate) fn of_text(text: &'a str) -> Self {
        let text = text.trim();
        match text.is_empty() || is_any(text, &["nan", "null"]) {
            true => Cell::Missing,
            false => Cell::Text(text),
        }
    }

    pub(crate) fn of_number(value: f64) -> Self {
        match value.is_nan() {
            true => Cell::Missing,
            false => Cell::Number(value),
        }
    }

    /// Where a text is not asked for, a few more words mean "nothing". In a text they can be a level:
    /// NA is Namibia and North America.
    fn unless_word_for_nothing(self) -> Self {
        match self {
            Cell::Text(text) if is_any(text, &["na", "n/a", "#n/a", "<na>", "none"]) => Cell::Missing,
            cell => cell,
        }
    }

    /// Whether it is a word that means "nothing" where no text is asked for.
    pub(crate) fn is_word_for_nothing(self) -> bool {
        self != Cell::Missing && self.unless_word_for_nothing() == Cell::Missing
    }

    /// The cell for an error message.
    pub(crate) fn shown(self) -> String {
        match self {
            Cell::Missing => String::new(),
            Cell::Number(value) => value.to_string(),
            Cell::Text(text) => text.chars().take(80).collect(),
        }
    }

    /// A finite number; NaN where missing.
    pub(crate) fn number(self) -> Read<f64> {
        let value = match self.unless_word_for_nothing() {
            Cell::Missing => return Ok(f64::NAN),
            Cell::Number(value) => value,
            Cell::Text(text) => text.parse::<f64>().map_err(|_| NUMBER)?,
        };
        if value.is_finite() { Ok(value) } else { Err(FINITE) }
    }

    /// A whole number from 0; NaN where missing.
    pub(super) fn count(self) -> Read<f64> {
        let value = self.number()?;
        if value.is_nan() || (value >= 0.0 && value.fract() == 0.0) { Ok(value) } else { Err(COUNT) }
    }

    /// A share from 0; above 1 is let through up to 10; NaN where missing.
    pub(super) fn share(self) -> Read<f64> {
        let value = self.number()?;
        if value.is_nan() || (0.0..=MAX_SHARE).contains(&value) { Ok(value) } else { Err(SHARE) }
    }

    /// 1 or 0; NaN where missing.
    pub(super) fn flag(self) -> Read<f64> {
        self.truth().map(|truth| truth.map_or(f64::NAN, f64::from)).ok_or(FLAG)
    }

    /// A label; `None` where missing.
    pub(super) fn label(self) -> Read<Option<bool>> {
        self.truth().ok_or(LABEL)
    }

    /// Yes or no, `Some(None)` where missing, `None` where it is neither.
    pub(crate) fn truth(self) -> Option<Option<bool>> {
        match self.unless_word_for_nothing() {
            Cell::Missing => Some(None),
            Cell::Number(1.0) => Some(Some(true)),
            Cell::Number(0.0) => Some(Some(false)),
            Cell::Text(text) if is_any(text, &["true", "yes", "1", "y", "t", "1.0"]) => Some(Some(true)),
            Cell::Text(text) if is_any(text, &["false", "no", "0", "n", "f", "0.0"]) => Some(Some(false)),
            _ => None,
        }
    }

    /// A civil date; the date of a date with a time, in UTC if it has an offset; `None` where missing.
    /// A number is no date.
    pub(crate) fn date(self) -> Read<Option<Date>> {
        match self.unless_word_for_nothing() {
            Cell::Missing => Ok(None),
            Cell::Number(_) => Err(DATE),
            Cell::Text(text) => date_of(text).map(Some).ok_or(DATE),
        }
    }

    /// An amount from 0 in minor units, rounded to whole ones; `None` where missing.
    pub(super) fn cents(self, per_unit: f64) -> Read<Option<i64>> {
        let cents = (self.number().map_err(|_| AMOUNT)? * per_unit).round();
        match cents {
            cents if cents.is_nan() => Ok(None),
            cents if (0.0..=MAX_CENTS).contains(&cents) => Ok(Some(cents as i64)),
            _ => Err(AMOUNT),
        }
    }
}

fn date_of(text: &str) -> Option<Date> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-".contains(first)) {
        return None;
    }
    let in_utc = text.parse().map(|at: Timestamp| at.to_zoned(TimeZone::UTC).date());
    in_utc.or_else(|_| text.parse()).ok()
}

fn is_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_words_for_nothing_are_missing_in_numbers() {
        for text in ["", "  ", "NA", "n/a", "NaN", "null", "NULL", "None", "<NA>", "#N/A"] {
            assert!(Cell::of_text(text).number().unwrap().is_nan(), "{text:?}");
            assert_eq!(Cell::of_text(text).label(), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn a_text_keeps_words_that_can_be_levels() {
        assert_eq!(Cell::of_text(" NA "), Cell::Text("NA"));
        assert_eq!(Cell::of_text("None"), Cell::Text("None"));
        assert_eq!(Cell::of_text("nan"), Cell::Missing);
    }

    #[test]
    fn flags_are_read_in_many_hands() {
        for (yes, no) in
            [("1", "0"), ("true", "False"), ("YES", "no"), ("Y", "n"), ("1.0", "0.0"), ("t", "F")]
        {
            assert_eq!(Cell::Text(yes).flag(), Ok(1.0));
            assert_eq!(Cell::Text(no).flag(), Ok(0.0));
        }
        assert_eq!(Cell::Text("No phone service").flag(), Err(FLAG));
        assert_eq!(Cell::Number(2.0).flag(), Err(FLAG));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(Cell::Text("1,5").number(), Err(NUMBER));
        assert_eq!(Cell::Text("inf").number(), Err(FINITE));
        assert_eq!(Cell::Number(f64::NEG_INFINITY).number(), Err(FINITE));
        assert_eq!(Cell::Text("-1").count(), Err(COUNT));
        assert_eq!(Cell::Number(1.5).count(), Err(COUNT));
        assert_eq!(Cell::Text("31").share(), Err(SHARE));
        assert_eq!(Cell::Text("-0.1").share(), Err(SHARE));
        assert_eq!(Cell::Text("1.2").share(), Ok(1.2));
    }

    #[test]
    fn a_date_may_carry_a_time() {
        let date = jiff::civil::date(2023, 7, 28);
        assert_eq!(Cell::Text("2023-07-28").date(), Ok(Some(date)));
        assert_eq!(Cell::Text("2023-07-28 03:00:00").date(), Ok(Some(date)));
        assert_eq!(Cell::Text("2023-07-28T23:00:00-02:00").date(), Ok(Some(jiff::civil::date(2023, 7, 29))));
        assert_eq!(Cell::Text("2/24/2011").date(), Err(DATE));
        assert_eq!(Cell::Number(19000.0).date(), Err(DATE));
    }

    #[test]
    fn amounts_are_rounded_to_cents() {
        assert_eq!(Cell::Text("19.999").cents(100.0), Ok(Some(2000)));
        assert_eq!(Cell::Number(1234.0).cents(1.0), Ok(Some(1234)));
        assert_eq!(Cell::Missing.cents(100.0), Ok(None));
        assert_eq!(Cell::Text("-1").cents(100.0), Err(AMOUNT));
        assert_eq!(Cell::Text("1e300").cents(100.0), Err(AMOUNT));
    }
}
