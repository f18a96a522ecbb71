//! What is done for every row of every leaf: summing the gradients, adding the value.
//!
//! A leaf's rows lie all over the table, so the table is walked in stretches that fit the cache, every leaf's rows in
//! one stretch before the next. Sums are taken stretch by stretch, in this order at any thread count.

use std::ops::Range;

use rayon::prelude::*;

use super::histogram::{Row, row_index};
use super::rows::{Derivatives, RowPart};

/// Most rows of the table that are worked on at a time.
const MAX_STRETCH: usize = 16_384;

/// Rows that a leaf has in a stretch, about.
const FEW_ROWS: usize = 512;

/// Sums that are taken side by side.
const LANES: usize = 4;

/// The rows of some leaves, ascending within each.
pub(super) struct LeafRows<'a> {
    pub(super) rows: &'a [Row],
    /// Where each leaf's rows lie in `rows`.
    pub(super) leaves: Vec<Range<usize>>,
}

/// Gradient and hessian.
pub(super) type Pair = (f64, f64);

/// Rows in a stretch of a table of `n_rows` rows: an even number of equal ones, so that threads have equal shares.
fn stretch(n_rows: usize) -> usize {
    let n_stretches = match n_rows.div_ceil(MAX_STRETCH) {
        0 | 1 => 1,
        several => several.next_multiple_of(2),
    };
    n_rows.div_ceil(n_stretches).max(1)
}

impl LeafRows<'_> {
    /// Every leaf's sum of gradients and of hessians, over a table of `n_rows` rows.
    pub(super) fn sums(&self, of: &impl Derivatives, n_rows: usize, n_threads: usize) -> Vec<Pair> {
        let stretch = stretch(n_rows);
        let n_stretches = n_rows.div_ceil(stretch);
        let block = n_stretches.div_ceil(n_threads.max(1)).max(1);
        let of_block = |first: usize| {
            let rows = first * stretch..n_rows.min((first + block) * stretch);
            self.sums_of_stretches(of, rows, stretch)
        };
        let firsts: Vec<usize> = (0..n_stretches).step_by(block).collect();
        let sums: Vec<Vec<Pair>> = if n_threads > 1 && n_stretches > 1 {
            firsts.into_par_iter().map(of_block).collect()
        } else {
            firsts.into_iter().map(of_block).collect()
        };
        let stretches = sums.iter().flat_map(|sums| sums.chunks(self.leaves.len()));
        stretches.fold(vec![(0.0, 0.0); self.leaves.len()], |mut all, stretch| {
            all.iter_mut().zip(stretch).for_each(|(sum, part)| *sum = (sum.0 + part.0, sum.1 + part.1));
            all
        })
    }

    /// A sum a leaf for each stretch of some rows of the table, one stretch after the other.
    fn sums_of_stretches(&self, of: &impl Derivatives, rows: Range<usize>, stretch: usize) -> Vec<Pair> {
        let mut left = self.from(rows.start);
        let (mut gradients, mut hessians) = (vec![0.0; stretch], vec![0.0; stretch]);
        let mut sums = Vec::with_capacity(rows.len().div_ceil(stretch) * left.len());
        for first in rows.clone().step_by(stretch) {
            let end = rows.end.min(first + stretch);
            let (gradients, hessians) = (&mut gradients[..end - first], &mut hessians[..end - first]);
            of.fill(RowPart::Run(first..end), gradients, hessians);
            for leaf in &mut left {
                sums.push(sum(take_below(leaf, end), first, gradients, hessians));
            }
        }
        sums
    }

    /// Adds to the `raw` score of every row its leaf's value.
    pub(super) fn add(&self, values: &[f64], raw: &mut [f64], n_threads: usize) {
        let block = raw.len().div_ceil(n_threads.max(1)).max(1);
        if n_threads > 1 && raw.len() > MAX_STRETCH {
            let blocks = raw.par_chunks_mut(block).enumerate();
            blocks.for_each(|(at, raw)| self.add_from(at * block, values, raw));
        } else {
            self.add_from(0, values, raw);
        }
    }

    /// The same for a part of the scores, from row `first` on.
    fn add_from(&self, first: usize, values: &[f64], raw: &mut [f64]) {
        let mut left = self.from(first);
        for (at, raw) in raw.chunks_mut(MAX_STRETCH).enumerate() {
            let first = first + at * MAX_STRETCH;
            for (leaf, value) in left.iter_mut().zip(values) {
                for &row in take_below(leaf, first + raw.len()) {
                    raw[row_index(row) - first] += value;
                }
            }
        }
    }

    /// Every leaf's rows from the row `first` of the table on.
    fn from(&self, first: usize) -> Vec<&[Row]> {
        let rows = |leaf: &Range<usize>| &self.rows[leaf.clone()];
        let from = |rows: &[Row]| rows.partition_point(|&row| row_index(row) < first);
        self.leaves.iter().map(|leaf| &rows(leaf)[from(rows(leaf))..]).collect()
    }
}

