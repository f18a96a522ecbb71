//! An expression bound to a schema: names resolved, types checked, ready to be asked of accounts.

use super::parse::{Check, Comparison, Expression, Literal, LiteralValue, Test, parse};
use super::{Answer, Fault};
use crate::action::accounts::Accounts;
use crate::action::nearest::hint;
use crate::frame::{Categories, Column, MISSING_CODE};
use crate::health::Band;
use crate::schema::{Dimension, Kind, Schema};

/// A checked expression.
#[derive(Clone, Debug)]
pub(in crate::action) enum Rule {
    Or(Vec<Rule>),
    And(Vec<Rule>),
    Not(Box<Rule>),
    Missing(Source),
    Number(Source, Comparison, f64),
    NumberIn(Source, Vec<f64>),
    TextIn(Source, Vec<String>),
}

/// Where a name's values are.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::action) enum Source {
    Signal(String),
    Segment(String),
    Churn,
    Expansion,
    Health,
    Band,
    SubScore(usize),
    Value,
    /// Days since an action was last done.
    DaysSince(usize),
    /// How often an action was done.
    Times(usize),
}

/// The names that an expression can ask for, beside the scores'.
#[derive(Clone, Copy)]
pub(in crate::action) struct Names<'a> {
    pub schema: &'a Schema,
    /// The actions whose history can be asked for.
    pub actions: &'a [&'a str],
}

const DAYS_SINCE: &str = "days_since_";
const TIMES: &str = "times_";

/// What a name's values are.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Number,
    Flag,
    Text,
    Band,
}

const SCORES: [(&str, Source, Type); 5] = [
    ("churn_probability", Source::Churn, Type::Number),
    ("expansion_probability", Source::Expansion, Type::Number),
    ("health", Source::Health, Type::Number),
    ("band", Source::Band, Type::Band),
    ("value", Source::Value, Type::Number),
];

const BANDS: [(Band, &str); 3] = [(Band::Red, "red"), (Band::Amber, "amber"), (Band::Green, "green")];

impl Rule {
    /// Parses an expression and checks its names and types.
    pub fn bind(text: &str, names: Names<'_>) -> Result<Rule, Fault> {
        bind(&parse(text)?, names)
    }

    /// Whether each of the `n` accounts is eligible.
    pub fn eligible(&self, accounts: &Accounts) -> Vec<bool> {
        self.answers(accounts).into_iter().map(|answer| answer == Some(true)).collect()
    }

    fn answers(&self, accounts: &Accounts) -> Vec<Answer> {
        match self {
            Rule::Or(parts) => fold(parts, accounts, or),
            Rule::And(parts) => fold(parts, accounts, and),
            Rule::Not(inner) => inner.answers(accounts).into_iter().map(|a| a.map(|yes| !yes)).collect(),
            Rule::Missing(source) => missing(source, accounts),
            Rule::Number(source, comparison, limit) => {
                numbers(source, accounts, |value| compare(value, *comparison, *limit))
            }
            Rule::NumberIn(source, list) => numbers(source, accounts, |value| list.contains(&value)),
            Rule::TextIn(source, list) => texts(source, accounts, |text| list.iter().any(|t| t == text)),
        }
    }
}

fn or(a: Answer, b: Answer) -> Answer {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn and(a: Answer, b: Answer) -> Answer {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn fold(parts: &[Rule], accounts: &Accounts, join: fn(Answer, Answer) -> Answer) -> Vec<Answer> {
    let answers = parts.iter().map(|part| part.answers(accounts));
    answers
        .reduce(|left, right| left.into_iter().zip(right).map(|(a, b)| join(a, b)).collect())
        .unwrap_or_default()
}

fn compare(value: f64, comparison: Comparison, limit: f64) -> bool {
    match comparison {
        Comparison::Below => value < limit,
        Comparison::AtMost => value <= limit,
        Comparison::Above => value > limit,
        Comparison::AtLeast => value >= limit,
        Comparison::Equal => value == limit,
    }
}

/// The column of a source that is a column of a table.
fn column<'a>(source: &Source, accounts: &Accounts<'a>) -> Option<&'a Column> {
    match source {
        Source::Signal(name) => accounts.signals.column(name),
        Source::Segment(name) => accounts.segments.column(name),
        _ => None,
    }
}

