//! The model that ties everything together: churn and expansion scores, health, bands and reasons.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::quality::Quality;
use super::scale::HealthScale;
use super::scored::{Band, Scored};
use super::segment_rate::SegmentRate;
use crate::error::{ErrorKind, Result};
use crate::explain::{Outcome, Reason, Reasons, Usual};
use crate::frame::{Frame, Table};
use crate::model::{
    BlendClassifier, BlendParams, Classifier, Contributions, Effort, ModelFile, OnProgress, OutOfFold,
    ProbabilityInterval, Progress, sigmoid,
};
use crate::schema::{Direction, Schema};

/// Settings of a [`HealthModel`] before it is fitted. Make it with [`HealthModel::params`].
#[derive(Clone, Debug)]
pub struct HealthModelParams {
    schema: Schema,
    horizon_days: u32,
    red_share: f64,
    amber_share: f64,
    blend: BlendParams,
}

impl HealthModelParams {
    /// Length of the horizon the labels speak of, in days, at least 1. Default: 90.
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.horizon_days = days;
        self
    }

    /// Share of the training accounts that fall into the red band, above 0 and below 1. Default: 0.1.
    pub fn red_share(mut self, share: f64) -> Self {
        self.red_share = share;
        self
    }

    /// Share of the training accounts that fall into the amber band, above 0; red and amber leave
    /// something for green. Default: 0.2.
    pub fn amber_share(mut self, share: f64) -> Self {
        self.amber_share = share;
        self
    }

    /// How much time training may take. Default: [`Effort::Balanced`].
    pub fn effort(mut self, effort: Effort) -> Self {
        self.blend = self.blend.effort(effort);
        self
    }

    /// Seed of the folds. Default: 0. The same seed gives the same model at any number of threads.
    pub fn random_state(mut self, seed: u64) -> Self {
        self.blend = self.blend.random_state(seed);
        self
    }

    /// Threads to train with, at least 1; `None` takes rayon's current pool. Default: `None`.
    pub fn n_jobs(mut self, n_jobs: impl Into<Option<usize>>) -> Self {
        self.blend = self.blend.n_jobs(n_jobs);
        self
    }

    fn check(&self) -> Result<()> {
        self.schema.check()?;
        if self.schema.signals.is_empty() {
            return Err(ErrorKind::Schema("it has no signal to learn from; name at least one".into()).into());
        }
        if self.horizon_days == 0 {
            return Err(parameter("horizon_days", "0", "at least 1"));
        }
        if !(self.red_share > 0.0 && self.red_share < 1.0) {
            return Err(parameter("red_share", self.red_share, "above 0 and below 1"));
        }
        if !(self.amber_share > 0.0 && self.red_share + self.amber_share < 1.0) {
            return Err(parameter("amber_share", self.amber_share, "above 0 and, with red_share, below 1"));
        }
        Ok(())
    }

    /// Trains on the accounts of a frame whose outcome is known.
    ///
    /// Churn and expansion are both trained when both label columns are there. Rows with an empty
    /// label are censored and left out of that label's training. An account may have several rows, of different
    /// dates; a fold leaves out all of them together.
    ///
    /// # Errors
    /// A setting outside its range, a schema without signals, no label column, one class only.
    pub fn fit(&self, past: &Frame) -> Result<HealthModel> {
        self.fit_with_progress(past, &|_| ControlFlow::Continue(()))
    }

    /// As [`fit`](Self::fit), calling `on_progress` now and then; its `Break` cancels the training.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`ErrorKind::Cancelled`].
    pub fn fit_with_progress(&self, past: &Frame, on_progress: OnProgress<'_>) -> Result<HealthModel> {
        self.check()?;
        self.schema.check_same_signals(past.schema())?;
        let labels = self.labels(past)?;
        let share = 1.0 / labels.len() as f64;
        let mut model = HealthModel {
            schema: Arc::new(self.schema.clone()),
            horizon_days: self.horizon_days,
            usual: Usual::of(past.signals()),
            churn: None,
            expansion: None,
        };
        for (at, (outcome, label)) in labels.into_iter().enumerate() {
            let part = |progress: Progress| {
                on_progress(Progress { done: share * (at as f64 + progress.done), ..progress })
            };
            let score = self.fit_score(past, outcome, label, &part)?;
            match outcome {
                Outcome::Churn => model.churn = Some(score),
                Outcome::Expansion => model.expansion = Some(score),
            }
        }
        Ok(model)
    }

    /// The labels that the frame has, at least one.
    fn labels<'a>(&'a self, past: &'a Frame) -> Result<Vec<(Outcome, Label<'a>)>> {
        let named = [
            (Outcome::Churn, &self.schema.labels.churn, past.churn()),
            (Outcome::Expansion, &self.schema.labels.expansion, past.expansion()),
        ];
        let found: Vec<_> = named
            .iter()
            .filter_map(|(outcome, name, values)| {
                let label = Label { name: name.as_deref()?, values: (*values)? };
                Some((*outcome, label))
            })
            .collect();
        if found.is_empty() {
            let names: Vec<&str> = named.iter().filter_map(|(_, name, _)| name.as_deref()).collect();
            return Err(ErrorKind::NoLabel { hint: no_label_hint(&names) }.into());
        }
        Ok(found)
    }

    fn fit_score(
        &self,
        past: &Frame,
        outcome: Outcome,
        label: Label<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<FittedScore> {
        let (rows, happened) = label.known()?;
        label.check_classes(&happened)?;
        let table = past.signals().take(&rows);
        let ids: Vec<String> = rows.iter().map(|&row| past.ids()[row].clone()).collect();
        let params = self.blend.clone().monotonic(self.monotonic(outcome));
        let (blend, out_of_fold) = params.fit_accounts(&table, &happened, &ids, on_progress)?;
        let contributions = blend.contributions(&table)?;
        let shares = [self.red_share, self.amber_share];
        let scale = HealthScale::fit(&self.schema, outcome, &contributions, &out_of_fold.log_odds, shares);
        Ok(FittedScore { blend, scale, quality: quality(&happened, out_of_fold)? })
    }

    /// Directions of the schema speak of keeping accounts; of growth they say nothing.
    fn monotonic(&self, outcome: Outcome) -> Vec<(String, i8)> {
        if outcome == Outcome::Expansion {
            return Vec::new();
        }
        let direction = |direction| match direction {
            Direction::Keeps => Some(-1),
            Direction::Loses => Some(1),
            Direction::Unknown => None,
        };
        let signals = self.schema.signals.iter();
        signals.filter_map(|signal| Some((signal.name.clone(), direction(signal.direction)?))).collect()
    }
}

