//! Where the bands begin: by share of the accounts, or by what care and loss cost.

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};

/// How the edges of the bands are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum BandEdges {
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
        BandEdges::Share { red: 0.1, amber: 0.2 }
    }
}

impl BandEdges {
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |name, value: f64, expected| {
            Err(ErrorKind::Parameter { name, value: value.to_string(), expected }.into())
        };
        match *self {
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
