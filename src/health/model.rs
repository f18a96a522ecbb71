//! The model that ties everything together: churn and expansion scores, health, bands and reasons.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bands::BandEdges;
use super::coverage::coverage;
use super::fit::{HealthModelParams, Settings};
use super::quality::Quality;
use super::recourse::Seen;
use super::scale::HealthScale;
use super::scored::{Band, Scored};
use super::segment::pooled::Line;
use super::segment::{SegmentReport, SegmentTree, WHOLE};
use super::segment_rate::SegmentRate;
use crate::error::{ErrorKind, Result};
use crate::explain::{Outcome, Reason, Reasons, Usual, by_dimension};
use crate::frame::{Frame, Table};
use crate::model::{BlendClassifier, Classifier, Contributions, ModelFile, ProbabilityInterval, sigmoid};
use crate::schema::{Missing, Schema};

/// A fitted model: calibrated churn and expansion probabilities, health, bands and reasons.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "SavedHealthModel", into = "SavedHealthModel")]
pub struct HealthModel {
    pub(super) schema: Arc<Schema>,
    pub(super) settings: Settings,
    pub(super) segments: SegmentTree,
    pub(super) reports: Vec<SegmentReport>,
    /// What is usual of each signal, a segment each; `None` in one that takes its parent's.
    pub(super) usual: Vec<Option<Vec<Usual>>>,
    /// The group of each signal: those that say the same.
    pub(super) groups: Vec<u32>,
    /// What training saw of each signal.
    pub(super) seen: Seen,
    pub(super) churn: Option<FittedScore>,
    pub(super) expansion: Option<FittedScore>,
    /// What training found that its user should look at.
    pub(super) warnings: Vec<String>,
}

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

    /// What each signal of a row adds beyond what is usual in its segment.
    fn excess(&self, node: u32, contributions: &[f64], out: &mut Vec<f64>) {
        let slope = self.line(node).slope;
        out.clear();
        out.extend(
            contributions.iter().zip(&self.usual[node as usize]).map(|(part, usual)| slope * part - usual),
        );
    }

    fn is_sound(&self, n_signals: usize, n_nodes: usize) -> bool {
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

/// What of a model is saved: all of it, looked at when it is read back.
#[derive(Clone, Serialize, Deserialize)]
struct SavedHealthModel {
    #[serde(with = "crate::schema::as_toml")]
    schema: Arc<Schema>,
    settings: Settings,
    segments: SegmentTree,
    reports: Vec<SegmentReport>,
    usual: Vec<Option<Vec<Usual>>>,
    groups: Vec<u32>,
    seen: Seen,
    churn: Option<FittedScore>,
    expansion: Option<FittedScore>,
    warnings: Vec<String>,
}

impl From<HealthModel> for SavedHealthModel {
    fn from(model: HealthModel) -> Self {
        SavedHealthModel {
            schema: model.schema,
            settings: model.settings,
            segments: model.segments,
            reports: model.reports,
            usual: model.usual,
            groups: model.groups,
            seen: model.seen,
            churn: model.churn,
            expansion: model.expansion,
            warnings: model.warnings,
        }
    }
}

impl TryFrom<SavedHealthModel> for HealthModel {
    type Error = &'static str;

    fn try_from(saved: SavedHealthModel) -> std::result::Result<Self, &'static str> {
        let (d, k) = (saved.schema.signals.len(), saved.segments.n_nodes());
        let scores = [&saved.churn, &saved.expansion];
        let sound = saved.segments.is_sound()
            && scores.iter().any(|score| score.is_some())
            && scores.into_iter().flatten().all(|score| score.is_sound(d, k))
            && saved.reports.len() == k
            && saved.usual.len() == k
            && saved.usual[0].is_some()
            && saved.usual.iter().flatten().all(|usual| usual.len() == d)
            && saved.groups.len() == d
            && saved.seen.is_sound(d);
        if !sound {
            return Err("the parts of the health model do not fit together");
        }
        Ok(HealthModel {
            schema: saved.schema,
            settings: saved.settings,
            segments: saved.segments,
            reports: saved.reports,
            usual: saved.usual,
            groups: saved.groups,
            seen: saved.seen,
            churn: saved.churn,
            expansion: saved.expansion,
            warnings: saved.warnings,
        })
    }
}

impl ModelFile for HealthModel {
    const KIND: &'static str = "health model";
}

/// What one fitted score says of a table.
pub(super) struct Told {
    pub probability: Vec<f64>,
    /// What the signals add beyond what is usual in the segment, `n × d`.
    pub excess: Vec<f64>,
    pub reasons: Vec<Vec<Reason>>,
}

