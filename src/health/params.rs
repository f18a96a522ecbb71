//! Settings of a health model.

use serde::{Deserialize, Serialize};

use super::bands::BandEdges;
use super::segment::LifeCycle;
use crate::error::{ErrorKind, Result};
use crate::explain::Outcome;
use crate::model::{BlendParams, Effort};
use crate::schema::Schema;

/// What a health model was trained by, besides its schema. It is in the model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Length of the horizon of the labels, in days.
    pub horizon_days: u32,
    /// How the edges of the bands were chosen.
    pub bands: BandEdges,
    /// The segment keys, coarsest first; `None` for all of the schema's.
    pub segments: Option<Vec<String>>,
    /// How the stage of an account's life is read; `None` where it is no segment key.
    pub life_cycle: Option<LifeCycle>,
    /// How much time training took.
    pub effort: Effort,
    /// Seed of the folds.
    pub random_state: u64,
}

/// Settings of a [`HealthModel`](super::HealthModel) before it is fitted. Make it with
/// [`HealthModel::params`](super::HealthModel::params).
#[derive(Clone, Debug)]
pub struct HealthModelParams {
    pub(super) schema: Schema,
    pub(super) settings: Settings,
    pub(super) blend: BlendParams,
}

impl HealthModelParams {
    pub(super) fn new(schema: &Schema) -> Self {
        let settings = Settings {
            horizon_days: 90,
            bands: BandEdges::default(),
            segments: None,
            life_cycle: None,
            effort: Effort::default(),
            random_state: 0,
        };
        HealthModelParams { schema: schema.clone(), settings, blend: BlendParams::default() }
    }

    /// Length of the horizon the labels speak of, in days, at least 1. Default: 90.
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.settings.horizon_days = days;
        self
    }

    /// Chooses the bands so that red accounts leave so many times as often as amber ones, 1 to 10: see
    /// [`BandEdges::Apart`]. Default: 3.
    pub fn bands_apart(mut self, times: f64) -> Self {
        self.settings.bands = BandEdges::Apart { times };
        self
    }

    /// Chooses the bands by share of health within segments: the share of the training accounts that fall into the red
    /// one, above 0 and below 1; 0.1 where only the other is named. Default: bands are chosen
    /// [apart](Self::bands_apart).
    pub fn red_share(mut self, share: f64) -> Self {
        let (_, amber) = self.shares();
        self.settings.bands = BandEdges::Share { red: share, amber };
        self
    }

    /// As [`red_share`](Self::red_share), the share that falls into the amber band, above 0; red and amber leave
    /// something for green; 0.2 where only the other is named.
    pub fn amber_share(mut self, share: f64) -> Self {
        let (red, _) = self.shares();
        self.settings.bands = BandEdges::Share { red, amber: share };
        self
    }

    fn shares(&self) -> (f64, f64) {
        match self.settings.bands {
            BandEdges::Share { red, amber } => (red, amber),
            _ => (0.1, 0.2),
        }
    }

    /// Chooses the edges of the bands by cost: see [`BandEdges::Cost`]. Needs a churn label.
    pub fn bands_by_cost(mut self, red_care: f64, amber_care: f64, loss: f64) -> Self {
        self.settings.bands = BandEdges::Cost { red_care, amber_care, loss };
        self
    }

    /// The segment keys to read health within, the most telling first; each one of the schema's. Default: all of the
    /// schema's in their order. None at all reads every account alike.
    pub fn segments<T: Into<String>>(mut self, keys: impl IntoIterator<Item = T>) -> Self {
        self.settings.segments = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Takes the stage of an account's life as the first segment key. Default: it is none.
    pub fn life_cycle(mut self, stages: impl Into<Option<LifeCycle>>) -> Self {
        self.settings.life_cycle = stages.into();
        self
    }

    /// How much time training may take. Default: [`Effort::Balanced`].
    pub fn effort(mut self, effort: Effort) -> Self {
        self.settings.effort = effort;
        self.blend = self.blend.effort(effort);
        self
    }

    /// Seed of the folds. Default: 0. The same seed gives the same model at any number of threads.
    pub fn random_state(mut self, seed: u64) -> Self {
        self.settings.random_state = seed;
        self.blend = self.blend.random_state(seed);
        self
    }

    /// Threads to train with, at least 1; `None` takes rayon's current pool. Default: `None`.
    pub fn n_jobs(mut self, n_jobs: impl Into<Option<usize>>) -> Self {
        self.blend = self.blend.n_jobs(n_jobs);
        self
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Trains on one outcome, whatever labels there are.
    pub(super) fn only(mut self, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Churn => self.schema.labels.expansion = None,
            Outcome::Expansion => self.schema.labels.churn = None,
        }
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        self.schema.check()?;
        if self.schema.signals.is_empty() {
            return Err(ErrorKind::Schema("it has no signal to learn from; name at least one".into()).into());
        }
        if self.settings.horizon_days == 0 {
            let (name, value, expected) = ("horizon_days", "0".into(), "at least 1");
            return Err(ErrorKind::Parameter { name, value, expected }.into());
        }
        self.settings.bands.check()?;
        self.check_segments()?;
        self.settings.life_cycle.as_ref().map_or(Ok(()), |stages| stages.check(&self.schema))
    }

    fn check_segments(&self) -> Result<()> {
        let keys = self.settings.segments.as_deref().unwrap_or_default();
        for (at, key) in keys.iter().enumerate() {
            if !self.schema.segments.contains(key) || keys[..at].contains(key) {
                let (name, value) = ("segments", key.clone());
                let expected = "segment keys of the schema, each once";
                return Err(ErrorKind::Parameter { name, value, expected }.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::HealthModel;
    use super::*;
    use crate::schema::{Dimension, Kind, Signal};

    fn params() -> HealthModelParams {
        let schema = Schema::new().churn("churned").segment("plan");
        HealthModel::params(&schema.signal(Signal::new("x", Dimension::Usage, Kind::Number)))
    }

    #[test]
    fn a_share_keeps_the_other_and_replaces_costs() {
        let bands = |params: HealthModelParams| params.settings.bands;
        assert_eq!(bands(params().red_share(0.3)), BandEdges::Share { red: 0.3, amber: 0.2 });
        assert_eq!(
            bands(params().bands_by_cost(3.0, 2.0, 9.0).amber_share(0.4)),
            BandEdges::Share { red: 0.1, amber: 0.4 }
        );
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let refused = |params: HealthModelParams| params.check().unwrap_err().to_string();
        let text = "`segments` is tier, expected segment keys of the schema, each once";
        assert_eq!(refused(params().segments(["tier"])), text);
        assert_eq!(refused(params().segments(["plan", "plan"])), text.replace("tier", "plan"));
        assert!(params().segments(["plan"]).check().is_ok());
        assert!(params().segments(Vec::<String>::new()).check().is_ok());
    }
}
