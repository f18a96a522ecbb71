//! Does one column alone rank the rows better than anything known beforehand does?

use super::super::{Column, MISSING_CODE};
use super::{Evidence, Tally, Z};
use crate::error::Result;
use crate::metric::roc_auc;

/// A whole model of honest signals seldom reaches this; one signal alone does not.
const LIMIT: f64 = 0.9;
/// A row is scored by rows of other folds, so that a value of its own tells nothing.
const N_FOLDS: usize = 5;
/// Numbers fall into so many bins of equal mass.
const N_BINS: usize = 32;
/// So many rows of the usual rate are added to a bin.
const PRIOR_ROWS: f64 = 10.0;

pub(super) fn check(values: &Column, label: &[bool]) -> Result<Option<Evidence>> {
    let auc = roc_auc(label, &scores(&bins(values), label), None)?;
    let is_beyond_chance = auc - Z * standard_error(auc, Tally::of(label)) >= LIMIT;
    Ok(is_beyond_chance.then_some(Evidence::Alone { auc }))
}

/// Standard error of an AUC (Hanley & McNeil 1982, eq. 2).
fn standard_error(auc: f64, all: Tally) -> f64 {
    let (n_true, n_false) = (all.trues as f64, (all.rows - all.trues) as f64);
    let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let variance = auc * (1.0 - auc) + (n_true - 1.0) * (q1 - auc * auc) + (n_false - 1.0) * (q2 - auc * auc);
    (variance.max(0.0) / (n_true * n_false)).sqrt()
}

/// The bin of each row; 0 is for missing values.
fn bins(values: &Column) -> Vec<usize> {
    match values {
        Column::Number(values) => {
            let edges = edges(values, N_BINS);
            let bin = |value: &f64| match value.is_nan() {
                true => 0,
                false => 1 + edges.partition_point(|edge| edge < value),
            };
            values.iter().map(bin).collect()
        }
        Column::Category(categories) => categories
            .codes
            .iter()
            .map(|&code| if code == MISSING_CODE { 0 } else { 1 + code as usize })
            .collect(),
    }
}

/// Upper edges of at most `n_bins` bins of equal mass, the last left out, ascending and distinct.
pub(super) fn edges(values: &[f64], n_bins: usize) -> Vec<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    let Some(last) = known.last().copied() else { return Vec::new() };
    let mut edges: Vec<f64> = (1..n_bins).map(|bin| known[bin * known.len() / n_bins]).collect();
    edges.retain(|edge| *edge < last);
    // The least value is often a spike with a meaning of its own: never, nothing, none.
    edges.insert(0, known[0]);
    edges.retain(|edge| *edge < last);
    edges.dedup();
    edges
}

/// The label's rate in each row's bin, as seen in the other folds, drawn to the rate of all of them.
fn scores(bins: &[usize], label: &[bool]) -> Vec<f64> {
    let n_bins = bins.iter().max().map_or(1, |bin| bin + 1);
    let mut tallies = vec![Tally::default(); n_bins];
    let mut of_folds = vec![Tally::default(); n_bins * N_FOLDS];
    let mut folds = [Tally::default(); N_FOLDS];
    for (row, (&bin, &label)) in bins.iter().zip(label).enumerate() {
        tallies[bin].add(label);
        of_folds[bin * N_FOLDS + row % N_FOLDS].add(label);
        folds[row % N_FOLDS].add(label);
    }
    let all = Tally::of(label);
    let score = |(row, &bin): (usize, &usize)| {
        let fold = row % N_FOLDS;
        let seen = tallies[bin].less(of_folds[bin * N_FOLDS + fold]);
        let usual = all.less(folds[fold]).rate();
        (seen.trues as f64 + PRIOR_ROWS * usual) / (seen.rows as f64 + PRIOR_ROWS)
    };
    bins.iter().enumerate().map(score).collect()
}
