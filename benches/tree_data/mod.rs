//! Synthetic customer-like tables: usage that is continuous, small counts, 5 % missing, two categories, and a label
//! that depends on some of them.

#![allow(dead_code, missing_docs)]

use keepwell::tree::{Binning, Bins, ColumnView, Forest, GrowParams, Grower, MISSING_CODE, Rows, Tree};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub struct Data {
    pub numbers: Vec<Vec<f64>>,
    pub categories: Vec<(Vec<u32>, usize)>,
    pub y: Vec<bool>,
}

impl Data {
    /// `n` rows × `d` columns, the last two categories of 6 and 60 levels.
    pub fn new(n: usize, d: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(7);
        let numbers: Vec<Vec<f64>> = (0..d - 2).map(|c| number(&mut rng, n, c)).collect();
        let categories: Vec<(Vec<u32>, usize)> =
            [6, 60].map(|levels| (category(&mut rng, n, levels), levels)).into();
        let y = (0..n).map(|row| label(&mut rng, &numbers, &categories, row)).collect();
        Data { numbers, categories, y }
    }

    pub fn views(&self) -> Vec<ColumnView<'_>> {
        let numbers = self.numbers.iter().map(|values| ColumnView::F64(values));
        numbers
            .chain(
                self.categories
                    .iter()
                    .map(|(codes, n_levels)| ColumnView::Category { codes, n_levels: *n_levels }),
            )
            .collect()
    }

    pub fn bins(&self) -> (Binning, Bins) {
        let views = self.views();
        let binning = Binning::fit(&views, 255);
        let bins = binning.bin(&views);
        (binning, bins)
    }

    /// Gradients and hessians of log loss at even odds.
    pub fn gradients(&self) -> (Vec<f32>, Vec<f32>) {
        (self.y.iter().map(|&y| if y { -0.5 } else { 0.5 }).collect(), vec![0.25; self.y.len()])
    }
}

fn number(rng: &mut StdRng, n: usize, column: usize) -> Vec<f64> {
    let draw = |rng: &mut StdRng| match column % 3 {
        0 => -f64::ln(rng.random::<f64>() + 1e-12),
        1 => rng.random::<f64>() + rng.random::<f64>() - rng.random::<f64>(),
        _ => f64::from(rng.random_range(0..24u32)),
    };
    (0..n).map(|_| if rng.random::<f64>() < 0.05 { f64::NAN } else { draw(rng) }).collect()
}

fn category(rng: &mut StdRng, n: usize, levels: usize) -> Vec<u32> {
    let draw = |rng: &mut StdRng| (rng.random::<f64>() * rng.random::<f64>() * levels as f64) as u32;
    (0..n).map(|_| if rng.random::<f64>() < 0.02 { MISSING_CODE } else { draw(rng) }).collect()
}

fn label(rng: &mut StdRng, numbers: &[Vec<f64>], categories: &[(Vec<u32>, usize)], row: usize) -> bool {
    let value = |column: usize| if numbers[column][row].is_nan() { 0.0 } else { numbers[column][row] };
    let level = f64::from(categories[1].0[row] % 7);
    let score = value(0) * value(1) - 0.1 * value(2) + (value(3) - 1.0).max(0.0) + 0.2 * level - 1.0;
    rng.random::<f64>() < 1.0 / (1.0 + f64::exp(-score))
}

/// A boosted forest, built with the crate's public parts.
pub fn forest(data: &Data, n_trees: usize, params: &GrowParams) -> Forest {
    let (binning, bins) = data.bins();
    let n = data.y.len();
    let columns: Vec<usize> = (0..bins.n_columns()).collect();
    let mut grower = Grower::new(&bins, params.clone(), 1);
    let mut raw = vec![0.0; n];
    let trees = (0..n_trees).map(|_| {
        let probability: Vec<f64> = raw.iter().map(|raw: &f64| 1.0 / (1.0 + (-raw).exp())).collect();
        let gradient = |(p, &y): (&f64, &bool)| (p - f64::from(u8::from(y))) as f32;
        let gradients: Vec<f32> = probability.iter().zip(&data.y).map(gradient).collect();
        let hessians: Vec<f32> = probability.iter().map(|p| (p * (1.0 - p)) as f32).collect();
        let grown = grower.grow(Rows::First(n), &(&gradients[..], &hessians[..]), &columns);
        for (value, rows) in grown.leaves() {
            rows.for_each(|row| raw[row] += 0.1 * value);
        }
        Tree::new(&grown, &binning, 0.1)
    });
    Forest::new(0.0, bins.n_columns(), trees.collect())
}

/// Some rows as numbers.
pub fn rows(data: &Data, n: usize) -> Vec<Vec<f64>> {
    let row = |row: usize| {
        let numbers = data.numbers.iter().map(|values| values[row]);
        numbers
            .chain(data.categories.iter().map(|(codes, _)| keepwell::tree::level_number(codes[row])))
            .collect()
    };
    (0..n).map(row).collect()
}