/// `None` where no account could be left out: what is said of accounts learned from is no measure.
fn quality(happened: &[bool], out_of_fold: OutOfFold) -> Result<Option<Quality>> {
    let probability: Vec<f64> = out_of_fold.log_odds.into_iter().map(sigmoid).collect();
    out_of_fold.unseen.then(|| Quality::of(happened, &probability)).transpose()
}

fn parameter(name: &'static str, value: impl ToString, expected: &'static str) -> crate::Error {
    ErrorKind::Parameter { name, value: value.to_string(), expected }.into()
}

fn no_label_hint(names: &[&str]) -> String {
    match names {
        [] => "the schema names neither a churn nor an expansion label; name one under `labels`".into(),
        names => format!(
            "the table has no column `{}`; add it, or name another under `labels`",
            names.join("` or `")
        ),
    }
}

/// A label column: its name and one optional outcome a row.
#[derive(Clone, Copy)]
struct Label<'a> {
    name: &'a str,
    values: &'a [Option<bool>],
}

impl Label<'_> {
    /// The rows whose outcome is known, and those outcomes.
    fn known(&self) -> Result<(Vec<usize>, Vec<bool>)> {
        let known: (Vec<usize>, Vec<bool>) =
            self.values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?))).unzip();
        if known.0.is_empty() {
            let what = format!("label `{}`", self.name);
            return Err(
                ErrorKind::NoRows { what, hint: "all its cells are empty: no outcome is known yet" }.into()
            );
        }
        Ok(known)
    }

    fn check_classes(&self, happened: &[bool]) -> Result<()> {
        let class = match (happened.contains(&false), happened.contains(&true)) {
            (true, true) => return Ok(()),
            (_, true) => "true",
            _ => "false",
        };
        let (label, n_rows) = (self.name.to_owned(), happened.len());
        Err(ErrorKind::OneClass { label, class, n_rows }.into())
    }
}

