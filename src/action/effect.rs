//! What an action is expected to change, and where that expectation comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an effect comes from. Shown wherever the effect or its money is.
///
/// In TOML a text: `source = "vendors' case studies"` is assumed, `source = "learned: ..."` is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum EffectSource {
    /// Somebody's expectation; no data of this business speaks for it.
    Assumed {
        /// What the expectation rests on.
        basis: String,
    },
    /// Estimated from outcomes of actions that were taken.
    Learned {
        /// What it was estimated from, and how.
        basis: String,
    },
}

impl From<String> for EffectSource {
    fn from(text: String) -> Self {
        let after = |prefix: &str| text.trim().strip_prefix(prefix).map(|rest| rest.trim().to_owned());
        match (after("learned:"), after("assumed:")) {
            (Some(basis), _) => EffectSource::Learned { basis },
            (_, Some(basis)) => EffectSource::Assumed { basis },
            _ => EffectSource::Assumed { basis: text.trim().to_owned() },
        }
    }
}

impl From<EffectSource> for String {
    fn from(source: EffectSource) -> Self {
        source.to_string()
    }
}

impl fmt::Display for EffectSource {
    /// "assumed: vendors' case studies".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EffectSource::Assumed { basis } => write!(f, "assumed: {basis}"),
            EffectSource::Learned { basis } => write!(f, "learned: {basis}"),
        }
    }
}

/// What a change is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// A share of the account's own probability: .15 of a 40 % risk is 6 points.
    #[default]
    Relative,
    /// Points of probability, the same for all: .05 is 5 points, never more than there is.
    Absolute,
}

/// A change of a probability, with the range it plausibly lies in (read as its 5th and 95th percentile).
///
/// In TOML a number, or `{ low = 0.05, mean = 0.15, high = 0.25, scale = "relative" }`. A number alone is the
/// mean of a relative change about which nothing else is known: it ranges from nothing to twice itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "ChangeText")]
pub struct Change {
    /// Low end. Range: 0 to `mean`.
    pub low: f64,
    /// Expectation. Range: 0 to 1.
    pub mean: f64,
    /// High end. Range: `mean` to 1.
    pub high: f64,
    /// What it is a share of. Default: [`Scale::Relative`].
    pub scale: Scale,
}

impl Change {
    /// A relative change of which only the mean is known; it ranges from nothing to twice the mean.
    pub fn relative(mean: f64) -> Self {
        Change { low: 0.0, mean, high: (2.0 * mean).min(1.0), scale: Scale::Relative }
    }

    /// A change in points of probability of which only the mean is known, ranging as [`relative`](Self::relative).
    pub fn absolute(mean: f64) -> Self {
        Change { scale: Scale::Absolute, ..Change::relative(mean) }
    }

    /// The plausible range. Default: from 0 to twice the mean.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// Low, mean and high points of probability, for an account whose probability is `probability` and can
    /// change by no more than `room`.
    pub(super) fn points(&self, probability: f64, room: f64) -> [f64; 3] {
        let per_unit = if self.scale == Scale::Relative { probability } else { 1.0 };
        [self.low, self.mean, self.high].map(|share| (share * per_unit).min(room))
    }

    /// What is wrong with the numbers, if anything: "0.4, 0.2, 0.6 (low, mean, high), expected ...".
    pub(super) fn fault(&self) -> Option<String> {
        let Change { low, mean, high, .. } = *self;
        let in_range = [low, mean, high].iter().all(|share| (0.0..=1.0).contains(share));
        let ordered = low <= mean && mean <= high;
        (!in_range || !ordered)
            .then(|| format!("{low}, {mean}, {high} (low, mean, high), expected rising numbers from 0 to 1"))
    }
}

/// The two ways in which TOML states a change.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number, or a table of low, mean, high and scale")]
enum ChangeText {
    Mean(f64),
    Full {
        low: Option<f64>,
        mean: f64,
        high: Option<f64>,
        #[serde(default)]
        scale: Scale,
    },
}

impl From<ChangeText> for Change {
    fn from(text: ChangeText) -> Self {
        match text {
            ChangeText::Mean(mean) => Change::relative(mean),
            ChangeText::Full { low, mean, high, scale } => {
                let usual = Change::relative(mean);
                Change { low: low.unwrap_or(usual.low), mean, high: high.unwrap_or(usual.high), scale }
            }
        }
    }
}

/// What an action is expected to change: churn, expansion or both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// By how much the probability of churn falls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_reduction: Option<Change>,
    /// By how much the probability of expansion rises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansion_increase: Option<Change>,
    /// Where that comes from.
    pub source: EffectSource,
}

impl Effect {
    /// An effect on churn, assumed on a basis that is stated in words.
    pub fn assumed_on_churn(reduction: Change, basis: impl Into<String>) -> Self {
        let source = EffectSource::Assumed { basis: basis.into() };
        Effect { churn_reduction: Some(reduction), expansion_increase: None, source }
    }

    /// An effect on expansion, assumed on a basis that is stated in words.
    pub fn assumed_on_expansion(increase: Change, basis: impl Into<String>) -> Self {
        let source = EffectSource::Assumed { basis: basis.into() };
        Effect { churn_reduction: None, expansion_increase: Some(increase), source }
    }

    /// Its changes by their names in TOML.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&'static str, &Change)> {
        let named =
            [("churn_reduction", &self.churn_reduction), ("expansion_increase", &self.expansion_increase)];
        named.into_iter().filter_map(|(name, change)| Some((name, change.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_says_whether_it_is_assumed() {
        let read = |text: &str| EffectSource::from(text.to_owned()).to_string();
        assert_eq!(read("case studies"), "assumed: case studies");
        assert_eq!(read("assumed: case studies"), "assumed: case studies");
        assert_eq!(read("learned: 4,210 assignments"), "learned: 4,210 assignments");
    }

    #[test]
    fn points_are_relative_or_absolute_and_never_more_than_there_is() {
        let close = |found: [f64; 3], expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        close(Change::relative(0.15).points(0.4, 0.4), [0.0, 0.06, 0.12]);
        close(Change::absolute(0.05).points(0.4, 0.4), [0.0, 0.05, 0.1]);
        close(Change::absolute(0.5).range(0.3, 0.9).points(0.4, 0.4), [0.3, 0.4, 0.4]);
    }
}
