//! Partial pooling: what is known of a segment, drawn towards its parent by how little of its own there is.
//!
//! Both estimates are empirical Bayes with a normal prior around the parent, level by level from the whole down. With
//! `d` a segment's own deviation and `I` its information, `E d²I = 1 + τ²I`, so the variance between siblings is
//! `τ² = max(0, (Σ d²I − k) / Σ I)` over the `k` of a level (DerSimonian & Laird 1986, around a known mean). Where
//! `Σ d²I` is within one standard deviation of what chance gives (`k + √2k`), siblings are taken for equal.

use serde::{Deserialize, Serialize};

use super::{SegmentTree, WHOLE};
use crate::model::sigmoid;

/// Calibrated log-odds of a segment as a line of those of all accounts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::health) struct Line {
    /// What is added.
    pub shift: f64,
    /// What is multiplied by, above 0.
    pub slope: f64,
}

impl Line {
    pub const IDENTITY: Line = Line { shift: 0.0, slope: 1.0 };

    pub fn apply(self, log_odds: f64) -> f64 {
        self.shift + self.slope * log_odds
    }

    /// What a probability by the line of all accounts is by this one; 0 and 1 stay.
    pub fn apply_to_probability(self, p: f64) -> f64 {
        if self == Line::IDENTITY || p <= 0.0 || p >= 1.0 {
            return p;
        }
        sigmoid(self.apply((p / (1.0 - p)).ln()))
    }

    /// This line of another one's results, bent around a point: `x + shift + bend (x − centre)`.
    fn bent(self, shift: f64, bend: f64, centre: f64) -> Line {
        let slope = 1.0 + bend;
        Line { shift: slope * self.shift + shift - bend * centre, slope: slope * self.slope }
    }

    pub fn is_sound(self) -> bool {
        self.shift.is_finite() && self.slope.is_finite() && self.slope > 0.0
    }
}

/// The most by which a segment's slope may fall below its parent's: it never turns around.
const MOST_FLATTER: f64 = -0.7;

/// A line a segment, from what left-out predictions (calibrated log-odds of all accounts) and labels say of it.
pub(in crate::health) fn calibrate(
    tree: &SegmentTree,
    node_of_row: &[u32],
    log_odds: &[f64],
    y: &[bool],
) -> Vec<Line> {
    let mut lines = vec![Line::IDENTITY; tree.n_nodes()];
    if tree.n_nodes() == 1 {
        return lines;
    }
    let rows = tree.rows(node_of_row);
    for depth in 1..=tree.depth() {
        let fits: Vec<(u32, Fit)> = tree
            .at_depth(depth)
            .map(|node| {
                (node, Fit::new(lines[tree.parent(node) as usize], &rows[node as usize], log_odds, y))
            })
            .collect();
        let shift_variance = variance_between(fits.iter().map(|(_, fit)| fit.one_step(0)));
        let bend_variance = variance_between(fits.iter().map(|(_, fit)| fit.one_step(1)));
        for (node, fit) in &fits {
            let [shift, bend] = fit.solve([shift_variance, bend_variance]);
            lines[*node as usize] = fit.parent.bent(shift, bend.max(MOST_FLATTER), fit.centre);
        }
    }
    lines
}

/// The variance between siblings from their deviations and information.
fn variance_between(deviations: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut k, mut chi_square, mut information) = (0.0f64, 0.0, 0.0);
    for (deviation, weight) in deviations.filter(|(_, weight)| *weight > 0.0) {
        k += 1.0;
        chi_square += deviation * deviation * weight;
        information += weight;
    }
    if k < 1.0 || chi_square < k + (2.0 * k).sqrt() {
        return 0.0;
    }
    (chi_square - k) / information
}

/// One segment's rows as its parent's line reads them.
struct Fit<'a> {
    parent: Line,
    rows: &'a [usize],
    log_odds: &'a [f64],
    y: &'a [bool],
    /// Where shift and bend do not disturb each other: the mean log-odds, each row weighing p (1 − p).
    centre: f64,
}

impl<'a> Fit<'a> {
    fn new(parent: Line, rows: &'a [usize], log_odds: &'a [f64], y: &'a [bool]) -> Self {
        let mut fit = Fit { parent, rows, log_odds, y, centre: 0.0 };
        let (mut sum, mut weight) = (0.0, 0.0);
        for (x, _) in fit.inputs() {
            let p = sigmoid(x);
            sum += p * (1.0 - p) * x;
            weight += p * (1.0 - p);
        }
        fit.centre = if weight > 0.0 { sum / weight } else { 0.0 };
        fit
    }

    /// Log-odds by the parent's line, and whether it happened.
    fn inputs(&self) -> impl Iterator<Item = (f64, bool)> {
        self.rows.iter().map(|&row| (self.parent.apply(self.log_odds[row]), self.y[row]))
    }

