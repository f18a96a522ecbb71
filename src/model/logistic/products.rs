//! Products of the design matrix with coefficients, with rows, and with itself, part by part.

use ndarray::{Array2, Axis};

use super::design::{DesignMatrix, Part};
use super::linear::{Symmetric, add_scaled, dot};

/// Sums of products that one Hessian may cost; with more rows it is taken from every k-th row.
const HESSIAN_UPDATES: usize = 60_000_000;
/// How many products of a dense matrix product cost what one costs entry by entry.
const DENSE_GAIN: usize = 4;

impl DesignMatrix {
    /// `X b + b₀` into `log_odds`; `theta` is the coefficients, then the intercept.
    pub(super) fn multiply(&self, theta: &[f64], log_odds: &mut [f64]) {
        log_odds.fill(theta[theta.len() - 1]);
        let mut left = theta;
        for part in &self.parts {
            let (own, rest) = left.split_at(part.n_coefs());
            left = rest;
            part.multiply_add(own, log_odds);
        }
    }

    /// `(Xᵀ r, Σ r)` into `gradient`.
    pub(super) fn multiply_transposed(&self, residuals: &[f64], gradient: &mut [f64]) {
        let mut left = &mut *gradient;
        for part in &self.parts {
            let (own, rest) = left.split_at_mut(part.n_coefs());
            left = rest;
            part.multiply_transposed(residuals, own);
        }
        left[0] = residuals.iter().sum();
    }

    /// `diag(Xᵀ W X)`, and `Σ w` last.
    pub(super) fn squares(&self, weights: &[f64]) -> Vec<f64> {
        let mut squares: Vec<f64> = self.parts.iter().flat_map(|part| part.squares(weights)).collect();
        squares.push(weights.iter().sum());
        squares
    }

    /// Node of the design: where a row's entry for a part stands in the node Gram matrix.
    fn node_offsets(&self) -> Vec<usize> {
        let mut at = 0;
        let starts = self.parts.iter().map(|part| {
            at += part.n_nodes();
            at - part.n_nodes()
        });
        let mut offsets: Vec<usize> = starts.collect();
        offsets.push(at);
        offsets
    }

    /// `Xᵀ W X` with the intercept last; from every k-th row where all would cost too much, scaled to stand for all.
    pub(super) fn gram(&self, weights: &[f64]) -> Symmetric {
        let enough = 4 * self.n_coefs();
        let affordable = (HESSIAN_UPDATES / self.gram_updates()).max(enough);
        let stride = self.n_rows.div_ceil(affordable).max(1);
        let rows: Vec<u32> = (0..self.n_rows as u32).step_by(stride).collect();
        let weights: Vec<f64> = rows.iter().map(|&row| weights[row as usize] * stride as f64).collect();
        if self.is_full() { self.gram_of_full(&rows, &weights) } else { self.gram_of_sparse(&rows, &weights) }
    }

    /// Whether rows have so many entries that a dense product is quicker than entry by entry.
    fn is_full(&self) -> bool {
        self.n_coefs().pow(2) < DENSE_GAIN * self.sparse_updates()
    }

    fn gram_of_full(&self, rows: &[u32], weights: &[f64]) -> Symmetric {
        let mut dense = self.take(rows).to_dense();
        let ones = Array2::ones((rows.len(), 1));
        dense.append(Axis(1), ones.view()).expect("the column of ones has the rows of the design");
        for (mut row, weight) in dense.axis_iter_mut(Axis(0)).zip(weights) {
            row *= weight.sqrt();
        }
        let values: Vec<f64> = dense.t().dot(&dense).iter().copied().collect();
        Symmetric { n: dense.ncols(), values }
    }

