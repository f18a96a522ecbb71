//! How well each segment was foretold, and what it is worth.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::SegmentTree;
use crate::error::Result;
use crate::metric;
use crate::model::sigmoid;

/// One segment of the training accounts: its size, its money, and how well its outcomes were foretold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentReport {
    /// "tier small, plan team"; "all accounts" for the whole.
    pub name: Arc<str>,
    /// How many keys it has: 0 for the whole.
    pub depth: u32,
    /// Training rows in it.
    pub n_accounts: usize,
    /// Their recurring value in minor units, as far as it is known; `None` where the table has none.
    pub value_cents: Option<i64>,
    /// Churn in it; `None` where churn was not trained or no outcome of the segment is known.
    pub churn: Option<SegmentOutcome>,
    /// Expansion in it, as [`churn`](Self::churn).
    pub expansion: Option<SegmentOutcome>,
}

/// What was foretold of one outcome in a segment, and what came of it, on accounts left out.
///
/// The accounts are left out twice: of the model's folds, and of five folds of the segments' own calibration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentOutcome {
    /// Accounts whose outcome is known.
    pub n_accounts: usize,
    /// Those to whom it happened.
    pub n_positive: usize,
    /// Share to whom it happened.
    pub rate: f64,
    /// Mean probability that was given.
    pub predicted: f64,
    /// Expected calibration error, in probability: over bins of at least 50 accounts, at most ten.
    pub calibration_error: f64,
    /// The same without the segments' own calibration.
    pub calibration_error_of_one: f64,
}

impl fmt::Display for SegmentReport {
    /// "tier small: 1,100 accounts; churn 9.1 %, 9.0 % foretold (calibration error 0.8 points, 2.1 with one for all)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} accounts", self.name, self.n_accounts)?;
        for (what, outcome) in [("churn", &self.churn), ("expansion", &self.expansion)] {
            let Some(outcome) = outcome else { continue };
            write!(f, "; {what} {:.1} %, ", 100.0 * outcome.rate)?;
            write!(f, "{:.1} % foretold ", 100.0 * outcome.predicted)?;
            write!(f, "(calibration error {:.1} points, ", 100.0 * outcome.calibration_error)?;
            write!(f, "{:.1} with one for all)", 100.0 * outcome.calibration_error_of_one)?;
        }
        Ok(())
    }
}

/// Least accounts of a bin.
const BIN_ACCOUNTS: usize = 50;

/// Outcomes of each segment: `of_one` are calibrated log-odds of one map for all, `own` those of the segments' own.
pub(in crate::health) fn outcomes(
    tree: &SegmentTree,
    node_of_row: &[u32],
    happened: &[bool],
    of_one: &[f64],
    own: &[f64],
) -> Result<Vec<Option<SegmentOutcome>>> {
    let of_rows =
        |rows: &Vec<usize>| (!rows.is_empty()).then(|| outcome(rows, happened, of_one, own)).transpose();
    tree.rows(node_of_row).iter().map(of_rows).collect()
}

fn outcome(rows: &[usize], happened: &[bool], of_one: &[f64], own: &[f64]) -> Result<SegmentOutcome> {
    let y: Vec<bool> = rows.iter().map(|&row| happened[row]).collect();
    let probability = |log_odds: &[f64]| rows.iter().map(|&row| sigmoid(log_odds[row])).collect::<Vec<_>>();
    let n_bins = (rows.len() / BIN_ACCOUNTS).clamp(1, metric::DEFAULT_CALIBRATION_BINS);
    let error = |p: &[f64]| metric::calibration_error(&y, p, n_bins, None);
    let own = probability(own);
    let n_positive = y.iter().filter(|&&positive| positive).count();
    let n = rows.len() as f64;
    Ok(SegmentOutcome {
        n_accounts: rows.len(),
        n_positive,
        rate: n_positive as f64 / n,
        predicted: own.iter().sum::<f64>() / n,
        calibration_error: error(&own)?,
        calibration_error_of_one: error(&probability(of_one))?,
    })
}