    /// Gradient and information of shift and bend at a point.
    fn slopes(&self, [shift, bend]: [f64; 2]) -> ([f64; 2], [[f64; 2]; 2]) {
        let (mut gradient, mut information) = ([0.0; 2], [[0.0; 2]; 2]);
        for (x, y) in self.inputs() {
            let input = [1.0, x - self.centre];
            let p = sigmoid(x + shift + bend * input[1]);
            let residual = f64::from(u8::from(y)) - p;
            for a in 0..2 {
                gradient[a] += residual * input[a];
                for b in 0..2 {
                    information[a][b] += p * (1.0 - p) * input[a] * input[b];
                }
            }
        }
        (gradient, information)
    }

    /// The deviation that one step of Newton's method finds for a coordinate alone, and its information.
    fn one_step(&self, coordinate: usize) -> (f64, f64) {
        let (gradient, information) = self.slopes([0.0; 2]);
        let weight = information[coordinate][coordinate];
        (if weight > 0.0 { gradient[coordinate] / weight } else { 0.0 }, weight)
    }

    /// Shift and bend under normal priors of mean 0 and the given variances; 0 where a variance is.
    fn solve(&self, variances: [f64; 2]) -> [f64; 2] {
        let mut at = [0.0; 2];
        if variances == [0.0; 2] || self.rows.is_empty() {
            return at;
        }
        for _ in 0..20 {
            let step = self.step(at, variances);
            (0..2).for_each(|k| at[k] = (at[k] + step[k].clamp(-1.0, 1.0)).clamp(-8.0, 8.0));
            if step.iter().all(|step| step.abs() < 1e-9) {
                break;
            }
        }
        at
    }

    fn step(&self, at: [f64; 2], variances: [f64; 2]) -> [f64; 2] {
        let (mut gradient, mut information) = self.slopes(at);
        for k in 0..2 {
            if variances[k] > 0.0 {
                gradient[k] -= at[k] / variances[k];
                information[k][k] += 1.0 / variances[k];
            } else {
                gradient[k] = 0.0;
                (information[0][1], information[1][0], information[k][k]) = (0.0, 0.0, 1.0);
            }
        }
        let [[a, b], [c, d]] = information;
        let determinant = a * d - b * c;
        if determinant.is_nan() || determinant <= 0.0 {
            return [0.0; 2];
        }
        [(d * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - c * gradient[0]) / determinant]
    }
}

/// The mean of `d` numbers a row over each segment, drawn towards its parent's: one weight a segment for all `d`, from
/// how much their sum differs between siblings and within them.
pub(in crate::health) fn means(
    tree: &SegmentTree,
    node_of_row: &[u32],
    of_row: &(dyn Fn(usize, &mut [f64]) + Sync),
    d: usize,
) -> Vec<Vec<f64>> {
    let sums = Sums::of(tree, node_of_row, of_row, d);
    let mut means = sums.means(d);
    for depth in 1..=tree.depth() {
        let within = sums.within(tree, depth);
        let total = |mean: &[f64]| mean.iter().sum::<f64>();
        let deviation = |node: u32| {
            let own = total(&means[node as usize]) - total(&means[tree.parent(node) as usize]);
            (own, sums.n[node as usize] / within.max(f64::MIN_POSITIVE))
        };
        let between = variance_between(tree.at_depth(depth).map(deviation));
        for node in tree.at_depth(depth).map(|node| node as usize) {
            let information = sums.n[node] * between;
            let weight = if information > 0.0 { information / (information + within) } else { 0.0 };
            let parent = means[tree.parent(node as u32) as usize].clone();
            means[node]
                .iter_mut()
                .zip(parent)
                .for_each(|(own, parent)| *own = parent + weight * (*own - parent));
        }
    }
    means
}

/// Sums over the rows of each segment, parts included.
struct Sums {
    n: Vec<f64>,
    /// Of each of the `d` numbers.
    values: Vec<Vec<f64>>,
    /// Of the row's sum, and of its square.
    totals: Vec<[f64; 2]>,
}

impl Sums {
    fn of(
        tree: &SegmentTree,
        node_of_row: &[u32],
        of_row: &(dyn Fn(usize, &mut [f64]) + Sync),
        d: usize,
    ) -> Self {
        let k = tree.n_nodes();
        let mut sums = Sums { n: vec![0.0; k], values: vec![vec![0.0; d]; k], totals: vec![[0.0; 2]; k] };
        let mut row_values = vec![0.0; d];
        for (row, &node) in node_of_row.iter().enumerate() {
            of_row(row, &mut row_values);
            sums.add(node as usize, &row_values);
        }
        // Children stand behind their parents.
        for node in (1..k).rev() {
            sums.merge(node, tree.parent(node as u32) as usize);
        }
        sums
    }

    fn add(&mut self, node: usize, values: &[f64]) {
        let total: f64 = values.iter().sum();
        self.n[node] += 1.0;
        self.values[node].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        self.totals[node][0] += total;
        self.totals[node][1] += total * total;
    }

