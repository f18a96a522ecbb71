//! Training of a health model.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::bands::{BandEdges, BandOutcome};
use super::coverage;
use super::fitted::{FittedScore, usual_log_odds};
use super::model::HealthModel;
use super::params::HealthModelParams;
use super::quality::Quality;
use super::recourse::Seen;
use super::scale::{HealthScale, Training};
use super::segment::pooled::{self, Line};
use super::segment::report::outcomes;
use super::segment::{Key, SegmentReport, SegmentTree};
use crate::error::{ErrorKind, Result};
use crate::explain::{self, Outcome, Usual};
use crate::frame::{self, Frame, Table};
use crate::model::{Classifier, Contributions, OnProgress, Progress, sigmoid};
use crate::schema::Direction;

impl HealthModelParams {
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
        self.check_bands(&labels)?;
        let segments = Segmented::of(SegmentTree::of(self.keys(), past)?, past)?;
        let mut warnings = leaks(past, &labels);
        let share = 1.0 / labels.len() as f64;
        let mut scores = [None, None];
        for (at, (outcome, label)) in labels.into_iter().enumerate() {
            let part = |progress: Progress| {
                on_progress(Progress { done: share * (at as f64 + progress.done), ..progress })
            };
            scores[outcome as usize] = Some(self.fit_score(past, &segments, outcome, label, &part)?);
        }
        let [churn, expansion] = scores;
        let (churn, churn_reports) = churn.unzip();
        let (expansion, expansion_reports) = expansion.unzip();
        let mut reports = segments.reports(past);
        for (at, report) in reports.iter_mut().enumerate() {
            let of = |reports: &Option<Vec<_>>| reports.as_ref().and_then(|reports| reports[at]);
            (report.churn, report.expansion) = (of(&churn_reports), of(&expansion_reports));
        }
        for score in [&churn, &expansion].into_iter().flatten() {
            warnings.extend_from_slice(score.blend.warnings());
        }
        Ok(HealthModel {
            schema: Arc::new(self.schema.clone()),
            settings: self.settings.clone(),
            usual: segments.usual(past.signals()),
            groups: explain::groups(&self.schema, past.signals()),
            seen: Seen::of(past.signals()),
            segments: segments.tree,
            reports,
            churn,
            expansion,
            warnings,
        })
    }

    /// What accounts are told apart by, the stage of their life first.
    fn keys(&self) -> Vec<Key> {
        let stages = self.settings.life_cycle.clone().map(Key::LifeCycle);
        let columns = self.settings.segments.as_ref().unwrap_or(&self.schema.segments);
        stages.into_iter().chain(columns.iter().cloned().map(Key::Column)).collect()
    }

    /// Bands by cost speak of what leaves.
    fn check_bands(&self, labels: &[(Outcome, Label<'_>)]) -> Result<()> {
        let by_cost = matches!(self.settings.bands, BandEdges::Cost { .. });
        if !by_cost || labels.iter().any(|(outcome, _)| *outcome == Outcome::Churn) {
            return Ok(());
        }
        let hint = "bands by cost speak of churn, and there is no such label; choose them by share".into();
        Err(ErrorKind::NoLabel { hint }.into())
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
        segments: &Segmented,
        outcome: Outcome,
        label: Label<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<(FittedScore, Vec<Option<super::SegmentOutcome>>)> {
        let (rows, happened) = label.known()?;
        label.check_classes(&happened)?;
        let table = past.signals().take(&rows);
        let ids: Vec<String> = rows.iter().map(|&row| past.ids()[row].clone()).collect();
        let nodes: Vec<u32> = rows.iter().map(|&row| segments.node_of_row[row]).collect();
        let params = self.blend.clone().monotonic(self.monotonic(outcome));
        let (blend, out_of_fold) = params.fit_accounts(&table, &happened, &ids, on_progress)?;
        let tree = &segments.tree;
        // What was said of rows that were learned from is no measure, of the whole or of a segment.
        let (lines, left_out) = if out_of_fold.unseen {
            let left_out = calibrated_unseen(tree, &nodes, &ids, &out_of_fold.log_odds, &happened);
            (pooled::calibrate(tree, &nodes, &out_of_fold.log_odds, &happened), Some(left_out))
        } else {
            (vec![Line::IDENTITY; tree.n_nodes()], None)
        };
        let contributions = blend.contributions(&table)?;
        let usual = usual_contributions(tree, &nodes, &lines, &contributions);
        let of_node: Vec<f64> = lines
            .iter()
            .zip(&usual)
            .map(|(line, usual)| usual_log_odds(*line, contributions.base, usual))
            .collect();
        let said = nodes.iter().map(|&node| node as usize).zip(&out_of_fold.log_odds);
        let excess: Vec<f64> = said.map(|(node, said)| lines[node].apply(*said) - of_node[node]).collect();
        let training = Training {
            excess: &excess,
            log_odds: left_out.as_ref().unwrap_or(&out_of_fold.log_odds),
            happened: left_out.is_some().then_some(&happened[..]),
        };
        let scale = HealthScale::fit(outcome, &training, self.settings.bands);
        let mut score = FittedScore {
            weights: coverage::weights(&contributions, &usual[0]),
            base: contributions.base,
            scale,
            quality: None,
            bands: None,
            blend,
            lines,
            usual,
        };
        let mut reports = vec![None; tree.n_nodes()];
        if let Some(left_out) = left_out {
            let probability: Vec<f64> = left_out.iter().copied().map(sigmoid).collect();
            score.quality = Some(Quality::of(&happened, &probability)?);
            let accounts = (0..nodes.len()).map(|row| {
                let usual = of_node[nodes[row] as usize];
                (scale.band(usual, left_out[row] - usual), probability[row], happened[row])
            });
            score.bands = Some(BandOutcome::of_each(accounts));
            reports = outcomes(tree, &nodes, &happened, &out_of_fold.log_odds, &left_out)?;
        }
        Ok((score, reports))
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

/// The signals that seem to know a label, in words; of a label that is too scarce to tell from chance, nothing is said.
fn leaks(past: &Frame, labels: &[(Outcome, Label<'_>)]) -> Vec<String> {
    let rows = frame::some_accounts(past.ids());
    let sample = (rows.len() < past.n_rows()).then(|| past.take(&rows));
    let checked = sample.as_ref().unwrap_or(past);
    let of_label = |(_, label): &(Outcome, Label<'_>)| {
        let values: Vec<Option<bool>> = rows.iter().map(|&row| label.values[row]).collect();
        checked.leaks_of(label.name, &values).ok()
    };
    labels.iter().filter_map(of_label).flatten().map(|leak| leak.to_string()).collect()
}

/// Least accounts of a segment that has its own word on what is usual of a signal.
const USUAL_ACCOUNTS: usize = 30;

/// The segments of the training accounts.
struct Segmented {
    tree: SegmentTree,
    node_of_row: Vec<u32>,
    rows: Vec<Vec<usize>>,
}

impl Segmented {
    fn of(tree: SegmentTree, past: &Frame) -> Result<Self> {
        let node_of_row = tree.assign(past)?;
        let rows = tree.rows(&node_of_row);
        Ok(Segmented { tree, node_of_row, rows })
    }

    /// What is usual of each signal in each segment; `None` in one that is too small to say and takes its parent's.
    fn usual(&self, signals: &Table) -> Vec<Option<Vec<Usual>>> {
        let whole = self.rows[0].len() == signals.n_rows();
        debug_assert!(whole, "every account is in the whole");
        let of_node = |(node, rows): (usize, &Vec<usize>)| match node {
            0 => Some(Usual::of(signals)),
            _ => (rows.len() >= USUAL_ACCOUNTS).then(|| Usual::of(&signals.take(rows))),
        };
        self.rows.iter().enumerate().map(of_node).collect()
    }

    fn reports(&self, past: &Frame) -> Vec<SegmentReport> {
        let value = |rows: &[usize]| {
            let values = past.value_cents()?;
            Some(rows.iter().filter_map(|&row| values[row]).fold(0i64, i64::saturating_add))
        };
        let report = |(node, rows): (u32, &Vec<usize>)| SegmentReport {
            name: self.tree.name(node).clone(),
            depth: self.tree.depth_of(node),
            n_accounts: rows.len(),
            value_cents: value(rows),
            churn: None,
            expansion: None,
        };
        (0..).zip(&self.rows).map(report).collect()
    }
}

/// Folds of the segments' own calibration, by which its quality is told.
const CALIBRATION_FOLDS: usize = 5;

/// Log-odds by segment lines that had not seen the account: fold by fold of whole accounts.
fn calibrated_unseen(
    tree: &SegmentTree,
    nodes: &[u32],
    ids: &[String],
    log_odds: &[f64],
    happened: &[bool],
) -> Vec<f64> {
    if tree.n_nodes() == 1 {
        return log_odds.to_vec();
    }
    let fold_of_row = account_folds(ids);
    let mut calibrated = log_odds.to_vec();
    for fold in 0..CALIBRATION_FOLDS {
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (0..ids.len()).partition(|&row| fold_of_row[row] == fold);
        let nodes_of: Vec<u32> = outside.iter().map(|&row| nodes[row]).collect();
        let said: Vec<f64> = outside.iter().map(|&row| log_odds[row]).collect();
        let y: Vec<bool> = outside.iter().map(|&row| happened[row]).collect();
        let lines = pooled::calibrate(tree, &nodes_of, &said, &y);
        inside.into_iter().for_each(|row| calibrated[row] = lines[nodes[row] as usize].apply(log_odds[row]));
    }
    calibrated
}

/// The fold of each row: accounts take turns in the order in which they are met.
fn account_folds(ids: &[String]) -> Vec<usize> {
    let mut number_of = std::collections::HashMap::new();
    ids.iter()
        .map(|id| {
            let next = number_of.len();
            *number_of.entry(id).or_insert(next) % CALIBRATION_FOLDS
        })
        .collect()
}

/// What each signal adds to the segment's calibrated log-odds in the mean, drawn towards the parent segment's.
fn usual_contributions(
    tree: &SegmentTree,
    nodes: &[u32],
    lines: &[Line],
    contributions: &Contributions,
) -> Vec<Vec<f64>> {
    let of_row = |row: usize, out: &mut [f64]| {
        let slope = lines[nodes[row] as usize].slope;
        out.iter_mut().zip(contributions.row(row)).for_each(|(out, part)| *out = slope * part);
    };
    pooled::means(tree, nodes, &of_row, contributions.n_features)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_of_an_account_are_in_one_fold() {
        let ids: Vec<String> = ["a", "b", "a", "c", "d", "e", "f", "b"].map(String::from).into();
        let folds = account_folds(&ids);
        assert_eq!(folds, [0, 1, 0, 2, 3, 4, 0, 1]);
    }
}
