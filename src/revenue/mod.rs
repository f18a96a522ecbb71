//! The book: accounts, recurring revenue, and what is expected to be lost and gained within the horizon.

use std::fmt;

use crate::error::{ErrorKind, Result};
use crate::health::Scored;
use crate::schema::{Money, Schema};

/// How the book is reckoned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookParams {
    expansion_value: f64,
}

impl BookParams {
    /// What an expansion adds, as a share of the account's recurring value; a playbook's has the same name.
    /// Range: above 0, at most 10. Default: .2.
    pub fn expansion_value(mut self, expansion_value: f64) -> Self {
        self.expansion_value = expansion_value;
        self
    }

    fn check(&self) -> Result<()> {
        if self.expansion_value > 0.0 && self.expansion_value <= 10.0 {
            return Ok(());
        }
        let value = self.expansion_value.to_string();
        Err(ErrorKind::Parameter { name: "expansion_value", value, expected: "above 0 and at most 10" }
            .into())
    }

    /// Reckons the book of all accounts.
    ///
    /// # Errors
    /// `expansion_value` outside its range; accounts without a value column.
    pub fn reckon(&self, scored: &Scored) -> Result<Book> {
        let all: Vec<usize> = (0..scored.frame.n_rows()).collect();
        self.reckon_rows(scored, &all)
    }

    /// Reckons the book of some accounts: a segment, a band, those of one success manager.
    ///
    /// # Errors
    /// As [`reckon`](Self::reckon).
    ///
    /// # Panics
    /// If a row is not in the frame.
    pub fn reckon_rows(&self, scored: &Scored, rows: &[usize]) -> Result<Book> {
        self.check()?;
        let text = "the book needs money: name a [value] column that the table has";
        let values = scored.frame.value_cents().ok_or_else(|| ErrorKind::Schema(text.into()))?;
        let accounts = Accounts {
            schema: scored.frame.schema(),
            values,
            churn: scored.churn_probability.as_deref(),
            expansion: scored.expansion_probability.as_deref(),
            horizon_days: scored.horizon_days,
        };
        Ok(self.book(&accounts, rows))
    }

    fn book(&self, accounts: &Accounts, rows: &[usize]) -> Book {
        let mut sums = Sums::default();
        rows.iter().for_each(|row| sums.add(accounts, *row, self.expansion_value));
        sums.book(accounts, rows.len())
    }
}

/// What the book reads of scored accounts.
struct Accounts<'a> {
    schema: &'a Schema,
    values: &'a [Option<i64>],
    churn: Option<&'a [f64]>,
    expansion: Option<&'a [f64]>,
    horizon_days: u32,
}

/// Accounts with their recurring revenue a year, and what is expected of it within the horizon.
///
/// Loss and growth are recurring revenue a year that is expected to go and to come within the horizon: the sums
/// of probability × value. Accounts whose value is not known are counted, and are in none of the sums.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// Number of accounts.
    pub n_accounts: usize,
    /// Of these, accounts whose value is not known.
    pub n_without_value: usize,
    /// Recurring revenue a year.
    pub recurring: Money,
    /// Expected loss of it by churn; `None` where churn was not scored.
    pub expected_loss: Option<Money>,
    /// Standard deviation of that loss, if accounts leave independently of each other.
    pub loss_deviation: Option<Money>,
    /// Expected growth of it by expansion; `None` where expansion was not scored.
    pub expected_growth: Option<Money>,
    /// Expected gross revenue retention within the horizon, 0 to 1; 1 without revenue.
    pub gross_retention: Option<f64>,
    /// Expected net revenue retention within the horizon; above 1 where growth outweighs loss.
    pub net_retention: Option<f64>,
    /// Length of the horizon in days.
    pub horizon_days: u32,
}

impl Book {
    /// How the book is reckoned, with defaults.
    pub fn params() -> BookParams {
        BookParams { expansion_value: 0.2 }
    }
}

#[derive(Default)]
struct Sums {
    without_value: usize,
    recurring: f64,
    loss: f64,
    loss_variance: f64,
    growth: f64,
}

impl Sums {
    fn add(&mut self, accounts: &Accounts, row: usize, expansion_value: f64) {
        let Some(value) = accounts.values[row] else {
            self.without_value += 1;
            return;
        };
        let yearly = value as f64 * accounts.schema.value.as_ref().map_or(12.0, |value| value.per_year);
        self.recurring += yearly;
        if let Some(churn) = accounts.churn {
            self.loss += yearly * churn[row];
            self.loss_variance += yearly * yearly * churn[row] * (1.0 - churn[row]);
        }
        if let Some(expansion) = accounts.expansion {
            self.growth += yearly * expansion[row] * expansion_value;
        }
    }