/// One account's share of [`Told`].
struct ToldRow {
    probability: f64,
    excess: Vec<f64>,
    reasons: Vec<Reason>,
}

/// From so many accounts on, several threads tell them.
const PARALLEL_ROWS: usize = 256;

/// [`sigmoid`], kept off 0 and 1 where it rounds to them.
pub(super) fn open_probability(log_odds: f64) -> f64 {
    sigmoid(log_odds).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
}

/// One of each row, in order, by several threads where it is worth it.
pub(super) fn map_rows<T: Send>(n_rows: usize, of: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    if n_rows < PARALLEL_ROWS {
        return (0..n_rows).map(of).collect();
    }
    (0..n_rows).into_par_iter().with_min_len(64).map(of).collect()
}

impl HealthModel {
    /// Settings for accounts of that schema.
    pub fn params(schema: &Schema) -> HealthModelParams {
        HealthModelParams::new(schema)
    }

    /// The schema it was fitted by.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// What it was trained by besides the schema.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Length of the horizon of its probabilities, in days.
    pub fn horizon_days(&self) -> u32 {
        self.settings.horizon_days
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

    /// What training found that its user should look at before believing the model: signals that seem to know the label,
    /// each with its evidence ([`Frame::leaks`]), and labels too scarce to learn from. Empty where there is nothing.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The churn model, of all segments together; `None` where churn was not trained.
    pub fn churn_model(&self) -> Option<&BlendClassifier> {
        self.churn.as_ref().map(|score| &score.blend)
    }

    /// The expansion model, of all segments together; `None` where expansion was not trained.
    pub fn expansion_model(&self) -> Option<&BlendClassifier> {
        self.expansion.as_ref().map(|score| &score.blend)
    }

    /// Health below which an account is red, and below which it is amber, over all accounts.
    ///
    /// Edges chosen by cost differ from segment to segment; see [`segment_band_edges`](Self::segment_band_edges).
    pub fn band_edges(&self) -> [f64; 2] {
        self.edges(WHOLE)
    }

    /// As [`band_edges`](Self::band_edges), in each of the [`segments`](Self::segments).
    pub fn segment_band_edges(&self) -> Vec<[f64; 2]> {
        (0..self.segments.n_nodes() as u32).map(|node| self.edges(node)).collect()
    }

    pub(super) fn edges(&self, node: u32) -> [f64; 2] {
        let (_, score) = self.main();
        score.scale.edges(score.usual_log_odds(node))
    }

    /// Every segment that training saw, all accounts first, each behind the one that it is part of: size, money, and
    /// how well its outcomes were foretold.
    pub fn segments(&self) -> &[SegmentReport] {
        &self.reports
    }

    /// What is usual of each signal over all accounts, in the schema's order.
    pub fn usual(&self) -> &[Usual] {
        self.usual_in(WHOLE)
    }

    /// What is usual of each signal in a segment, or in the nearest around it that has enough accounts to say.
    pub(super) fn usual_in(&self, node: u32) -> &[Usual] {
        match &self.usual[node as usize] {
            Some(usual) => usual,
            None if node == WHOLE => &[],
            None => self.usual_in(self.segments.parent(node)),
        }
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
        let nodes = self.nodes(accounts)?;
        let table = accounts.signals();
        let told = |score: &Option<FittedScore>, outcome| {
            score.as_ref().map(|score| self.tell(score, outcome, table, &nodes, n_reasons)).transpose()
        };
        let (churn, expansion) =
            (told(&self.churn, Outcome::Churn)?, told(&self.expansion, Outcome::Expansion)?);
        let excess = churn.as_ref().or(expansion.as_ref()).map_or(&[][..], |told| &told.excess);
        let (health, band, sub_scores) = self.health(&nodes, excess);
        let unzip = |told: Option<Told>| told.map(|told| (told.probability, told.reasons)).unzip();
        let (churn_probability, churn_reasons) = unzip(churn);
        let (expansion_probability, expansion_reasons) = unzip(expansion);
        let weights = &self.main().1.weights;
        Ok(Scored {
            frame: accounts.clone(),
            churn_probability,
            expansion_probability,
            health,
            band,
            sub_scores,
            segment: nodes.iter().map(|&node| self.segments.name(node).clone()).collect(),
            coverage: (0..nodes.len()).map(|row| coverage(table, row, weights)).collect(),
            reasons: churn_reasons.or_else(|| expansion_reasons.clone()).unwrap_or_default(),
            expansion_reasons: expansion_reasons.unwrap_or_default(),
            horizon_days: self.settings.horizon_days,
        })
    }

    /// What each signal adds to the log-odds of an outcome, `n × d`; `None` where it was not trained.
    ///
    /// With what [`segment_parts`](Self::segment_parts) says of a row, base and signals make the log-odds of its
    /// probability.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn contributions(&self, accounts: &Frame, outcome: Outcome) -> Result<Option<Contributions>> {
        let nodes = self.nodes(accounts)?;
        let Some(score) = self.fitted(outcome) else { return Ok(None) };
        let mut contributions = score.blend.contributions(accounts.signals())?;
        let d = contributions.n_features.max(1);
        for (&node, row) in nodes.iter().zip(contributions.values.chunks_exact_mut(d)) {
            let slope = score.line(node).slope;
            row.iter_mut().for_each(|value| *value *= slope);
        }
        Ok(Some(contributions))
    }