    fn gram_of_sparse(&self, rows: &[u32], weights: &[f64]) -> Symmetric {
        let offsets = self.node_offsets();
        let n_nodes = offsets[self.parts.len()] + 1;
        let mut nodes = Symmetric::zeros(n_nodes);
        let mut entries: Vec<(usize, f64)> = Vec::with_capacity(2 * self.parts.len() + 1);
        for (&row, weight) in rows.iter().zip(weights) {
            entries.clear();
            for (part, &offset) in self.parts.iter().zip(&offsets) {
                part.push_entries(row as usize, offset, &mut entries);
            }
            entries.push((n_nodes - 1, 1.0));
            add_outer(&mut nodes, &entries, *weight);
        }
        self.at_coefs(nodes, &offsets)
    }

    /// `Tᵀ G T` for the block diagonal T that holds each part's basis.
    fn at_coefs(&self, nodes: Symmetric, offsets: &[usize]) -> Symmetric {
        if self.parts.iter().all(|part| !matches!(part, Part::Interpolated { .. })) {
            return nodes;
        }
        let half = self.project_rows(nodes, offsets);
        let n = half.len();
        let mut gram = Symmetric::zeros(n);
        for (i, row) in half.iter().enumerate() {
            let mut left = &mut gram.values[i * n..(i + 1) * n];
            for (part, &offset) in self.parts.iter().zip(offsets) {
                let (own, rest) = left.split_at_mut(part.n_coefs());
                left = rest;
                part.project(&row[offset..offset + part.n_nodes()], own);
            }
            left[0] = row[row.len() - 1];
        }
        gram
    }

    /// `Tᵀ G`, one vector a coefficient.
    fn project_rows(&self, mut nodes: Symmetric, offsets: &[usize]) -> Vec<Vec<f64>> {
        let n = nodes.n;
        for i in 0..n {
            for j in 0..i {
                nodes.values[j * n + i] = nodes.values[i * n + j];
            }
        }
        let row = |node: usize| &nodes.values[node * n..(node + 1) * n];
        let mut half: Vec<Vec<f64>> = Vec::new();
        for (part, &offset) in self.parts.iter().zip(offsets) {
            match part {
                Part::Interpolated { basis, .. } => half.extend((0..basis.n_coefs).map(|coef| {
                    let mut sum = vec![0.0; n];
                    (0..basis.n_nodes())
                        .for_each(|node| add_scaled(&mut sum, basis.row(node)[coef], row(offset + node)));
                    sum
                })),
                _ => half.extend((0..part.n_coefs()).map(|coef| row(offset + coef).to_vec())),
            }
        }
        half.push(row(n - 1).to_vec());
        half
    }

    /// What one row costs in [`gram`](Self::gram), counted in products taken entry by entry.
    fn gram_updates(&self) -> usize {
        self.sparse_updates().min(self.n_coefs().pow(2) / DENSE_GAIN + 1)
    }

    fn sparse_updates(&self) -> usize {
        let of_part =
            |part: &Part| 1 + usize::from(matches!(part, Part::Interpolated { fractions: Some(_), .. }));
        let entries: usize = self.parts.iter().map(of_part).sum();
        (entries + 1) * (entries + 2) / 2
    }
}

/// Adds `w e eᵀ` to the lower triangle; entries come in ascending order.
fn add_outer(gram: &mut Symmetric, entries: &[(usize, f64)], weight: f64) {
    for (at, &(i, x)) in entries.iter().enumerate() {
        let row = &mut gram.values[i * gram.n..(i + 1) * gram.n];
        let weighted = weight * x;
        for &(j, z) in &entries[..=at] {
            row[j] += weighted * z;
        }
    }
}

impl Part {
    /// Entries that rows point at: the basis' nodes, or the design columns themselves.
    fn n_nodes(&self) -> usize {
        match self {
            Part::Interpolated { basis, .. } => basis.n_nodes(),
            _ => self.n_coefs(),
        }
    }

