//! Exact interaction values: what every two columns add together to a forest's sum for a row.
//!
//! They are Shapley interaction values of the path-dependent game (Lundberg et al. 2020, "From local explanations to
//! global understanding with explainable AI for trees", eq. 7 to 9), as shap's `shap_interaction_values` are: a matrix a
//! row, symmetric, whose rows add up to the contributions. What two columns add is shared equally between the places
//! `(i, j)` and `(j, i)`; what is left of a column's contribution stands on the diagonal.
//!
//! With the notation of [`contributions`](super::contributions) and [`deep`](super::deep), a leaf of value `v` gives to
//! `(i, j)` half of `∫ v·P(t)·c_i(t)·c_j(t) dt`. On the way down to it one `c` changes at a time, so that the product
//! of two is the sum of its changes: at an edge of column `i` it is the change of `c_i` times what `c_j` is there. Summed
//! over all leaves below the edges of a node that is the integrand of the node's contribution times `c_j`: one
//! product of vectors for each other column above the node.

use super::codes::Questions;
use super::column::ColumnView;
use super::contributions::{Quadrature, Tests};
use super::deep::{Arrival, DeepLeaves, Integrals, Place, Scratch, coefficient, times, total};
use super::predict::{Forest, Tree, n_rows, read_row};

/// Rows that go through all trees together: their matrices stay in the cache.
const EXPLAINED_ROWS: usize = 16;

/// What follows from a forest and makes interaction values fast.
#[derive(Clone, Debug)]
pub(super) struct PairExplainer {
    trees: Vec<TreePairs>,
}

/// The pairs of one tree.
#[derive(Clone, Debug)]
struct TreePairs {
    tests: Tests,
    leaves: DeepLeaves,
    /// For each node where its other columns above end in `above`.
    ends: Vec<u32>,
    /// Of every other column above a node the last edge, by the node it leads to.
    above: Vec<u32>,
    parts: Vec<Coefficients>,
}

/// `c` at some of the points.
#[derive(Clone, Debug)]
struct Coefficients {
    /// Nodes × points: of the column of the edge to each node, for a row that keeps to the way.
    present: Vec<f64>,
    /// Of any column, for a row that does not.
    absent: Vec<f64>,
}

impl Forest {
    /// What each two of the `d` columns add together to [`expected`](Self::expected) for a row as
    /// [`predict_row`](Self::predict_row) takes it: `d × d`, symmetric. A row of the matrix adds up to the column's
    /// [contribution](Self::contributions_row).
    ///
    /// # Panics
    /// When `row` is not `d` long or `out` not `d × d`.
    pub fn interaction_values_row(&self, row: &[f64], out: &mut [f64]) {
        let d = self.n_columns();
        assert_eq!(out.len(), d * d, "a value for every two columns");
        self.explain_pairs(&self.codes_of_row(row), out);
    }

    /// The interaction values for `n` rows of `d` columns: `n × d × d`, row-major.
    ///
    /// # Panics
    /// When there are not `d` columns, or they are not equally long.
    pub fn interaction_values(&self, columns: &[ColumnView]) -> Vec<f64> {
        let d = self.n_columns();
        let mut out = vec![0.0; n_rows(columns, d) * d * d];
        if d == 0 {
            return out;
        }
        self.pairs();
        self.for_parts(&mut out, EXPLAINED_ROWS * d * d, |start, out| {
            let mut row = vec![0.0; d];
            let codes = (0..out.len() / (d * d)).flat_map(|index| {
                read_row(columns, start / (d * d) + index, &mut row);
                self.codes_of_row(&row)
            });
            self.explain_pairs(&codes.collect::<Vec<i8>>(), out);
        });
        out
    }

