//! How much a blend tries, and the kinds of trees that are tried.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::gradient_trees::BoostParams;
use super::BlendPart;
use crate::error::{Error, ErrorKind};
use crate::tree::GrowParams;

/// How much time training may take. What it costs is told relative to [`Balanced`](Effort::Balanced).
///
/// ```
/// use keepwell::model::{BlendClassifier, Effort};
/// let params = BlendClassifier::params().effort(Effort::Fast);
/// assert_eq!("fast".parse::<Effort>()?, Effort::Fast);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Effort {
    /// The logistic members, without the piecewise one where numbers are many, and one kind of trees: about a third
    /// of the time.
    Fast,
    /// The logistic members and three kinds of trees, of which those stay that help. The default.
    #[default]
    Balanced,
    /// As balanced, with every kind of trees grown over three deals of the folds, at half the rate: about six times
    /// the time, and three to six times the trees to score with.
    Best,
}

impl Effort {
    /// All of them, from the least.
    pub const ALL: [Effort; 3] = [Effort::Fast, Effort::Balanced, Effort::Best];

    /// Its name: "fast", "balanced" or "best".
    pub fn name(self) -> &'static str {
        match self {
            Effort::Fast => "fast",
            Effort::Balanced => "balanced",
            Effort::Best => "best",
        }
    }

    /// How often the rows are dealt into folds anew.
    pub(super) fn n_deals(self) -> usize {
        match self {
            Effort::Fast | Effort::Balanced => 1,
            Effort::Best => 3,
        }
    }

    /// Pieces of lines beyond which the piecewise logistic member costs more time than there is.
    pub(super) fn most_pieces(self) -> usize {
        match self {
            Effort::Fast => 200,
            Effort::Balanced | Effort::Best => usize::MAX,
        }
    }

    /// Whether it has the time for a part.
    pub(super) fn has_time_for(self, part: BlendPart) -> bool {
        match part {
            BlendPart::HeldTrees | BlendPart::LargeTrees => self != Effort::Fast,
            _ => true,
        }
    }

    fn rate_factor(self) -> f64 {
        if self == Effort::Best { 0.5 } else { 1.0 }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Effort {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Effort::ALL.into_iter().find(|effort| effort.name() == name);
        let (value, expected) = (format!("`{name}`"), "`fast`, `balanced` or `best`");
        found.ok_or_else(|| ErrorKind::Parameter { name: "effort", value, expected }.into())
    }
}

/// One way to grow a blend's trees.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeKind {
    pub(super) part: BlendPart,
    max_depth: Option<usize>,
    max_leaf_nodes: usize,
    learning_rate: f64,
    l2_regularization: f64,
    subsample: f64,
}

/// The first is what does well everywhere. The others are tried beside it: strongly held trees of part of the rows
/// for weak signals, larger ones for interactions among many rows.
pub(super) const TREE_KINDS: [TreeKind; 3] = [
    TreeKind {
        part: BlendPart::GradientTrees,
        max_depth: Some(4),
        max_leaf_nodes: 16,
        learning_rate: 0.1,
        l2_regularization: 1.0,
        subsample: 1.0,
    },
    TreeKind {
        part: BlendPart::HeldTrees,
        max_depth: Some(4),
        max_leaf_nodes: 16,
        learning_rate: 0.1,
        l2_regularization: 30.0,
        subsample: 0.6,
    },
    TreeKind {
        part: BlendPart::LargeTrees,
        max_depth: None,
        max_leaf_nodes: 31,
        learning_rate: 0.05,
        l2_regularization: 1.0,
        subsample: 1.0,
    },
];

/// Most trees of a forest; early stopping ends long before.
const MOST_TREES: usize = 2000;
/// Trees without gain on the fold left out after which a forest is done.
const PATIENCE: usize = 30;
/// Share of the columns that a tree may use.
const SHARE_OF_COLUMNS: f64 = 0.7;

impl TreeKind {
    /// As boosting takes it, with a direction a column; one thread, since folds are grown side by side.
    pub(super) fn boost_params(&self, effort: Effort, monotonic: &[i8]) -> BoostParams {
        let factor = effort.rate_factor();
        BoostParams {
            n_estimators: MOST_TREES,
            learning_rate: self.learning_rate * factor,
            max_features: SHARE_OF_COLUMNS,
            subsample: self.subsample,
            n_iter_no_change: Some((PATIENCE as f64 / factor) as usize),
            random_state: 0,
            n_threads: 1,
            grow: GrowParams {
                max_depth: self.max_depth,
                max_leaf_nodes: self.max_leaf_nodes,
                l2_regularization: self.l2_regularization,
                monotonic: monotonic.to_vec(),
                ..GrowParams::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for effort in Effort::ALL {
            assert_eq!(effort.to_string().parse::<Effort>().unwrap(), effort);
        }
        assert_eq!(
            "quick".parse::<Effort>().unwrap_err().to_string(),
            "`effort` is `quick`, expected `fast`, `balanced` or `best`"
        );
    }
}
