//! Everything fitted for one outcome.

use serde::{Deserialize, Serialize};

use super::bands::BandOutcome;
use super::quality::Quality;
use super::scale::HealthScale;
use super::segment::pooled::Line;
use crate::model::{BlendClassifier, Classifier, sigmoid};

/// Everything fitted for one outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FittedScore {
    pub blend: BlendClassifier,
    /// Log-odds before anything is known of an account.
    pub base: f64,
    /// The segments' own calibration, one each.
    pub lines: Vec<Line>,
    /// What each of `d` signals adds in the mean, a segment each.
    pub usual: Vec<Vec<f64>>,
    /// How much each signal matters.
    pub weights: Vec<f64>,
    pub scale: HealthScale,
    pub quality: Option<Quality>,
    /// What was foretold of each band, red first.
    pub bands: Option<[BandOutcome; 3]>,
}

/// The mean log-odds of a segment from its line and what each signal adds there in the mean.
pub(super) fn usual_log_odds(line: Line, base: f64, usual: &[f64]) -> f64 {
    line.apply(base) + usual.iter().sum::<f64>()
}

impl FittedScore {
    pub fn line(&self, node: u32) -> Line {
        self.lines[node as usize]
    }

    /// The mean log-odds of a segment.
    pub fn usual_log_odds(&self, node: u32) -> f64 {
        usual_log_odds(self.line(node), self.base, &self.usual[node as usize])
    }

    /// Turns what each signal adds to a row's log-odds, over all segments, into what it adds beyond what is usual in the
    /// row's own.
    pub fn excess(&self, node: u32, contributions: &mut [f64]) {
        let slope = self.line(node).slope;
        let usual = &self.usual[node as usize];
        contributions.iter_mut().zip(usual).for_each(|(part, usual)| *part = slope * *part - usual);
    }

    pub fn is_sound(&self, n_signals: usize, n_nodes: usize) -> bool {
        let finite =
            |values: &[f64]| values.len() == n_signals && values.iter().all(|value| value.is_finite());
        self.base.is_finite()
            && self.scale.is_sound()
            && self.lines.len() == n_nodes
            && self.lines.iter().all(|line| line.is_sound())
            && self.usual.len() == n_nodes
            && self.usual.iter().all(|usual| finite(usual))
            && finite(&self.weights)
            && self.blend.features().names().len() == n_signals
    }
}

/// [`sigmoid`], kept off 0 and 1 where it rounds to them.
pub(super) fn open_probability(log_odds: f64) -> f64 {
    sigmoid(log_odds).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
}