    /// What the segment of each account adds to the log-odds of an outcome: how much more of it there is in the segment
    /// than its signals tell. `None` where the outcome was not trained.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn segment_parts(&self, accounts: &Frame, outcome: Outcome) -> Result<Option<Vec<f64>>> {
        let nodes = self.nodes(accounts)?;
        let part = |score: &FittedScore, node: u32| score.line(node).apply(score.base) - score.base;
        Ok(self.fitted(outcome).map(|score| nodes.into_iter().map(|node| part(score, node)).collect()))
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
        let nodes = self.nodes(accounts)?;
        let Some(score) = self.fitted(outcome) else { return Ok(None) };
        let mut intervals = score.blend.probability_intervals(accounts.signals(), level)?;
        let probability = self.tell(score, outcome, accounts.signals(), &nodes, 0)?.probability;
        for (interval, (&node, p)) in intervals.iter_mut().zip(nodes.iter().zip(probability)) {
            let line = score.line(node);
            interval.lower = line.apply_to_probability(interval.lower).min(p);
            interval.upper = line.apply_to_probability(interval.upper).max(p);
        }
        Ok(Some(intervals))
    }

    /// The calibrated probability of an outcome, an account each; `None` where it was not trained.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn probabilities(&self, accounts: &Frame, outcome: Outcome) -> Result<Option<Vec<f64>>> {
        let nodes = self.nodes(accounts)?;
        let Some(score) = self.fitted(outcome) else { return Ok(None) };
        Ok(Some(self.tell(score, outcome, accounts.signals(), &nodes, 0)?.probability))
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
        let probability = self.probabilities(accounts, outcome)?;
        let (Some(intervals), Some(probability)) = (intervals, probability) else { return Ok(None) };
        let happened = match outcome {
            Outcome::Churn => accounts.churn(),
            Outcome::Expansion => accounts.expansion(),
        };
        SegmentRate::by_key(accounts, key, &probability, &intervals, happened, level).map(Some)
    }

    pub(super) fn fitted(&self, outcome: Outcome) -> Option<&FittedScore> {
        match outcome {
            Outcome::Churn => self.churn.as_ref(),
            Outcome::Expansion => self.expansion.as_ref(),
        }
    }

    /// The score that health is read from: churn where it was trained.
    pub(super) fn main(&self) -> (Outcome, &FittedScore) {
        let churn = self.churn.as_ref().map(|score| (Outcome::Churn, score));
        let expansion = || self.expansion.as_ref().map(|score| (Outcome::Expansion, score));
        churn.or_else(expansion).expect("a model is fitted on a label, and one that is read has a score")
    }

    /// The outcome that health is read from: churn where it was trained, else expansion.
    pub fn health_outcome(&self) -> Outcome {
        self.main().0
    }

    /// The segment of each account, once the frame is known to be one of the model's.
    pub(super) fn nodes(&self, accounts: &Frame) -> Result<Vec<u32>> {
        self.check_frame(accounts)?;
        self.segments.assign(accounts)
    }

    /// Whether a frame's signals mean what the model's do.
    fn check_frame(&self, accounts: &Frame) -> Result<()> {
        if Arc::ptr_eq(&self.schema, accounts.schema()) {
            return Ok(());
        }
        self.schema.check_same_signals(accounts.schema())?;
        let mut pairs = self.schema.signals.iter().zip(&accounts.schema().signals);
        let Some((own, _)) = pairs.find(|(own, other)| own.missing != other.missing) else { return Ok(()) };
        let meaning = |missing| if missing == Missing::Zero { "zero" } else { "unknown" };
        let other = if own.missing == Missing::Zero { Missing::Unknown } else { Missing::Zero };
        Err(ErrorKind::Schema(format!(
            "the table's schema is not the model's (fingerprint {}, expected {}): an empty `{}` means {}, expected {}; \
             read the table by the schema the model was trained with",
            accounts.schema().fingerprint(),
            self.schema.fingerprint(),
            own.name,
            meaning(other),
            meaning(own.missing),
        ))
        .into())
    }

    pub(super) fn tell(
        &self,
        score: &FittedScore,
        outcome: Outcome,
        table: &Table,
        nodes: &[u32],
        n_reasons: usize,
    ) -> Result<Told> {
        let contributions = score.blend.contributions(table)?;
        let of_row = |row: usize| {
            let (node, mut excess) = (nodes[row], Vec::with_capacity(contributions.n_features));
            score.excess(node, contributions.row(row), &mut excess);
            let usual = score.usual_log_odds(node);
            let reasons = match n_reasons {
                0 => Vec::new(),
                most => Reasons::new(&self.schema, self.usual_in(node), outcome, most)
                    .groups(&self.groups)
                    .of(table, row, usual, &excess),
            };
            ToldRow { probability: open_probability(usual + excess.iter().sum::<f64>()), excess, reasons }
        };
        let rows = map_rows(table.n_rows(), of_row);
        let mut told = Told {
            probability: Vec::with_capacity(rows.len()),
            excess: Vec::with_capacity(contributions.values.len()),
            reasons: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            told.probability.push(row.probability);
            told.excess.extend(row.excess);
            told.reasons.push(row.reasons);
        }
        Ok(told)
    }

    /// Health, band and sub-scores of accounts from what their signals add beyond what is usual, `n × d`.
    pub(super) fn health(&self, nodes: &[u32], excess: &[f64]) -> (Vec<f64>, Vec<Band>, Vec<[f64; 8]>) {
        let (_, score) = self.main();
        let d = self.schema.signals.len();
        let (mut health, mut band, mut sub_scores) = (vec![], vec![], vec![]);
        for (row, &node) in nodes.iter().enumerate() {
            let parts = by_dimension(&self.schema, &excess[row * d..(row + 1) * d]);
            let sum = parts.iter().sum();
            health.push(score.scale.health(sum));
            band.push(score.scale.band(score.usual_log_odds(node), sum));
            sub_scores.push(parts.map(|part| score.scale.health(part)));
        }
        (health, band, sub_scores)
    }

    /// How the bands' edges were chosen.
    pub fn bands(&self) -> BandEdges {
        self.settings.bands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Kind, Signal};

    fn fitted() -> (HealthModel, Frame) {
        let schema = Schema::new().id("id").churn("churned");
        let schema = schema.signal(Signal::new("x", Dimension::Usage, Kind::Number));
        let row =
            |row: usize| format!("A{row},{},{}\n", row % 10, u8::from(row % 10 < 3 || row.is_multiple_of(7)));
        let text = "id,x,churned\n".to_owned() + &(0..80).map(row).collect::<String>();
        let past = Frame::from_csv_reader(text.as_bytes(), &schema).unwrap();
        (HealthModel::params(&schema).fit(&past).unwrap(), past)
    }

    #[test]
    fn a_file_whose_parts_do_not_fit_together_is_refused() {
        let refused = |spoil: fn(&mut HealthModel)| {
            let mut model = fitted().0;
            spoil(&mut model);
            HealthModel::from_bytes(&model.to_bytes()).unwrap_err().to_string()
        };
        let spoils: [fn(&mut HealthModel); 7] = [
            |model| model.churn = None,
            |model| model.groups.clear(),
            |model| model.usual[0] = None,
            |model| model.reports.clear(),
            |model| model.churn.as_mut().unwrap().lines.clear(),
            |model| model.churn.as_mut().unwrap().usual[0].push(0.0),
            |model| model.churn.as_mut().unwrap().lines[0].slope = f64::NAN,
        ];
        for spoil in spoils {
            let text = refused(spoil);
            assert!(text.starts_with("model file bytes: its payload does not decode"), "{text}");
        }
    }

    #[test]
    fn a_model_comes_back_with_its_settings() {
        let (model, past) = fitted();
        let back = HealthModel::from_bytes(&model.to_bytes()).unwrap();
        assert_eq!(back.settings(), model.settings());
        assert_eq!(back.segments(), model.segments());
        assert_eq!(back.score(&past).unwrap().health, model.score(&past).unwrap().health);
    }
}