/// Everything fitted for one outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct FittedScore {
    blend: BlendClassifier,
    scale: HealthScale,
    quality: Option<Quality>,
}

/// A fitted model: calibrated churn and expansion probabilities, health, bands and reasons.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthModel {
    #[serde(with = "as_toml")]
    schema: Arc<Schema>,
    horizon_days: u32,
    usual: Vec<Usual>,
    churn: Option<FittedScore>,
    expansion: Option<FittedScore>,
}

impl ModelFile for HealthModel {
    const KIND: &'static str = "health model";
}

/// What one fitted score says of a table.
struct Told {
    probability: Vec<f64>,
    contributions: Contributions,
    reasons: Vec<Vec<Reason>>,
}

impl HealthModel {
    /// Settings for accounts of that schema.
    pub fn params(schema: &Schema) -> HealthModelParams {
        HealthModelParams {
            schema: schema.clone(),
            horizon_days: 90,
            red_share: 0.1,
            amber_share: 0.2,
            blend: BlendParams::default(),
        }
    }

    /// The schema it was fitted by.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Length of the horizon of its probabilities, in days.
    pub fn horizon_days(&self) -> u32 {
        self.horizon_days
    }

    /// How well the churn score predicted accounts left out of its folds.
    ///
    /// `None` where churn was not trained, or where so few accounts are of one class that none could be left out.
    pub fn churn_quality(&self) -> Option<&Quality> {
        self.churn.as_ref()?.quality.as_ref()
    }

    /// How well the expansion score predicted accounts left out of its folds, as
    /// [`churn_quality`](Self::churn_quality).
    pub fn expansion_quality(&self) -> Option<&Quality> {
        self.expansion.as_ref()?.quality.as_ref()
    }

    /// The churn model; `None` where churn was not trained.
    pub fn churn_model(&self) -> Option<&BlendClassifier> {
        self.churn.as_ref().map(|score| &score.blend)
    }

    /// The expansion model; `None` where expansion was not trained.
    pub fn expansion_model(&self) -> Option<&BlendClassifier> {
        self.expansion.as_ref().map(|score| &score.blend)
    }

    /// Health below which an account is red, and below which it is amber.
    pub fn band_edges(&self) -> [f64; 2] {
        self.main().1.scale.edges()
    }

    /// What is usual of each signal, in the schema's order.
    pub fn usual(&self) -> &[Usual] {
        &self.usual
    }

