//! What a fitted score says of accounts: probability, parts, health, reasons.

use rayon::prelude::*;

use super::fitted::{FittedScore, open_probability};
use super::model::HealthModel;
use super::scored::Band;
use crate::error::Result;
use crate::explain::{Outcome, Reason, Reasons, by_dimension};
use crate::frame::Table;
use crate::model::Classifier;

/// What one fitted score says of a table.
pub(super) struct Told {
    pub probability: Vec<f64>,
    /// What the signals add beyond what is usual in the segment, `n × d`.
    pub excess: Vec<f64>,
    pub reasons: Vec<Vec<Reason>>,
}

/// From so many accounts on, several threads tell them.
const PARALLEL_ROWS: usize = 256;

/// One of each row, in order, by several threads where it is worth it.
pub(super) fn map_rows<T: Send>(n_rows: usize, of: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    if n_rows < PARALLEL_ROWS {
        return (0..n_rows).map(of).collect();
    }
    (0..n_rows).into_par_iter().with_min_len(64).map(of).collect()
}

impl HealthModel {
    pub(super) fn tell(
        &self,
        score: &FittedScore,
        outcome: Outcome,
        table: &Table,
        nodes: &[u32],
        n_reasons: usize,
    ) -> Result<Told> {
        let mut excess = score.blend.contributions(table)?.values;
        let d = self.schema.signals.len().max(1);
        for (&node, row) in nodes.iter().zip(excess.chunks_exact_mut(d)) {
            score.excess(node, row);
        }
        let of = |row: usize| &excess[row * d..(row + 1) * d];
        let log_odds = |(row, &node): (usize, &u32)| score.usual_log_odds(node) + of(row).iter().sum::<f64>();
        let probability = nodes.iter().enumerate().map(log_odds).map(open_probability).collect();
        let reasons =
            |row: usize| {
                Reasons::new(&self.schema, self.usual_in(nodes[row]), outcome, n_reasons)
                    .groups(&self.groups)
                    .of(table, row, score.usual_log_odds(nodes[row]), of(row))
            };
        let reasons = match n_reasons {
            0 => vec![Vec::new(); table.n_rows()],
            _ => map_rows(table.n_rows(), reasons),
        };
        Ok(Told { probability, excess, reasons })
    }

    /// Health, band and sub-scores of accounts from what their signals add beyond what is usual, `n × d`.
    pub(super) fn health(&self, nodes: &[u32], excess: &[f64]) -> (Vec<f64>, Vec<Band>, Vec<[f64; 8]>) {
        let (_, score) = self.main();
        let (n, d) = (nodes.len(), self.schema.signals.len());
        let (mut health, mut band, mut sub_scores) =
            (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        for (&node, row) in nodes.iter().zip(excess.chunks_exact(d.max(1))) {
            let parts = by_dimension(&self.schema, row);
            let sum = parts.iter().sum();
            health.push(score.scale.health(sum));
            band.push(score.scale.band(score.usual_log_odds(node), sum));
            sub_scores.push(parts.map(|part| score.scale.health(part)));
        }
        (health, band, sub_scores)
    }

    /// The same map of growth: 0 to 100 from what the signals add to the log-odds of expansion, `n × d`.
    pub(super) fn growth(&self, excess: &[f64]) -> Option<Vec<f64>> {
        let score = self.fitted(Outcome::Expansion)?;
        let rows = excess.chunks_exact(self.schema.signals.len().max(1));
        Some(rows.map(|row| score.scale.health(row.iter().sum())).collect())
    }
}
