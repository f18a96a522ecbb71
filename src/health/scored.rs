//! What a model says of each account of a frame.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::explain::Reason;
use crate::frame::Frame;
use crate::model::ModelFile;

/// Health in three steps. An order: red is worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Among the riskiest.
    Red,
    /// To be watched.
    Amber,
    /// The rest.
    Green,
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Band::Red => "red",
            Band::Amber => "amber",
            Band::Green => "green",
        })
    }
}

/// Scores, health and reasons of `n` accounts, with the frame they were read from.
///
/// Churn columns are there where the model was trained on churn, expansion columns where on expansion. It can be written
/// to a file and read back, as a model can.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scored {
    /// The accounts that were scored.
    pub frame: Frame,
    /// Calibrated probability of churn within the horizon, in (0, 1).
    pub churn_probability: Option<Vec<f64>>,
    /// Calibrated probability of expansion within the horizon, in (0, 1).
    pub expansion_probability: Option<Vec<f64>>,
    /// Health, 0 to 100; 50 is usual in the account's segment. From churn risk, or from expansion where only that was
    /// trained.
    pub health: Vec<f64>,
    /// The band of each account.
    pub band: Vec<Band>,
    /// Sub-scores 0 to 100 of the eight dimensions in the order of `Dimension::ALL`, `n × 8`; 50 is usual in the
    /// account's segment.
    pub sub_scores: Vec<[f64; 8]>,
    /// The same map of the chance to grow as health is of risk, 0 to 100: 50 is usual in the account's segment, more is
    /// likelier to grow. `None` where expansion was not trained.
    pub growth: Option<Vec<f64>>,
    /// The segment that each account was read within: "tier small, plan team", the deepest that training saw.
    pub segment: Vec<Arc<str>>,
    /// Share of what matters to the score that is known of each account, 0 to 1.
    pub coverage: Vec<f64>,
    /// Reasons for the churn score (for expansion where only that was trained), strongest first.
    pub reasons: Vec<Vec<Reason>>,
    /// Reasons for the expansion score, strongest first.
    pub expansion_reasons: Vec<Vec<Reason>>,
    /// Length of the horizon of the probabilities, in days.
    pub horizon_days: u32,
    /// What whoever relies on the scores should know of the accounts, a sentence each: that some are of a segment never
    /// seen, or that nothing is known of some. Mostly empty.
    pub notes: Vec<String>,
}

/// The notes on accounts of segments never seen, one name an account, and on those of which nothing is known.
pub(super) fn notes(unseen: Vec<String>, coverage: &[f64]) -> Vec<String> {
    let mut notes = Vec::new();
    if !unseen.is_empty() {
        let n = unseen.len();
        let mut names = unseen;
        names.sort();
        names.dedup();
        let more = if names.len() > MOST_NAMES { ", …" } else { "" };
        names.truncate(MOST_NAMES);
        let names = names.join("; ");
        notes.push(format!(
            "{n} of {} accounts are of a segment that training never saw ({names}{more}): each is read within the nearest \
             segment that it saw, which `segment` names",
            coverage.len()
        ));
    }
    let n_unknown = coverage.iter().filter(|&&coverage| coverage == 0.0).count();
    if n_unknown > 0 {
        notes.push(format!(
            "of {n_unknown} of {} accounts nothing is known that matters: their scores say only what silence says",
            coverage.len()
        ));
    }
    notes
}

/// Segments that a note names.
const MOST_NAMES: usize = 3;

impl ModelFile for Scored {
    const KIND: &'static str = "scored accounts";
}

#[cfg(test)]
mod tests {
    use super::notes;

    #[test]
    fn what_should_be_known_of_accounts_is_noted() {
        assert!(notes(Vec::new(), &[0.5, 1.0]).is_empty());
        let unseen = ["tier e", "tier b", "tier b", "tier d", "tier c"].map(String::from);
        assert_eq!(
            notes(unseen.into(), &[0.5, 1.0, 0.0, 0.2, 1.0, 1.0]),
            [
                "5 of 6 accounts are of a segment that training never saw (tier b; tier c; tier d, …): each is read \
                 within the nearest segment that it saw, which `segment` names",
                "of 1 of 6 accounts nothing is known that matters: their scores say only what silence says",
            ]
        );
    }
}