    /// Writes the matrices of the rows that have these codes.
    fn explain_pairs(&self, codes: &[i8], out: &mut [f64]) {
        let d = self.n_columns().max(1);
        let width = (codes.len() * d * d / out.len().max(1)).max(1);
        out.fill(0.0);
        let (mut decisions, mut scratch) = (Vec::new(), Scratch::default());
        for tree in &self.pairs().trees {
            for (codes, out) in codes.chunks(width).zip(out.chunks_mut(d * d)) {
                tree.tests.decide(codes, &mut decisions);
                tree.leaves.integrate(&decisions, &mut scratch, &mut ToPairs { tree, d, out });
            }
        }
        out.chunks_mut(d * d).for_each(|out| share(out, d));
    }
}

/// Turns the sums of pairs above the diagonal, and contributions on it, into a matrix whose rows add up to those.
fn share(out: &mut [f64], d: usize) {
    for i in 0..d {
        for j in i + 1..d {
            let half = out[i * d + j] / 2.0;
            (out[i * d + j], out[j * d + i]) = (half, half);
            out[i * d + i] -= half;
            out[j * d + j] -= half;
        }
    }
}

/// Adds up pairs above the diagonal, and contributions on it.
struct ToPairs<'a> {
    tree: &'a TreePairs,
    d: usize,
    out: &'a mut [f64],
}

impl Integrals for ToPairs<'_> {
    #[inline(always)]
    fn take<const W: usize>(&mut self, part: usize, states: &[u8], node: Place, integrand: &[f64; W]) {
        let TreePairs { leaves, ends, above, parts, .. } = self.tree;
        let Coefficients { present, absent } = &parts[part];
        let (present, absent) = (present.as_chunks::<W>().0, absent.as_chunks::<W>().0);
        self.out[node.column * (self.d + 1)] += total(integrand);
        let start = if node.index == 0 { 0 } else { ends[node.index - 1] as usize };
        for &edge in &above[start..ends[node.index] as usize] {
            let Arrival { parent, column, side, .. } = leaves.arrivals()[edge as usize];
            let keeps = states[parent as usize] == side;
            let factor = if keeps { &present[edge as usize] } else { &absent[0] };
            let (low, high) = (node.column.min(column as usize), node.column.max(column as usize));
            self.out[low * self.d + high] += total(&times(integrand, factor));
        }
    }
}

impl PairExplainer {
    pub(super) fn new(forest: &Forest) -> Self {
        let questions = Questions::new(forest.trees());
        PairExplainer { trees: forest.trees().iter().map(|tree| TreePairs::new(tree, &questions)).collect() }
    }
}

impl TreePairs {
    fn new<'a>(tree: &'a Tree, questions: &Questions<'a>) -> Self {
        let quadrature = Quadrature::new(tree.most_columns_on_a_path().div_ceil(2));
        let leaves = DeepLeaves::new(tree, &vec![true; tree.n_leaves()], &quadrature);
        let parts = leaves.points().map(|points| Coefficients::new(points, leaves.arrivals())).collect();
        let (above, ends) = edges_above(&leaves);
        TreePairs { tests: Tests::new(tree, questions), leaves, ends, above, parts }
    }
}

impl Coefficients {
    fn new(points: &[f64], arrivals: &[Arrival]) -> Self {
        let of = |arrival: &Arrival| {
            let share = arrival.share;
            points.iter().map(move |&t| coefficient(t, true, share).0)
        };
        let absent = points.iter().map(|&t| coefficient(t, false, 1.0).0).collect();
        Coefficients { present: arrivals.iter().flat_map(of).collect(), absent }
    }
}

