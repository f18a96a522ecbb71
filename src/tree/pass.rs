//! One pass over the columns of a split node: fill the smaller child's histograms, subtract them from the parent's,
//! search both children.
//!
//! No column needs another, so threads take groups of columns and meet once a node. Where rows are many, threads fill
//! from blocks of rows first: a row's cells lie together, so it is fetched once. Sums are exact and the better of two
//! splits does not depend on who found it, so neither does the tree.

use rayon::prelude::*;

use super::cells::Group;
use super::fill::{SpareCells, fill};
use super::histogram::{ColumnHistogram, Histogram, PARALLEL_ROWS, Row, merge, subtract};
use super::split::{Found, Prefixes, Search, Target, better};

/// Below this many histogram entries added to or looked at, a second thread is not worth waking.
const PARALLEL_ENTRIES: usize = 8192;

/// What a pass works on, beside the histograms.
pub(super) struct Pass<'a> {
    pub(super) search: &'a Search<'a>,
    pub(super) cells: &'a SpareCells,
    /// The rows that the histograms are filled with.
    pub(super) rows: &'a [Row],
    /// The node of these rows, if it is searched.
    pub(super) filled: Option<Target<'a>>,
    /// The other child of its parent, if it is searched.
    pub(super) rest: Option<Target<'a>>,
}

impl Pass<'_> {
    /// Goes over all columns, whose histograms are `filled` and, of the parent before and of the other child after,
    /// `rest` (empty for a root). The best split of each node.
    pub(super) fn run(
        &self,
        filled: &mut [ColumnHistogram],
        rest: &mut [ColumnHistogram],
        spare: &mut Vec<Histogram>,
        n_threads: usize,
    ) -> [Option<Found>; 2] {
        let Search { bins, layout, .. } = self.search;
        let (groups, n_groups) = (bins.groups(), bins.groups().len());
        if n_threads < 2 || !self.is_worth_threads(filled.len()) {
            return self.columns(groups, Source::Rows(self.rows), filled, rest, 1);
        }
        if self.rows.len() <= PARALLEL_ROWS {
            return self.columns(groups, Source::Rows(self.rows), filled, rest, n_threads);
        }
        // A block has its own histograms, which are to be added up: not for fewer rows than that.
        let n_blocks = n_threads.min(self.rows.len().div_ceil(PARALLEL_ROWS));
        let block = self.rows.len().div_ceil(n_blocks);
        let new = || Histogram::new(bins.n_columns());
        spare.resize_with(spare.len().max(n_blocks), new);
        let blocks = self.rows.par_chunks(block).zip(&mut *spare);
        blocks.for_each(|(rows, partial)| fill(&mut partial.columns, groups, bins, rows, layout, self.cells));
        let partials = &spare[..self.rows.len().div_ceil(block)];
        self.columns(groups, Source::Partials(partials), filled, rest, n_threads.min(n_groups))
    }

    /// The same for some groups of columns.
    fn columns(
        &self,
        groups: &[Group],
        source: Source,
        filled: &mut [ColumnHistogram],
        rest: &mut [ColumnHistogram],
        n_threads: usize,
    ) -> [Option<Found>; 2] {
        if n_threads < 2 || groups.len() < 2 {
            return self.columns_alone(groups, source, filled, rest);
        }
        let (first, second) = groups.split_at(groups.len() / 2);
        let middle = second[0].places.start - first[0].places.start;
        let (filled, more_filled) = filled.split_at_mut(middle);
        let (rest, more_rest) = rest.split_at_mut(middle.min(rest.len()));
        let half = n_threads / 2;
        let (a, b) = rayon::join(
            || self.columns(first, source, filled, rest, half),
            || self.columns(second, source, more_filled, more_rest, n_threads - half),
        );
        both_better(a, b)
    }

    fn columns_alone(
        &self,
        groups: &[Group],
        source: Source,
        mut filled: &mut [ColumnHistogram],
        mut rest: &mut [ColumnHistogram],
    ) -> [Option<Found>; 2] {
        let Search { bins, layout, .. } = self.search;
        match source {
            Source::Rows(rows) => fill(filled, groups, bins, rows, layout, self.cells),
            Source::Partials(partials) => add_up(filled, groups[0].places.start, partials),
        }
        let mut prefixes = Prefixes::new();
        let mut found = [None, None];
        for group in groups {
            let filled = filled.split_off_mut(..group.places.len()).expect("a histogram a column");
            let rest = rest.split_off_mut(..group.places.len().min(rest.len())).expect("as many or none");
            subtract(rest, filled, group, bins);
            let nodes = [(&self.filled, &*filled), (&self.rest, &*rest)];
            for (found, (target, histograms)) in found.iter_mut().zip(nodes) {
                let Some(target) = target else { continue };
                *found = self.search.best_split(target, group, histograms, &mut prefixes, *found);
            }
        }
        found
    }

    fn is_worth_threads(&self, n_columns: usize) -> bool {
        let n_searched = usize::from(self.filled.is_some()) + usize::from(self.rest.is_some());
        n_columns * (self.rows.len() + 256 * n_searched) >= PARALLEL_ENTRIES
    }
}

/// Where histograms come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    Rows(&'a [Row]),
    /// From those of blocks of the rows.
    Partials(&'a [Histogram]),
}

/// Makes `histograms`, from the place `first` on, the sum of the partial ones.
fn add_up(histograms: &mut [ColumnHistogram], first: usize, partials: &[Histogram]) {
    let places = first..first + histograms.len();
    histograms.copy_from_slice(&partials[0].columns[places.clone()]);
    partials[1..].iter().for_each(|partial| merge(histograms, &partial.columns[places.clone()]));
}

fn both_better(a: [Option<Found>; 2], b: [Option<Found>; 2]) -> [Option<Found>; 2] {
    let ([a_filled, a_rest], [b_filled, b_rest]) = (a, b);
    [better(a_filled, b_filled), better(a_rest, b_rest)]
}
