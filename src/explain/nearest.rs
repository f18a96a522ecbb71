//! The nearest of many rows of numbers, exactly.

use rayon::prelude::*;

/// Columns compared at a time before looking whether a row is too far already.
const BLOCK: usize = 8;
/// Rows that one thread looks at in a go.
const CHUNK: usize = 8_192;

/// `n` rows of `d` numbers, laid out so that most rows are told to be too far from their first few numbers.
///
/// Columns stand by falling variance, in single precision. A query looks at every row, but leaves one as soon as its
/// distance so far is above that of the nearest found.
#[derive(Clone, Debug)]
pub struct NearestRows {
    /// Positions of the columns kept, by falling variance.
    columns: Vec<usize>,
    /// Their numbers, `n × width`, filled up with zeros to whole blocks.
    values: Vec<f32>,
    width: usize,
    n_rows: usize,
}

impl NearestRows {
    /// Lays out `n × d` numbers, row-major.
    pub fn new(values: &[f64], d: usize) -> Self {
        let n_rows = values.len().checked_div(d).unwrap_or(0);
        let columns = by_variance(values, d, n_rows);
        let width = columns.len().next_multiple_of(BLOCK);
        let mut laid_out = vec![0.0; n_rows * width];
        if width > 0 {
            for (row, out) in values.chunks_exact(d).zip(laid_out.chunks_exact_mut(width)) {
                out.iter_mut().zip(&columns).for_each(|(out, &column)| *out = row[column] as f32);
            }
        }
        NearestRows { columns, values: laid_out, width, n_rows }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The `k` rows nearest to a query of `d` numbers, among those that `may` lets through: each with its Euclidean
    /// distance, the nearest first; of equal ones the first.
    ///
    /// # Panics
    /// When the query has less numbers than the rows.
    pub fn nearest(&self, query: &[f64], k: usize, may: impl Fn(usize) -> bool + Sync) -> Vec<(usize, f64)> {
        let mut laid_out = vec![0.0; self.width];
        laid_out.iter_mut().zip(&self.columns).for_each(|(out, &column)| *out = query[column] as f32);
        let chunks: Vec<usize> = (0..self.n_rows).step_by(CHUNK).collect();
        let of_chunk = |&from: &usize| self.nearest_of(from, &laid_out, k, &may);
        let mut found: Vec<(f32, usize)> = match chunks.len() {
            0 | 1 => chunks.iter().flat_map(of_chunk).collect(),
            _ => chunks.par_iter().flat_map_iter(of_chunk).collect(),
        };
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(k);
        found.into_iter().map(|(square, row)| (row, f64::from(square).sqrt())).collect()
    }

    /// The nearest rows of one chunk, squared distances first, ascending.
    fn nearest_of(
        &self,
        from: usize,
        query: &[f32],
        k: usize,
        may: &(impl Fn(usize) -> bool + Sync),
    ) -> Vec<(f32, usize)> {
        let mut found: Vec<(f32, usize)> = Vec::with_capacity(k + 1);
        for row in from..(from + CHUNK).min(self.n_rows) {
            let limit =
                if found.len() < k { f32::INFINITY } else { found.last().map_or(-1.0, |last| last.0) };
            let values = &self.values[row * self.width..(row + 1) * self.width];
            let Some(square) = square_below(values, query, limit) else { continue };
            if may(row) {
                let place = found.partition_point(|other| other.0 <= square);
                found.insert(place, (square, row));
                found.truncate(k);
            }
        }
        found
    }
}

/// The squared distance, unless it is not below the limit.
fn square_below(a: &[f32], b: &[f32], limit: f32) -> Option<f32> {
    let mut sum = 0.0;
    for (a, b) in a.as_chunks::<BLOCK>().0.iter().zip(b.as_chunks::<BLOCK>().0) {
        let squares: [f32; BLOCK] = std::array::from_fn(|at| (a[at] - b[at]) * (a[at] - b[at]));
        sum += squares.iter().sum::<f32>();
        if sum >= limit {
            return None;
        }
    }
    (sum < limit).then_some(sum)
}

/// The columns that vary, by falling variance.
fn by_variance(values: &[f64], d: usize, n_rows: usize) -> Vec<usize> {
    let (mut sums, mut squares) = (vec![0.0; d], vec![0.0; d]);
    for row in values.chunks_exact(d.max(1)) {
        for (at, value) in row.iter().enumerate() {
            sums[at] += value;
            squares[at] += value * value;
        }
    }
    let n = n_rows.max(1) as f64;
    let variance = |at: usize| squares[at] / n - (sums[at] / n).powi(2);
    let mut columns: Vec<usize> = (0..d).filter(|&at| variance(at) > 1e-18).collect();
    columns.sort_by(|&a, &b| variance(b).total_cmp(&variance(a)));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, d: usize) -> Vec<f64> {
        (0..n * d).map(|at| (at as f64 * 0.754_877_666).fract() * (1.0 + (at % d) as f64)).collect()
    }

    #[test]
    fn the_nearest_are_those_of_a_plain_search() {
        for (n, d, k) in [(20_000, 11, 7), (50, 3, 60), (1, 1, 3)] {
            let values = values(n, d);
            let index = NearestRows::new(&values, d);
            let query = &values[(n / 2) * d..(n / 2 + 1) * d];
            let distance = |row: usize| -> f64 {
                query
                    .iter()
                    .zip(&values[row * d..(row + 1) * d])
                    .map(|(a, b)| (a - b).powi(2))
                    .sum::<f64>()
                    .sqrt()
            };
            let mut plain: Vec<usize> = (0..n).filter(|row| row % 2 == 0).collect();
            plain.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
            plain.truncate(k);
            let found = index.nearest(query, k, |row| row % 2 == 0);
            assert_eq!(found.len(), plain.len());
            for ((row, found), plain) in found.into_iter().zip(plain) {
                assert!((found - distance(plain)).abs() < 1e-3 && (found - distance(row)).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn nothing_to_find_is_nothing_found() {
        assert!(NearestRows::new(&[], 3).nearest(&[0.0; 3], 5, |_| true).is_empty());
        assert!(NearestRows::new(&values(10, 2), 2).nearest(&[0.0; 2], 0, |_| true).is_empty());
        assert!(NearestRows::new(&values(10, 2), 2).nearest(&[0.0; 2], 3, |_| false).is_empty());
        // Rows that are all alike are all at distance 0.
        assert_eq!(NearestRows::new(&[1.0; 8], 2).nearest(&[1.0; 2], 2, |_| true), [(0, 0.0), (1, 0.0)]);
    }
}
