//! Money as whole minor units (cents) of one currency, so that sums are exact.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An amount in minor units of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents.
    pub cents: i64,
    /// ISO 4217 code: "EUR".
    pub currency: Arc<str>,
}

impl Money {
    /// An amount in minor units: `Money::new(500_000, "EUR")` is 5,000 euros.
    pub fn new(cents: i64, currency: &str) -> Self {
        Money { cents, currency: currency.into() }
    }

    /// Whole euros: `Money::eur(5_000)`.
    pub fn eur(euros: i64) -> Self {
        Money::new(euros * 100, "EUR")
    }

    /// Whole US dollars: `Money::usd(5_000)`.
    pub fn usd(dollars: i64) -> Self {
        Money::new(dollars * 100, "USD")
    }
}

impl fmt::Display for Money {
    /// Whole units with thousands separated: `EUR 5,000`; the form for reports. Cents are in [`Money::cents`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = (self.cents as f64 / 100.0).round() as i64;
        let digits = whole.unsigned_abs().to_string();
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap_or(""))
            .collect();
        write!(f, "{} {}{}", self.currency, if whole < 0 { "-" } else { "" }, groups.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_in_whole_units_with_thousands() {
        assert_eq!(Money::eur(1_234_567).to_string(), "EUR 1,234,567");
        assert_eq!(Money::new(-99_950, "USD").to_string(), "USD -1,000");
        assert_eq!(Money::usd(0).to_string(), "USD 0");
    }
}