/// Takes the rows below row `end` of the table off the front. Looks near the front first: those further on are not in
/// the cache yet.
fn take_below<'a>(rows: &mut &'a [Row], end: usize) -> &'a [Row] {
    let mut near = rows.len().min(FEW_ROWS);
    while near < rows.len() && row_index(rows[near - 1]) < end {
        near = rows.len().min(2 * near);
    }
    let (below, rest) = rows.split_at(rows[..near].partition_point(|&row| row_index(row) < end));
    *rows = rest;
    below
}

/// Of rows from `first` on. In four lanes, so that an addition need not wait for the one before.
fn sum(rows: &[Row], first: usize, gradients: &[f32], hessians: &[f32]) -> Pair {
    let add = |(g, h): &mut Pair, row: Row| {
        *g += f64::from(gradients[row_index(row) - first]);
        *h += f64::from(hessians[row_index(row) - first]);
    };
    let (lanes, rest) = rows.as_chunks::<LANES>();
    let mut sums = [(0.0, 0.0); LANES];
    for rows in lanes {
        sums.iter_mut().zip(rows).for_each(|(sum, &row)| add(sum, row));
    }
    sums.iter_mut().zip(rest).for_each(|(sum, &row)| add(sum, row));
    sums.into_iter().fold((0.0, 0.0), |(g, h), (more_g, more_h)| (g + more_g, h + more_h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_equal_and_come_in_pairs() {
        for n_rows in [1, 100, MAX_STRETCH, MAX_STRETCH + 1, 100_000, 1_000_000] {
            let stretch = stretch(n_rows);
            let n_stretches = n_rows.div_ceil(stretch);
            assert!(stretch <= MAX_STRETCH && (n_stretches == 1 || n_stretches.is_multiple_of(2)));
            assert!(n_stretches * stretch - n_rows < n_stretches, "the last is as long as the others");
        }
    }

    #[test]
    fn sums_and_values_reach_every_row_once_at_any_thread_count() {
        let n = 3 * MAX_STRETCH + 100;
        let leaf_of = |row: usize| row * 7919 % 5;
        let in_leaf = |leaf| (0..n).filter(move |&row| !row.is_multiple_of(3) && leaf_of(row) == leaf);
        let parts: Vec<Vec<Row>> =
            (0..5).map(|leaf| in_leaf(leaf).map(|row| (row as u64) << 32).collect()).collect();
        let ends: Vec<usize> = parts
            .iter()
            .scan(0, |end, part| {
                *end += part.len();
                Some(*end)
            })
            .collect();
        let leaves = ends.iter().zip(&parts).map(|(end, part)| end - part.len()..*end).collect();
        let rows = parts.concat();
        let leaf_rows = LeafRows { rows: &rows, leaves };
        let gradients: Vec<f32> = (0..n).map(|row| (row % 11) as f32 - 5.3).collect();
        let hessians: Vec<f32> = (0..n).map(|row| (row % 3) as f32).collect();
        let of = (&gradients[..], &hessians[..]);
        let one = leaf_rows.sums(&of, n, 1);
        for (leaf, (gradient, hessian)) in one.iter().enumerate() {
            let exact: f64 = in_leaf(leaf).map(|row| f64::from(gradients[row])).sum();
            assert!((gradient - exact).abs() < 1e-6 * exact.abs());
            assert_eq!(*hessian, in_leaf(leaf).map(|row| f64::from(hessians[row])).sum::<f64>());
        }
        for n_threads in [1, 2, 3, 64] {
            assert_eq!(leaf_rows.sums(&of, n, n_threads), one);
            let mut raw = vec![1.0; n];
            leaf_rows.add(&[1.0, 2.0, 3.0, 4.0, 5.0], &mut raw, n_threads);
            let expected = |row: usize| if row.is_multiple_of(3) { 1.0 } else { 2.0 + leaf_of(row) as f64 };
            assert!((0..n).all(|row| raw[row] == expected(row)));
        }
    }
}