    /// Probabilities, health, bands, sub-scores and up to three reasons of every account.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn score(&self, accounts: &Frame) -> Result<Scored> {
        self.score_with_reasons(accounts, 3)
    }

    /// As [`score`](Self::score), with at most `n_reasons` reasons an account and outcome.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn score_with_reasons(&self, accounts: &Frame, n_reasons: usize) -> Result<Scored> {
        self.schema.check_same_signals(accounts.schema())?;
        let table = accounts.signals();
        let told = |score: &Option<FittedScore>, outcome| {
            score.as_ref().map(|score| self.tell(score, outcome, table, n_reasons)).transpose()
        };
        let (churn, expansion) =
            (told(&self.churn, Outcome::Churn)?, told(&self.expansion, Outcome::Expansion)?);
        let main = churn.as_ref().or(expansion.as_ref()).expect("a fitted model has a score");
        let (health, band, sub_scores) = self.health(&main.contributions, table.n_rows());
        let unzip = |told: Option<Told>| told.map(|told| (told.probability, told.reasons)).unzip();
        let (churn_probability, churn_reasons) = unzip(churn);
        let (expansion_probability, expansion_reasons) = unzip(expansion);
        Ok(Scored {
            frame: accounts.clone(),
            churn_probability,
            expansion_probability,
            health,
            band,
            sub_scores,
            reasons: churn_reasons.or_else(|| expansion_reasons.clone()).unwrap_or_default(),
            expansion_reasons: expansion_reasons.unwrap_or_default(),
            horizon_days: self.horizon_days,
        })
    }

    /// What each signal adds to the log-odds of an outcome, `n × d`; `None` where it was not trained.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn contributions(&self, accounts: &Frame, outcome: Outcome) -> Result<Option<Contributions>> {
        self.schema.check_same_signals(accounts.schema())?;
        self.score_of(outcome).map(|score| score.blend.contributions(accounts.signals())).transpose()
    }

    /// The interval of each account's probability at a level such as 0.9; `None` where the outcome was not trained.
    ///
    /// # Errors
    /// A frame of another schema, a level that is not above 0 and below 1.
    pub fn probability_intervals(
        &self,
        accounts: &Frame,
        outcome: Outcome,
        level: f64,
    ) -> Result<Option<Vec<ProbabilityInterval>>> {
        self.schema.check_same_signals(accounts.schema())?;
        let score = self.score_of(outcome);
        score.map(|score| score.blend.probability_intervals(accounts.signals(), level)).transpose()
    }

    /// The rate that each segment by a key will come to, with its interval at a level such as 0.9, beside what it has
    /// come to where that is known; `None` where the outcome was not trained. The largest segment comes first.
    ///
    /// # Errors
    /// A frame of another schema, a key that the frame has not, a level that is not above 0 and below 1.
    pub fn segment_rates(
        &self,
        accounts: &Frame,
        outcome: Outcome,
        key: &str,
        level: f64,
    ) -> Result<Option<Vec<SegmentRate>>> {
        let intervals = self.probability_intervals(accounts, outcome, level)?;
        let (Some(intervals), Some(score)) = (intervals, self.score_of(outcome)) else { return Ok(None) };
        let probability = score.blend.predict_proba(accounts.signals())?;
        let happened = match outcome {
            Outcome::Churn => accounts.churn(),
            Outcome::Expansion => accounts.expansion(),
        };
        SegmentRate::by_key(accounts, key, &probability, &intervals, happened, level).map(Some)
    }

    fn score_of(&self, outcome: Outcome) -> Option<&FittedScore> {
        match outcome {
            Outcome::Churn => self.churn.as_ref(),
            Outcome::Expansion => self.expansion.as_ref(),
        }
    }

    /// The score that health is read from: churn where it was trained.
    fn main(&self) -> (Outcome, &FittedScore) {
        let churn = self.churn.as_ref().map(|score| (Outcome::Churn, score));
        let expansion = || self.expansion.as_ref().map(|score| (Outcome::Expansion, score));
        churn.or_else(expansion).expect("a fitted model has a score")
    }

    fn tell(&self, score: &FittedScore, outcome: Outcome, table: &Table, n_reasons: usize) -> Result<Told> {
        let contributions = score.blend.contributions(table)?;
        let reasons = Reasons::new(&self.schema, &self.usual, outcome, n_reasons);
        let rows = 0..table.n_rows();
        let reasons = rows.map(|row| reasons.of(table, row, contributions.row(row))).collect();
        Ok(Told { probability: score.blend.predict_proba(table)?, contributions, reasons })
    }

    fn health(&self, contributions: &Contributions, n_rows: usize) -> (Vec<f64>, Vec<Band>, Vec<[f64; 8]>) {
        let scale = &self.main().1.scale;
        let of_row = |row| {
            let (health, sub_scores) = scale.of(&self.schema, contributions.row(row));
            (health, (scale.band(health), sub_scores))
        };
        let (health, rest): (Vec<f64>, Vec<(Band, [f64; 8])>) = (0..n_rows).map(of_row).unzip();
        let (band, sub_scores) = rest.into_iter().unzip();
        (health, band, sub_scores)
    }
}

/// A schema within a model file: its own TOML, which says what is left out, as the payload's format cannot.
mod as_toml {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::schema::Schema;

    pub(super) fn serialize<S: Serializer>(schema: &Arc<Schema>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&schema.to_toml())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Schema>, D::Error> {
        let text = String::deserialize(from)?;
        Schema::from_toml(&text).map(Arc::new).map_err(D::Error::custom)
    }
}