/// For each node the last edge of every other column above it, by the node it leads to, one node's after another's; and
/// where those of each end.
fn edges_above(leaves: &DeepLeaves) -> (Vec<u32>, Vec<u32>) {
    let (arrivals, mut paths) = (leaves.arrivals(), Vec::<Vec<u32>>::new());
    let (mut above, mut ends) = (Vec::new(), Vec::new());
    let column_of = |edge: &u32| arrivals[*edge as usize].column;
    for (index, (arrival, column)) in arrivals.iter().zip(leaves.columns()).enumerate() {
        let mut path = Vec::new();
        if index > 0 {
            let before = paths[arrival.parent as usize].iter().copied();
            path.extend(before.filter(|edge| column_of(edge) != arrival.column));
            path.push(index as u32);
        }
        above.extend(path.iter().copied().filter(|edge| column_of(edge) != column));
        ends.push(above.len() as u32);
        paths.push(path);
    }
    (above, ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::contributions::tests::{forest, game};

    /// By the definition, over all subsets.
    fn brute_force(forest: &Forest, row: &[f64]) -> Vec<f64> {
        let d = forest.n_columns();
        let games: Vec<f64> = (0..1 << d).map(|known| game(forest, row, known)).collect();
        let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
        let together = |i: usize, j: usize| {
            let pair = 1usize << i | 1 << j;
            let gain = |known: usize| {
                let n = known.count_ones() as usize;
                let weight = factorial(n) * factorial(d - n - 2) / (2.0 * factorial(d - 1));
                weight * (games[known | pair] - games[known | 1 << i] - games[known | 1 << j] + games[known])
            };
            (0..1usize << d).filter(|known| known & pair == 0).map(gain).sum::<f64>()
        };
        let mut contributions = vec![0.0; d];
        forest.contributions_row(row, &mut contributions);
        let of_row = |i: usize| {
            let pairs: Vec<f64> = (0..d).map(|j| if i == j { 0.0 } else { together(i, j) }).collect();
            let left = contributions[i] - pairs.iter().sum::<f64>();
            (0..d).map(move |j| if i == j { left } else { pairs[j] }).collect::<Vec<f64>>()
        };
        (0..d).flat_map(of_row).collect()
    }

    #[test]
    fn interaction_values_are_those_of_the_definition() {
        for (n_columns, max_leaf_nodes) in [(1, 12), (2, 3), (3, 40), (6, 16), (8, 90)] {
            let (forest, rows) = forest(n_columns, max_leaf_nodes, 2);
            let d = n_columns + 1;
            for row in rows.iter().step_by(5) {
                let mut values = vec![f64::NAN; d * d];
                forest.interaction_values_row(row, &mut values);
                for (ours, exact) in values.iter().zip(brute_force(&forest, row)) {
                    assert!((ours - exact).abs() < 1e-12, "{n_columns} {max_leaf_nodes}: {ours} {exact}");
                }
            }
        }
    }

    #[test]
    fn rows_of_the_matrix_add_up_to_the_contributions() {
        let (forest, rows) = forest(40, 60, 30);
        let d = 41;
        let column = |at: usize| rows.iter().map(move |row| row[at]).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = (0..d).map(column).collect();
        let views: Vec<ColumnView> = columns.iter().map(|values| ColumnView::F64(values)).collect();
        let (values, contributions) = (forest.interaction_values(&views), forest.contributions(&views));
        let mut of_row = vec![0.0; d * d];
        for (index, (matrix, contributions)) in values.chunks(d * d).zip(contributions.chunks(d)).enumerate()
        {
            forest.interaction_values_row(&rows[index], &mut of_row);
            assert_eq!(matrix, of_row);
            for (i, contribution) in contributions.iter().enumerate() {
                let sum: f64 = matrix[i * d..][..d].iter().sum();
                assert!((sum - contribution).abs() < 1e-12);
                assert!((0..d).all(|j| matrix[i * d + j] == matrix[j * d + i]));
            }
        }
        assert!(values.iter().any(|value| value.abs() > 1e-3));
    }

    #[test]
    fn columns_that_never_meet_do_not_interact() {
        let (forest, rows) = forest(5, 2, 6);
        let mut values = vec![f64::NAN; 36];
        forest.interaction_values_row(&rows[0], &mut values);
        assert!((0..36).all(|at| at % 7 == 0 || values[at] == 0.0), "{values:?}");
        assert!(values.iter().any(|value| *value != 0.0));
    }

    #[test]
    fn a_lone_leaf_has_no_interactions() {
        let (forest, rows) = forest(2, 1, 3);
        let mut values = vec![1.0; 9];
        forest.interaction_values_row(&rows[0], &mut values);
        assert_eq!(values, [0.0; 9]);
    }
}