    fn merge(&mut self, from: usize, into: usize) {
        self.n[into] += self.n[from];
        let values = self.values[from].clone();
        self.values[into].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        let totals = self.totals[from];
        (0..2).for_each(|k| self.totals[into][k] += totals[k]);
    }

    fn means(&self, d: usize) -> Vec<Vec<f64>> {
        let whole = &self.values[WHOLE as usize];
        let of_node = |node: usize| match self.n[node] {
            n if n > 0.0 => self.values[node].iter().map(|sum| sum / n).collect(),
            _ => whole.iter().map(|sum| sum / self.n[0].max(1.0)).collect(),
        };
        let means: Vec<Vec<f64>> = (0..self.n.len()).map(of_node).collect();
        debug_assert!(means.iter().all(|mean| mean.len() == d));
        means
    }

    /// Variance of the row's sum around the mean of its segment, over all segments of a depth.
    fn within(&self, tree: &SegmentTree, depth: u32) -> f64 {
        let (mut squares, mut freedom) = (0.0, 0.0);
        for node in tree.at_depth(depth).map(|node| node as usize) {
            let [sum, square] = self.totals[node];
            squares += square - sum * sum / self.n[node].max(1.0);
            freedom += self.n[node] - 1.0;
        }
        if freedom > 0.0 { (squares / freedom).max(0.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::super::tests_support::tree_of;
    use super::*;

    /// Rows of segments with predictions, and labels that follow `truth(segment, prediction)`.
    fn drawn(sizes: &[usize], truth: impl Fn(usize, f64) -> f64) -> (Vec<u32>, Vec<f64>, Vec<bool>) {
        let mut rng = rand::rngs::StdRng::seed_from_u64(11);
        let (mut nodes, mut said, mut y) = (vec![], vec![], vec![]);
        for (segment, &n) in sizes.iter().enumerate() {
            for _ in 0..n {
                let x: f64 = rng.random_range(-3.5..0.5);
                nodes.push(segment as u32 + 1);
                said.push(x);
                y.push(rng.random::<f64>() < sigmoid(truth(segment, x)));
            }
        }
        (nodes, said, y)
    }

    #[test]
    fn a_large_segment_gets_its_own_line_and_a_small_one_borrows() {
        let (nodes, said, y) = drawn(&[4_000, 4_000, 12], |segment, x| x + [0.8, -0.8, 0.8][segment]);
        let lines = calibrate(&tree_of(3), &nodes, &said, &y);
        let at = |segment: usize| lines[segment + 1].apply(-1.5) + 1.5;
        assert!((at(0) - 0.8).abs() < 0.12 && (at(1) + 0.8).abs() < 0.15, "{lines:?}");
        assert!(at(2).abs() < 1.2, "{lines:?}");
        assert_eq!(lines[0], Line::IDENTITY);
        assert!(lines.iter().all(|line| line.is_sound()));
    }

    #[test]
    fn segments_that_do_not_differ_keep_the_whole_s_line() {
        let (nodes, said, y) = drawn(&[3_000, 3_000, 500], |_, x| x);
        let lines = calibrate(&tree_of(3), &nodes, &said, &y);
        assert!(lines.iter().all(|line| (line.apply(-1.0) + 1.0).abs() < 0.15), "{lines:?}");
    }

    #[test]
    fn a_segment_in_which_nothing_happened_stays_finite() {
        let (nodes, said, mut y) = drawn(&[2_000, 2_000, 40], |segment, x| x + [1.0, -1.0, 0.0][segment]);
        y.iter_mut().zip(&nodes).filter(|(_, node)| **node == 3).for_each(|(y, _)| *y = false);
        let lines = calibrate(&tree_of(3), &nodes, &said, &y);
        assert!(lines[3].is_sound() && lines[3].shift.abs() < 4.0, "{lines:?}");
    }

    #[test]
    fn a_mean_is_drawn_to_the_parent_s_by_what_it_lacks() {
        let sizes = [1_000usize, 1_000, 3];
        let nodes: Vec<u32> =
            sizes.iter().enumerate().flat_map(|(at, &n)| std::iter::repeat_n(at as u32 + 1, n)).collect();
        let noise = |row: usize| (row as f64 * 0.618).fract() * 8.0 - 4.0;
        let of_row = |row: usize, out: &mut [f64]| {
            out[0] = [1.0, -1.0, 5.0][nodes[row] as usize - 1];
            out[1] = noise(row);
        };
        let found = means(&tree_of(3), &nodes, &of_row, 2);
        assert!((found[1][0] - 1.0).abs() < 0.05 && (found[2][0] + 1.0).abs() < 0.05, "{found:?}");
        assert!(found[3][0] > 0.2 && found[3][0] < 4.8, "{found:?}");
    }
}
