//! The parts of a blend by name, so that one can be left out to see what it is worth.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// A part of the blend: a member, or a step after the members. See [`BlendParams::leave_out`](super::BlendParams::leave_out).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BlendPart {
    /// The logistic regression of straight lines.
    Logistic,
    /// The logistic regression of broken lines.
    PiecewiseLogistic,
    /// Trees of depth 4.
    GradientTrees,
    /// Trees of depth 4 on part of the rows, held strongly.
    HeldTrees,
    /// Trees of 31 leaves.
    LargeTrees,
    /// The weights of the members; without them all count the same.
    Weights,
    /// The beta calibration of what they say together.
    Calibration,
}

impl BlendPart {
    /// All of them, members first.
    pub const ALL: [BlendPart; 7] = [
        BlendPart::Logistic,
        BlendPart::PiecewiseLogistic,
        BlendPart::GradientTrees,
        BlendPart::HeldTrees,
        BlendPart::LargeTrees,
        BlendPart::Weights,
        BlendPart::Calibration,
    ];

    /// As it is written in [`Member::name`](super::Member::name) and in Python.
    pub fn name(self) -> &'static str {
        match self {
            BlendPart::Logistic => "logistic",
            BlendPart::PiecewiseLogistic => "piecewise logistic",
            BlendPart::GradientTrees => "gradient trees",
            BlendPart::HeldTrees => "held trees",
            BlendPart::LargeTrees => "large trees",
            BlendPart::Weights => "weights",
            BlendPart::Calibration => "calibration",
        }
    }

    /// Whether `fast` tries it too: what can never be left out together, since nothing would be tried.
    pub(super) fn is_basic(self) -> bool {
        matches!(self, BlendPart::Logistic | BlendPart::PiecewiseLogistic | BlendPart::GradientTrees)
    }
}

impl fmt::Display for BlendPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BlendPart {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = BlendPart::ALL.into_iter().find(|part| part.name() == name);
        let expected = "`logistic`, `piecewise logistic`, `gradient trees`, `held trees`, `large trees`, `weights` \
                        or `calibration`";
        let value = format!("`{name}`");
        found.ok_or_else(|| ErrorKind::Parameter { name: "leave_out", value, expected }.into())
    }
}
