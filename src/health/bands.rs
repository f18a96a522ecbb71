//! Where the bands begin: so that they are far apart, by share of the accounts, or by what care and loss cost; and how
//! well they foretold.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scored::Band;
use crate::error::{ErrorKind, Result};

/// How the edges of the bands are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum BandEdges {
    /// The riskiest accounts whatever their segment, so that red accounts leave so many times as often as amber ones.
    ///
    /// Red is the riskiest tenth of the training accounts, or less of them, but no less than a fiftieth; amber the next
    /// 5 to 40 in a hundred, as few as will do. Both what was foretold of accounts left out and what came of them have to
    /// be a fifth further apart than asked, so that it holds on later dates too; both bands have to hold ten that left.
    /// Where no edges do that (a base rate above one in five, or a score that tells accounts apart badly), red is the
    /// riskiest tenth and amber the next fifth, and [`HealthModel::bands_note`](super::HealthModel::bands_note) says so.
    /// A model of expansion only takes [`Share`](Self::Share) of a tenth and a fifth.
    Apart {
        /// How many times as often: 1 to 10.
        times: f64,
    },
    /// The accounts of least health within their segments, by share of the training accounts.
    Share {
        /// Share that is red, above 0 and below 1.
        red: f64,
        /// Share that is amber, above 0; red and amber leave something for green.
        amber: f64,
    },
    /// The accounts for which care is worth its cost: red from a churn probability of `red_care / loss`, amber from
    /// `amber_care / loss`. The three are in one unit, and it is the risk that counts, not the segment.
    Cost {
        /// What is spent on an account that is red: a visit, a project.
        red_care: f64,
        /// What is spent on one that is amber: a call; above 0 and below `red_care`.
        amber_care: f64,
        /// What is lost with an account that could have been kept; above `red_care`.
        loss: f64,
    },
}

impl Default for BandEdges {
    fn default() -> Self {
        BandEdges::Apart { times: 3.0 }
    }
}

impl BandEdges {
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |name, value: f64, expected| {
            Err(ErrorKind::Parameter { name, value: value.to_string(), expected }.into())
        };
        match *self {
            BandEdges::Apart { times } if !(1.0..=10.0).contains(&times) => {
                refuse("bands_apart", times, "1 to 10")
            }
            BandEdges::Share { red, .. } if !(red > 0.0 && red < 1.0) => {
                refuse("red_share", red, "above 0 and below 1")
            }
            BandEdges::Share { red, amber } if !(amber > 0.0 && red + amber < 1.0) => {
                refuse("amber_share", amber, "above 0 and, with red_share, below 1")
            }
            BandEdges::Cost { loss, .. } if !(loss > 0.0 && loss.is_finite()) => {
                refuse("loss", loss, "a number above 0")
            }
            BandEdges::Cost { red_care, loss, .. } if !(red_care > 0.0 && red_care < loss) => {
                refuse("red_care", red_care, "above 0 and below loss")
            }
            BandEdges::Cost { red_care, amber_care, .. } if !(amber_care > 0.0 && amber_care < red_care) => {
                refuse("amber_care", amber_care, "above 0 and below red_care")
            }
            _ => Ok(()),
        }
    }
}

/// What was foretold of the accounts of a band, and what came of it, on training accounts left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandOutcome {
    /// The band.
    pub band: Band,
    /// Accounts in it whose outcome is known.
    pub n_accounts: usize,
    /// Those to whom it happened.
    pub n_positive: usize,
    /// Mean probability foretold; 0 where there is no account.
    pub predicted: f64,
}

impl BandOutcome {
    /// Of each band, red first, from the band, probability and outcome of each account.
    pub(super) fn of_each(accounts: impl Iterator<Item = (Band, f64, bool)>) -> [BandOutcome; 3] {
        let none = |band| BandOutcome { band, n_accounts: 0, n_positive: 0, predicted: 0.0 };
        let mut outcomes = [Band::Red, Band::Amber, Band::Green].map(none);
        for (band, probability, happened) in accounts {
            let outcome = &mut outcomes[band as usize];
            outcome.n_accounts += 1;
            outcome.n_positive += usize::from(happened);
            outcome.predicted += probability;
        }
        for outcome in &mut outcomes {
            outcome.predicted /= outcome.n_accounts.max(1) as f64;
        }
        outcomes
    }

    /// The share of the band to whom it happened; 0 where there is no account.
    pub fn rate(&self) -> f64 {
        self.n_positive as f64 / self.n_accounts.max(1) as f64
    }
}

impl fmt::Display for BandOutcome {
    /// "red: 1,304 accounts, rate 36.5 %, foretold 37.1 %".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rate, predicted) = (100.0 * self.rate(), 100.0 * self.predicted);
        write!(f, "{}: {} accounts, rate {rate:.1} %, foretold {predicted:.1} %", self.band, self.n_accounts)
    }
}

/// What is to be known of bands that should be so many times apart and are not, or where that is not known.
pub(super) fn note(times: f64, outcomes: Option<&[BandOutcome; 3]>) -> Option<String> {
    const SHARES: &str = "red is the riskiest tenth of the training accounts, amber the next fifth";
    let Some([red, amber, _]) = outcomes else {
        return Some(format!(
            "how far the bands are apart is not known, as no account could be left out; {SHARES}"
        ));
    };
    // Cross-multiplied, so that three times is three times to the bit.
    let count = |n: usize| n as f64;
    let is_apart = count(red.n_positive) * count(amber.n_accounts)
        >= times * count(amber.n_positive) * count(red.n_accounts);
    if red.n_positive > 0 && is_apart {
        return None;
    }
    let found = match amber.n_positive {
        0 => format!("the red band holds {} that left and the amber one none", red.n_positive),
        _ => format!("red accounts leave {:.1} times as often as amber ones", red.rate() / amber.rate()),
    };
    Some(format!("{found}, where {times} was asked: risk is not spread widely enough; {SHARES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_told_band_by_band() {
        let accounts = [(Band::Red, 0.6, true), (Band::Green, 0.1, false), (Band::Red, 0.4, false)];
        let [red, amber, green] = BandOutcome::of_each(accounts.into_iter());
        assert_eq!(red.to_string(), "red: 2 accounts, rate 50.0 %, foretold 50.0 %");
        assert_eq!((amber.n_accounts, amber.rate(), amber.predicted), (0, 0.0, 0.0));
        assert_eq!((green.n_accounts, green.n_positive), (1, 0));
    }

    #[test]
    fn bands_that_are_not_as_far_apart_as_asked_are_told() {
        let of = |red: usize, amber: usize| {
            let outcome =
                |band, n_positive| BandOutcome { band, n_accounts: 100, n_positive, predicted: 0.0 };
            [outcome(Band::Red, red), outcome(Band::Amber, amber), outcome(Band::Green, 1)]
        };
        assert_eq!(note(3.0, Some(&of(60, 20))), None);
        assert_eq!(
            note(3.0, Some(&of(60, 30))).unwrap(),
            "red accounts leave 2.0 times as often as amber ones, where 3 was asked: risk is not spread widely enough; \
             red is the riskiest tenth of the training accounts, amber the next fifth"
        );
        assert!(
            note(3.0, Some(&of(0, 0)))
                .unwrap()
                .starts_with("the red band holds 0 that left and the amber one none")
        );
        assert!(note(3.0, None).unwrap().starts_with("how far the bands are apart is not known"));
    }
}
