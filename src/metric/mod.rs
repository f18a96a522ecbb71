//! How good scores are: ranking, honesty of probabilities, money. Slices in, one number out.
//!
//! Every function takes `y`, the true class of `n` rows, a score or probability a row and, where weighting has a
//! meaning, optional weights (finite, at least 0, not all 0; `None` is 1 for every row). Tied scores count the same
//! in whatever order their rows stand.

mod bootstrap;
mod campaign;
mod check;
mod costed;
pub(crate) mod distribution;
mod groups;
mod policy;
mod probability;
mod profit;
mod ranking;
mod sample_size;
mod uplift;

pub use campaign::{Campaign, MaximumProfit, expected_maximum_profit};
pub use costed::{CostedPoint, costed_qini, costed_qini_area};
pub use policy::{
    ChoiceLog, FEWEST_MATCHES, policy_gain_dr, policy_value_direct, policy_value_dr, policy_value_ipw,
    policy_value_snipw,
};
pub use probability::{
    CalibrationBin, DEFAULT_CALIBRATION_BINS, brier, calibration_curve, calibration_error, log_loss, sigmoid,
};
pub use profit::{Costs, expected_profit};
pub use ranking::{DEFAULT_LIFT_SHARE, average_precision, lift_at, roc_auc};
pub use sample_size::{
    Experiment, SampleSize, detectable_difference, sample_size_for_amounts, sample_size_for_shares,
};
pub use uplift::{
    Estimate, UpliftPoint, qini_coefficient, qini_interval, uplift_area, uplift_area_interval, uplift_curve,
};
