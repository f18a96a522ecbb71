//! What was found of an action's effect, in numbers and in a sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Basis;
use super::contrast::Found;
use super::data::Data;

/// Chances of getting the action nearer to 0 or 1 than this are told of.
const FAR: f64 = 0.05;

/// An average effect, in points of probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// The estimate, drawn to the prior if there is one.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// A way in which the effect may differ between accounts, with what speaks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// "the same for all", "none", "logistic", "trees".
    pub name: String,
    /// Its share in the estimate, 0 to 1: what was believed beforehand, as far as the scores do not decide.
    pub weight: f64,
    /// By how much it comes nearer to the doubly robust scores of rows left out than "the same for all" does, in mean
    /// squares.
    pub gain: f64,
    /// Standard error of the gain.
    pub standard_error: f64,
}

/// How far those with the action and those without are alike: the chances of getting it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// The lowest chance.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// Share of rows whose chance is below 5 % or above 95 %: for them there is next to nothing to compare with.
    pub share_far: f64,
}

impl Overlap {
    /// Of the rows that got an action or none: `chances` is `n × n_arms`.
    pub(super) fn of(data: &Data<'_>, chances: &[f64], action: usize) -> Self {
        let far = |e: &&f64| !(FAR..=1.0 - FAR).contains(*e);
        let rows = (0..data.n_rows()).filter(|&row| [0, action].contains(&data.arm[row]));
        let chance = |row: usize| {
            let of_row = &chances[row * data.n_arms..][..data.n_arms];
            of_row[action] / (of_row[0] + of_row[action])
        };
        let propensity: Vec<f64> = rows.map(chance).collect();
        Overlap {
            lowest: propensity.iter().copied().fold(1.0, f64::min),
            highest: propensity.iter().copied().fold(0.0, f64::max),
            share_far: propensity.iter().filter(far).count() as f64 / propensity.len().max(1) as f64,
        }
    }
}

/// What was found for one action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmReport {
    /// The action's name.
    pub arm: String,
    /// Rows that got it.
    pub n_treated: usize,
    /// Rows that got none.
    pub n_untreated: usize,
    /// Whether the effect rests on a draw.
    pub basis: Basis,
    /// The average effect over all rows of the table.
    pub average: Average,
    /// What the estimate is made of, heaviest first.
    pub candidates: Vec<Candidate>,
    /// The chances of getting the action.
    pub overlap: Overlap,
}

impl ArmReport {
    pub(super) fn new(
        arm: String,
        [n_treated, n_untreated]: [usize; 2],
        basis: Basis,
        found: Found,
        overlap: Overlap,
    ) -> Self {
        let Found { average, candidates } = found;
        ArmReport { arm, n_treated, n_untreated, basis, average, candidates, overlap }
    }

    /// Share of the estimate that tells accounts from one another.
    pub fn heterogeneity(&self) -> f64 {
        let plain = |candidate: &&Candidate| matches!(&*candidate.name, "none" | "the same for all");
        1.0 - self.candidates.iter().filter(plain).map(|candidate| candidate.weight).sum::<f64>()
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Basis::Randomised => "randomised",
            Basis::Observational => {
                "observational: an effect only if the table holds all that drove who got it"
            }
        })
    }
}

impl fmt::Display for ArmReport {
    /// "mail: +0.045 ± 0.003 on average, from 21,387 accounts with and 21,306 without it (randomised)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Average { value, standard_error } = self.average;
        write!(f, "{}: {value:+.4} ± {standard_error:.4} on average, ", self.arm)?;
        write!(
            f,
            "from {} accounts with and {} without it ({})",
            self.n_treated, self.n_untreated, self.basis
        )?;
        if self.overlap.share_far > 0.0 {
            let percent = 100.0 * self.overlap.share_far;
            write!(f, "; {percent:.1} % of them have next to nobody to compare with")?;
        }
        Ok(())
    }
}