    fn multiply_add(&self, coefs: &[f64], log_odds: &mut [f64]) {
        match self {
            Part::Linear { values } => add_scaled(log_odds, coefs[0], values),
            Part::OneHot { codes, .. } => {
                let mut table = coefs.to_vec();
                table.push(0.0);
                gather(log_odds, codes, &table);
            }
            Part::Interpolated { nodes, fractions: None, basis } => {
                gather(log_odds, nodes, &basis.times(coefs));
            }
            Part::Interpolated { nodes, fractions: Some(fractions), basis } => {
                let table = basis.times(coefs);
                let slope = |node: usize| table.get(node + 1).map_or(0.0, |next| next - table[node]);
                let lines: Vec<[f64; 2]> = (0..table.len()).map(|node| [table[node], slope(node)]).collect();
                for ((sum, &node), fraction) in log_odds.iter_mut().zip(nodes).zip(fractions) {
                    let [value, slope] = lines[node as usize];
                    *sum += value + fraction * slope;
                }
            }
        }
    }

    pub(super) fn multiply_transposed(&self, residuals: &[f64], gradient: &mut [f64]) {
        match self {
            Part::Linear { values } => gradient[0] = dot(values, residuals),
            Part::OneHot { codes, n_coefs } => {
                gradient.copy_from_slice(&scatter(codes, residuals, n_coefs + 1)[..*n_coefs]);
            }
            Part::Interpolated { nodes, fractions: None, basis } => {
                self.project(&scatter(nodes, residuals, basis.n_nodes()), gradient);
            }
            Part::Interpolated { nodes, fractions: Some(fractions), basis } => {
                let sums = scatter_between(nodes, fractions, residuals, basis.n_nodes());
                self.project(&sums, gradient);
            }
        }
    }

    /// `Tᵀ v` for values at the part's nodes.
    fn project(&self, at_nodes: &[f64], into: &mut [f64]) {
        match self {
            Part::Interpolated { basis, .. } => {
                into.fill(0.0);
                at_nodes
                    .iter()
                    .enumerate()
                    .for_each(|(node, &value)| add_scaled(into, value, basis.row(node)));
            }
            _ => into.copy_from_slice(at_nodes),
        }
    }

    pub(super) fn squares(&self, weights: &[f64]) -> Vec<f64> {
        match self {
            Part::Linear { values } => vec![values.iter().zip(weights).map(|(x, w)| w * x * x).sum()],
            Part::OneHot { n_coefs, .. } => {
                let mut sums = vec![0.0; *n_coefs];
                self.multiply_transposed(weights, &mut sums);
                sums
            }
            Part::Interpolated { nodes, fractions, basis } => {
                let mut sums = vec![0.0; basis.n_coefs];
                for (row, weight) in weights.iter().enumerate() {
                    let fraction = fractions.as_ref().map_or(0.0, |fractions| fractions[row]);
                    for (sum, value) in sums.iter_mut().zip(basis.at((nodes[row] as usize, fraction))) {
                        *sum += weight * value * value;
                    }
                }
                sums
            }
        }
    }

    fn push_entries(&self, row: usize, offset: usize, entries: &mut Vec<(usize, f64)>) {
        match self {
            Part::Linear { values } => {
                if values[row] != 0.0 {
                    entries.push((offset, values[row]));
                }
            }
            Part::OneHot { codes, n_coefs } => {
                if (codes[row] as usize) < *n_coefs {
                    entries.push((offset + codes[row] as usize, 1.0));
                }
            }
            Part::Interpolated { nodes, fractions, .. } => {
                let node = offset + nodes[row] as usize;
                let fraction = fractions.as_ref().map_or(0.0, |fractions| fractions[row]);
                entries.push((node, 1.0 - fraction));
                if fraction != 0.0 {
                    entries.push((node + 1, fraction));
                }
            }
        }
    }
}

/// Adds to each row the table's value at its code.
fn gather(log_odds: &mut [f64], codes: &[u32], table: &[f64]) {
    log_odds.iter_mut().zip(codes).for_each(|(sum, &code)| *sum += table[code as usize]);
}

/// Tables that sums are kept in side by side: rows of one code that follow each other do not wait for each other.
const LANES: usize = 4;