    fn book(&self, accounts: &Accounts, n_accounts: usize) -> Book {
        let currency = accounts.schema.value.as_ref().map_or("EUR", |value| value.currency.as_str());
        let money = |cents: f64| Money::new(cents.round() as i64, currency);
        let share = |left: f64| if self.recurring > 0.0 { left / self.recurring } else { 1.0 };
        let (churn, expansion) = (accounts.churn, accounts.expansion);
        Book {
            n_accounts,
            n_without_value: self.without_value,
            recurring: money(self.recurring),
            expected_loss: churn.map(|_| money(self.loss)),
            loss_deviation: churn.map(|_| money(self.loss_variance.sqrt())),
            expected_growth: expansion.map(|_| money(self.growth)),
            gross_retention: churn.map(|_| share(self.recurring - self.loss)),
            net_retention: churn.and(expansion).map(|_| share(self.recurring - self.loss + self.growth)),
            horizon_days: accounts.horizon_days,
        }
    }
}

impl fmt::Display for Book {
    /// "2,000 accounts with EUR 12,340,000 recurring a year; within 90 days EUR 610,000 (standard deviation
    /// EUR 80,000) are expected to be lost and EUR 240,000 to be gained: gross retention 95.1 %, net retention 97.0 %".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} accounts with {} recurring a year", self.n_accounts, self.recurring)?;
        if self.n_without_value > 0 {
            write!(f, " ({} of them without a known value)", self.n_without_value)?;
        }
        write!(f, "; within {} days", self.horizon_days)?;
        if let (Some(loss), Some(deviation)) = (&self.expected_loss, &self.loss_deviation) {
            write!(f, " {loss} (standard deviation {deviation}) are expected to be lost")?;
        }
        if let Some(growth) = &self.expected_growth {
            let and = if self.expected_loss.is_some() { " and" } else { "" };
            let expected = if self.expected_loss.is_some() { "" } else { " are expected" };
            write!(f, "{and} {growth}{expected} to be gained")?;
        }
        self.write_retention(f)
    }
}

impl Book {
    fn write_retention(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(gross) = self.gross_retention {
            write!(f, ": gross retention {:.1} %", 100.0 * gross)?;
        }
        if let Some(net) = self.net_retention {
            write!(f, ", net retention {:.1} %", 100.0 * net)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        toml::from_str("value = { column = 'mrr', currency = 'USD', per_year = 12 }").unwrap()
    }

    fn book(values: &[Option<i64>], churn: Option<&[f64]>, expansion: Option<&[f64]>) -> Book {
        let schema = schema();
        let rows: Vec<usize> = (0..values.len()).collect();
        let accounts = Accounts { schema: &schema, values, churn, expansion, horizon_days: 90 };
        Book::params().book(&accounts, &rows)
    }

    #[test]
    fn loss_and_growth_are_probability_times_value() {
        let book = book(&[Some(10_000), Some(20_000), None], Some(&[0.5, 0.1, 0.9]), Some(&[0.0, 0.5, 0.9]));
        assert_eq!((book.n_accounts, book.n_without_value), (3, 1));
        assert_eq!(book.recurring, Money::usd(3_600));
        // 1,200 × .5 + 2,400 × .1; 2,400 × .5 × .2.
        assert_eq!(book.expected_loss, Some(Money::usd(840)));
        assert_eq!(book.expected_growth, Some(Money::usd(240)));
        assert!((book.gross_retention.unwrap() - 2_760.0 / 3_600.0).abs() < 1e-12);
        assert!((book.net_retention.unwrap() - 3_000.0 / 3_600.0).abs() < 1e-12);
        // √(600² + 720²) = 937.2.
        assert_eq!(book.loss_deviation.as_ref().unwrap().cents, 93_723);
        assert_eq!(
            book.to_string(),
            "3 accounts with USD 3,600 recurring a year (1 of them without a known value); within 90 days \
             USD 840 (standard deviation USD 937) are expected to be lost and USD 240 to be gained: gross \
             retention 76.7 %, net retention 83.3 %"
        );
    }

    #[test]
    fn what_was_not_scored_is_not_reckoned() {
        let book = book(&[Some(10_000)], None, Some(&[0.5]));
        assert_eq!((&book.expected_loss, book.gross_retention, book.net_retention), (&None, None, None));
        assert_eq!(
            book.to_string(),
            "1 accounts with USD 1,200 recurring a year; within 90 days USD 120 are expected to be gained"
        );
    }

    #[test]
    fn a_book_without_revenue_keeps_all_of_it() {
        assert_eq!(book(&[None], Some(&[0.5]), None).gross_retention, Some(1.0));
    }

    #[test]
    fn an_expansion_value_outside_its_range_is_refused() {
        let text = Book::params().expansion_value(0.0).check().unwrap_err().to_string();
        assert_eq!(text, "`expansion_value` is 0, expected above 0 and at most 10");
    }
}