fn missing(source: &Source, accounts: &Accounts) -> Vec<Answer> {
    let rows = 0..accounts.n_rows();
    if let Some(column) = column(source, accounts) {
        return rows.map(|row| Some(column.is_missing(row))).collect();
    }
    if *source == Source::Band {
        return vec![Some(false); accounts.n_rows()];
    }
    rows.map(|row| Some(number(source, accounts, row).is_none())).collect()
}

fn numbers(source: &Source, accounts: &Accounts, test: impl Fn(f64) -> bool) -> Vec<Answer> {
    (0..accounts.n_rows()).map(|row| number(source, accounts, row).map(&test)).collect()
}

fn number(source: &Source, accounts: &Accounts, row: usize) -> Option<f64> {
    let value = match source {
        Source::Signal(name) | Source::Segment(name) => match accounts.signals.column(name) {
            Some(Column::Number(values)) => values[row],
            _ => return None,
        },
        Source::Churn => accounts.churn?[row],
        Source::Expansion => accounts.expansion?[row],
        Source::Health => accounts.health[row],
        Source::SubScore(at) => accounts.sub_scores[row][*at],
        Source::Value => accounts.value_cents?[row]? as f64 / 100.0,
        Source::DaysSince(action) => f64::from(accounts.done?.days_since(*action, row)?),
        Source::Times(action) => f64::from(accounts.done.map_or(0, |done| done.times(*action, row))),
        Source::Band => return None,
    };
    (!value.is_nan()).then_some(value)
}

fn texts(source: &Source, accounts: &Accounts, test: impl Fn(&str) -> bool) -> Vec<Answer> {
    if *source == Source::Band {
        let name = |band: &Band| BANDS.iter().find(|(other, _)| other == band).map_or("", |(_, name)| name);
        return accounts.band.iter().map(|band| Some(test(name(band)))).collect();
    }
    match column(source, accounts) {
        Some(Column::Category(categories)) => by_level(categories, test),
        _ => vec![None; accounts.n_rows()],
    }
}

/// Asks each level once rather than each row.
fn by_level(categories: &Categories, test: impl Fn(&str) -> bool) -> Vec<Answer> {
    let of_level: Vec<bool> = categories.levels.iter().map(|level| test(level)).collect();
    let answer = |&code: &u32| if code == MISSING_CODE { None } else { of_level.get(code as usize).copied() };
    categories.codes.iter().map(answer).collect()
}

fn bind(expression: &Expression, names: Names<'_>) -> Result<Rule, Fault> {
    let all = |parts: &[Expression]| -> Result<Vec<Rule>, Fault> {
        parts.iter().map(|part| bind(part, names)).collect()
    };
    Ok(match expression {
        Expression::Or(parts) => Rule::Or(all(parts)?),
        Expression::And(parts) => Rule::And(all(parts)?),
        Expression::Not(inner) => Rule::Not(Box::new(bind(inner, names)?)),
        Expression::Test(test) => bind_test(test, names)?,
    })
}

fn bind_test(test: &Test, names: Names<'_>) -> Result<Rule, Fault> {
    let (source, kind) = resolve(&test.name, names).ok_or_else(|| {
        Fault::new(test.at, format!("`{}` is not known; {}", test.name, hint_name(test, names)))
    })?;
    match &test.check {
        Check::IsMissing => Ok(Rule::Missing(source)),
        Check::IsTrue if kind == Type::Flag => Ok(Rule::Number(source, Comparison::Equal, 1.0)),
        Check::IsTrue => {
            let problem = format!("`{}` stands alone but is no flag; compare it with something", test.name);
            Err(Fault::new(test.at, problem))
        }
        Check::Compare(comparison, literal) => bind_comparison(test, source, kind, *comparison, literal),
        Check::In(literals) => bind_list(test, source, kind, literals),
    }
}

