//! How good scores are: ranking, honesty of probabilities, money. Slices in, one number out.
//!
//! Every function takes `y`, the true class of `n` rows, a score or probability a row and, where weighting has a
//! meaning, optional weights (finite, at least 0, not all 0; `None` is 1 for every row). Tied scores count the same
//! in whatever order their rows stand.

mod check;
mod groups;
mod probability;
mod profit;
mod ranking;

pub use probability::{
    CalibrationBin, DEFAULT_CALIBRATION_BINS, brier, calibration_curve, calibration_error, log_loss, sigmoid,
};
pub use profit::{Costs, expected_profit};
pub use ranking::{DEFAULT_LIFT_SHARE, average_precision, lift_at, roc_auc};
