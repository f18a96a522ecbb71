//! How well a score has predicted, on accounts it had not seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::metric;

/// How well probabilities foretold a label.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Labelled accounts.
    pub n_accounts: usize,
    /// Those to whom it happened.
    pub n_positive: usize,
    /// Area under the ROC curve, 0.5 is chance.
    pub roc_auc: f64,
    /// Average precision; the share of positives is chance.
    pub average_precision: f64,
    /// Mean log loss in nats.
    pub log_loss: f64,
    /// Expected calibration error over ten bins of equal size, in probability.
    pub calibration_error: f64,
    /// How many times as many positives as usual are in the top tenth.
    pub lift_top_tenth: f64,
}

impl Quality {
    /// Compares probabilities with what happened, `n` each.
    ///
    /// # Errors
    /// One class only, or lengths that differ.
    pub fn of(happened: &[bool], probability: &[f64]) -> Result<Self> {
        Ok(Quality {
            n_accounts: happened.len(),
            n_positive: happened.iter().filter(|&&positive| positive).count(),
            roc_auc: metric::roc_auc(happened, probability, None)?,
            average_precision: metric::average_precision(happened, probability, None)?,
            log_loss: metric::log_loss(happened, probability, None)?,
            calibration_error: metric::calibration_error(happened, probability, 10, None)?,
            lift_top_tenth: metric::lift_at(happened, probability, 0.1, None)?,
        })
    }
}

impl fmt::Display for Quality {
    /// "AUC 0.851, average precision 0.67, log loss 0.409, calibration error 0.012, lift in the top tenth 2.9
    /// (1,761 accounts, 467 positive)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AUC {:.3}, average precision {:.3}, ", self.roc_auc, self.average_precision)?;
        write!(f, "log loss {:.3}, calibration error {:.3}, ", self.log_loss, self.calibration_error)?;
        write!(f, "lift in the top tenth {:.1} ", self.lift_top_tenth)?;
        write!(f, "({} accounts, {} positive)", self.n_accounts, self.n_positive)
    }
}