/// Sum of the rows' values by code.
fn scatter(codes: &[u32], values: &[f64], n_codes: usize) -> Vec<f64> {
    let mut sums = vec![[0.0; LANES]; n_codes];
    let (codes_by_lane, codes_left) = codes.as_chunks::<LANES>();
    let (values_by_lane, values_left) = values.as_chunks::<LANES>();
    for (codes, values) in codes_by_lane.iter().zip(values_by_lane) {
        for lane in 0..LANES {
            sums[codes[lane] as usize][lane] += values[lane];
        }
    }
    codes_left.iter().zip(values_left).for_each(|(&code, value)| sums[code as usize][0] += value);
    sums.iter().map(|lanes| lanes.iter().sum()).collect()
}

/// Sum of the rows' values by node, each shared between its node and the next.
fn scatter_between(nodes: &[u32], fractions: &[f64], values: &[f64], n_nodes: usize) -> Vec<f64> {
    let mut sums = vec![[[0.0; 2]; LANES]; n_nodes];
    for (row, ((&node, fraction), value)) in nodes.iter().zip(fractions).zip(values).enumerate() {
        let next = fraction * value;
        let [here, there] = &mut sums[node as usize][row % LANES];
        *here += value - next;
        *there += next;
    }
    let total = |node: usize, side: usize| sums[node].iter().map(|lane| lane[side]).sum::<f64>();
    (0..n_nodes).map(|node| total(node, 0) + if node > 0 { total(node - 1, 1) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EncodedColumn;
    use crate::model::logistic::Design;

    /// A number with gaps, a number of few values, a category; `n` rows.
    fn matrix(n: usize, knots: usize) -> DesignMatrix {
        let gaps: Vec<f64> =
            (0..n).map(|k| if k % 7 == 0 { f64::NAN } else { ((k * 31) % 53) as f64 }).collect();
        let few: Vec<f64> = (0..n).map(|k| (k % 3) as f64).collect();
        let codes: Vec<u32> = (0..n as u32).map(|k| k % 4).collect();
        let columns = [
            EncodedColumn::Number(gaps[..].into()),
            EncodedColumn::Number(few[..].into()),
            EncodedColumn::Category { codes: codes.into(), n_levels: 4 },
        ];
        let names = ["gaps", "few", "plan"].map(String::from);
        Design::fit(&names, &columns, None, knots).unwrap().matrix(&columns, n)
    }

    #[test]
    fn products_are_those_of_the_dense_design() {
        for knots in [0, 3] {
            let (matrix, n) = (matrix(90, knots), 90);
            let (dense, d) = (matrix.to_dense(), matrix.n_coefs());
            let theta: Vec<f64> = (0..=d).map(|k| 0.3 * k as f64 - 1.0).collect();
            let mut log_odds = vec![0.0; n];
            matrix.multiply(&theta, &mut log_odds);
            let mut back = vec![0.0; d + 1];
            matrix.multiply_transposed(&log_odds, &mut back);
            for row in 0..n {
                let direct = theta[d] + (0..d).map(|k| dense[(row, k)] * theta[k]).sum::<f64>();
                assert!((log_odds[row] - direct).abs() < 1e-10);
            }
            for k in 0..d {
                let direct = (0..n).map(|row| dense[(row, k)] * log_odds[row]).sum::<f64>();
                assert!((back[k] - direct).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn both_ways_to_the_gram_matrix_agree() {
        for knots in [0, 3] {
            let matrix = matrix(90, knots);
            let rows: Vec<u32> = (0..90).collect();
            let weights: Vec<f64> = (0..90).map(|k| 0.1 + (k % 5) as f64).collect();
            let (sparse, full) =
                (matrix.gram_of_sparse(&rows, &weights), matrix.gram_of_full(&rows, &weights));
            let squares = matrix.squares(&weights);
            for (i, square) in squares.iter().enumerate() {
                assert!((sparse.values[i * sparse.n + i] - square).abs() < 1e-9);
                for j in 0..=i {
                    let at = i * sparse.n + j;
                    assert!((sparse.values[at] - full.values[at]).abs() < 1e-9, "knots {knots}, {i}, {j}");
                }
            }
        }
    }
}
