//! The model that ties everything together: churn and expansion scores, health, bands and reasons.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bands::{self, BandEdges, BandOutcome};
use super::coverage::coverage;
use super::fitted::FittedScore;
use super::params::{HealthModelParams, Settings};
use super::quality::Quality;
use super::recourse::Seen;
use super::saved::SavedHealthModel;
use super::scored::{Scored, notes};
use super::segment::{SegmentReport, SegmentTree, WHOLE};
use super::segment_rate::SegmentRate;
use super::told::Told;
use crate::error::{ErrorKind, Result};
use crate::explain::{Outcome, Usual};
use crate::frame::Frame;
use crate::model::{BlendClassifier, Classifier, Contributions, ProbabilityInterval};
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
    /// Edges chosen by cost, or so that the bands are far apart, speak of risk, whatever the segment, and so differ in
    /// health from segment to segment; see [`segment_band_edges`](Self::segment_band_edges).
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
        self.check_frame(accounts)?;
        let mut unseen = Vec::new();
        let nodes = self.segments.assign_telling(accounts, |segment| unseen.push(segment))?;
        let table = accounts.signals();
        let told = |score: &Option<FittedScore>, outcome| {
            score.as_ref().map(|score| self.tell(score, outcome, table, &nodes, n_reasons)).transpose()
        };
        let (churn, expansion) =
            (told(&self.churn, Outcome::Churn)?, told(&self.expansion, Outcome::Expansion)?);
        let excess = churn.as_ref().or(expansion.as_ref()).map_or(&[][..], |told| &told.excess);
        let (health, band, sub_scores) = self.health(&nodes, excess);
        let growth = expansion.as_ref().and_then(|told| self.growth(&told.excess));
        let unzip = |told: Option<Told>| told.map(|told| (told.probability, told.reasons)).unzip();
        let (churn_probability, churn_reasons) = unzip(churn);
        let (expansion_probability, expansion_reasons) = unzip(expansion);
        let weights = &self.main().1.weights;
        let coverage: Vec<f64> = (0..nodes.len()).map(|row| coverage(table, row, weights)).collect();
        Ok(Scored {
            frame: accounts.clone(),
            churn_probability,
            expansion_probability,
            health,
            band,
            sub_scores,
            growth,
            segment: nodes.iter().map(|&node| self.segments.name(node).clone()).collect(),
            notes: notes(unseen, &coverage),
            coverage,
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

    /// How the bands' edges were chosen.
    pub fn bands(&self) -> BandEdges {
        self.settings.bands
    }

    /// What was foretold of the red, amber and green accounts, and what came of them, on training accounts left out.
    ///
    /// `None` where so few accounts are of one class that none could be left out.
    pub fn band_outcomes(&self) -> Option<&[BandOutcome; 3]> {
        self.main().1.bands.as_ref()
    }

    /// What is to be known of bands that were to be [apart](BandEdges::Apart) and are less so than asked; `None` where
    /// they are, and where they were chosen otherwise.
    pub fn bands_note(&self) -> Option<String> {
        match (self.settings.bands, self.health_outcome()) {
            (BandEdges::Apart { times }, Outcome::Churn) => bands::note(times, self.band_outcomes()),
            _ => None,
        }
    }
}