fn resolve(name: &str, Names { schema, actions }: Names<'_>) -> Option<(Source, Type)> {
    if let Some(signal) = schema.signals.iter().find(|signal| signal.name == name) {
        let kind = match signal.kind {
            Kind::Category => Type::Text,
            Kind::Flag => Type::Flag,
            Kind::Number | Kind::Count | Kind::Share | Kind::Date => Type::Number,
        };
        return Some((Source::Signal(name.to_owned()), kind));
    }
    if schema.segments.iter().any(|segment| segment == name) {
        return Some((Source::Segment(name.to_owned()), Type::Text));
    }
    let sub_score = Dimension::ALL.iter().position(|dimension| dimension.name() == name);
    let score = SCORES.into_iter().find(|(score, ..)| *score == name).map(|(_, source, kind)| (source, kind));
    let score = score.or_else(|| Some((Source::SubScore(sub_score?), Type::Number)));
    let action = |prefix: &str| {
        let wanted = name.strip_prefix(prefix)?;
        actions.iter().position(|action| *action == wanted)
    };
    let days = || Some((Source::DaysSince(action(DAYS_SINCE)?), Type::Number));
    score.or_else(days).or_else(|| Some((Source::Times(action(TIMES)?), Type::Number)))
}

fn hint_name(test: &Test, Names { schema, actions }: Names<'_>) -> String {
    let signals = schema.signals.iter().map(|signal| signal.name.as_str());
    let scores = SCORES.iter().map(|(name, ..)| *name);
    let dimensions = Dimension::ALL.iter().map(|dimension| dimension.name());
    // History is named only where it is asked for, or every list would be twice as long.
    let asks = [DAYS_SINCE, TIMES].into_iter().filter(|prefix| test.name.starts_with(prefix));
    let history: Vec<String> =
        asks.flat_map(|prefix| actions.iter().map(move |action| format!("{prefix}{action}"))).collect();
    let known = signals.chain(schema.segments.iter().map(String::as_str)).chain(scores).chain(dimensions);
    hint(&test.name, known.chain(history.iter().map(String::as_str)))
}

fn bind_comparison(
    test: &Test,
    source: Source,
    kind: Type,
    comparison: Comparison,
    literal: &Literal,
) -> Result<Rule, Fault> {
    if matches!(kind, Type::Text | Type::Band) {
        if comparison != Comparison::Equal {
            let problem = format!("`{}` is a text; it can be ==, != and in [..] only", test.name);
            return Err(Fault::new(test.at, problem));
        }
        return bind_list(test, source, kind, std::slice::from_ref(literal));
    }
    Ok(Rule::Number(source, comparison, number_of(test, kind, literal)?))
}

fn bind_list(test: &Test, source: Source, kind: Type, literals: &[Literal]) -> Result<Rule, Fault> {
    if matches!(kind, Type::Text | Type::Band) {
        let texts = literals.iter().map(|literal| text_of(test, kind, literal));
        return Ok(Rule::TextIn(source, texts.collect::<Result<_, _>>()?));
    }
    let numbers = literals.iter().map(|literal| number_of(test, kind, literal));
    Ok(Rule::NumberIn(source, numbers.collect::<Result<_, _>>()?))
}

fn number_of(test: &Test, kind: Type, literal: &Literal) -> Result<f64, Fault> {
    match (&literal.value, kind) {
        (LiteralValue::Number(number), _) => Ok(*number),
        (LiteralValue::Flag(flag), Type::Flag) => Ok(f64::from(u8::from(*flag))),
        _ if kind == Type::Flag => {
            Err(Fault::new(literal.at, format!("`{}` is a flag; true or false expected", test.name)))
        }
        _ => Err(Fault::new(literal.at, format!("`{}` is a number; a number expected", test.name))),
    }
}

fn text_of(test: &Test, kind: Type, literal: &Literal) -> Result<String, Fault> {
    let LiteralValue::Text(text) = &literal.value else {
        let problem = format!("`{}` is a text; a text in quotes expected", test.name);
        return Err(Fault::new(literal.at, problem));
    };
    let bands = BANDS.iter().map(|(_, name)| *name);
    if kind == Type::Band && !bands.clone().any(|band| band == text) {
        return Err(Fault::new(literal.at, format!("`{text}` is no band; {}", hint(text, bands))));
    }
    Ok(text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::tests::Book;

    fn eligible(text: &str) -> Vec<bool> {
        let book = Book::three();
        Rule::bind(text, Names { schema: &book.schema, actions: &["call"] })
            .unwrap()
            .eligible(&book.accounts())
    }

    fn fault(text: &str) -> String {
        let schema = &Book::three().schema;
        let fault = Rule::bind(text, Names { schema, actions: &["call"] }).unwrap_err();
        format!("{}: {}", fault.at, fault.problem)
    }

    #[test]
    fn signals_scores_segments_and_value_can_be_asked() {
        assert_eq!(eligible("seat_utilisation < 50 %"), [true, false, false]);
        assert_eq!(eligible("churn_probability >= 0.1"), [true, true, false]);
        assert_eq!(eligible("band in ['red', 'amber']"), [true, true, false]);
        assert_eq!(eligible("band != 'green' and health < 40"), [true, false, false]);
        assert_eq!(eligible("tier == 'gold'"), [true, false, false]);
        assert_eq!(eligible("value > 150"), [false, true, false]);
        assert_eq!(eligible("usage >= 50"), [false, true, true]);
        assert_eq!(eligible("auto_renew"), [true, false, true]);
        assert_eq!(eligible("auto_renew = false"), [false, true, false]);
        assert_eq!(eligible("nps in [3, 9]"), [true, false, false]);
    }

    #[test]
    fn a_missing_value_is_neither_true_nor_false() {
        assert_eq!(eligible("seat_utilisation >= 50 %"), [false, true, false]);
        assert_eq!(eligible("not seat_utilisation >= 50 %"), [true, false, false]);
        assert_eq!(eligible("seat_utilisation is missing"), [false, false, true]);
        assert_eq!(eligible("seat_utilisation is missing or seat_utilisation < 50 %"), [true, false, true]);
        assert_eq!(eligible("tier is not missing"), [true, true, false]);
        assert_eq!(eligible("tier not in ['gold']"), [false, true, false]);
        assert_eq!(eligible("value is missing"), [false, false, true]);
        assert_eq!(eligible("expansion_probability is missing"), [true, true, true]);
    }

    #[test]
    fn faults_name_what_is_near() {
        assert_eq!(
            fault("seat_utilization < 1"),
            "1: `seat_utilization` is not known; did you mean `seat_utilisation`?"
        );
        assert_eq!(fault("nps > 1 and heath < 3"), "13: `heath` is not known; did you mean `health`?");
        assert_eq!(
            fault("days_since_cal < 3"),
            "1: `days_since_cal` is not known; did you mean `days_since_call`?"
        );
        assert_eq!(fault("nps == 'low'"), "8: `nps` is a number; a number expected");
        assert_eq!(fault("tier > 'gold'"), "1: `tier` is a text; it can be ==, != and in [..] only");
        assert_eq!(fault("tier == 3"), "9: `tier` is a text; a text in quotes expected");
        assert_eq!(fault("nps"), "1: `nps` stands alone but is no flag; compare it with something");
        assert_eq!(fault("band == 'rod'"), "9: `rod` is no band; did you mean `red`?");
        assert_eq!(fault("auto_renew == 'yes'"), "15: `auto_renew` is a flag; true or false expected");
    }
}
