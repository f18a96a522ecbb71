//! A category with more levels than there are bins, as a number: the smoothed mean of the target in each level.
//!
//! Sets of levels serve where every level can have a bin of its own. Of 10,000 levels they would pool almost all, and
//! the sets they choose from the rest would fit noise. A mean per level orders all of them, once, before boosting; a
//! training row is told the mean of the other folds' rows, never one that its own target went into.

use serde::{Deserialize, Serialize};

use super::boost::Observed;
use crate::random::SplitMix64;
use crate::tree::{ColumnView, MISSING_CODE, Rows};

/// Folds by which training rows are told means that know nothing of their own targets.
const N_FOLDS: usize = 10;

/// The mean of each level of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LevelMeans {
    /// The column's place.
    pub(super) column: usize,
    /// One a level, smoothed.
    means: Vec<f64>,
    /// Of all rows: what an unseen level is told.
    mean: f64,
}

/// Sum of weights and of weighted targets.
#[derive(Clone, Copy, Default)]
struct Sum {
    weight: f64,
    target: f64,
}

/// The rows that means are taken of.
pub(super) struct Known<'a, Y> {
    /// Targets of all rows of the table.
    pub(super) y: &'a [Y],
    /// Their weights.
    pub(super) weights: Option<&'a [f64]>,
    /// The rows to learn from.
    pub(super) rows: Rows<'a>,
    /// Seed of the folds.
    pub(super) random_state: u64,
}

impl<Y: Observed> Known<'_, Y> {
    fn weight(&self, row: u32) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row as usize])
    }

    fn add(&self, row: u32, sum: &mut Sum) {
        sum.weight += self.weight(row);
        sum.target += self.weight(row) * self.y[row as usize].number();
    }
}

impl LevelMeans {
    /// The means of a column with more than `most_levels` levels among the known rows, and what each row of the table
    /// is told; none for any other column.
    pub(super) fn of<Y: Observed>(
        column: usize,
        view: ColumnView,
        known: &Known<Y>,
        most_levels: usize,
    ) -> Option<(Self, Vec<f64>)> {
        let ColumnView::Category { codes, n_levels } = view else { return None };
        if n_levels <= most_levels {
            return None;
        }
        let mut sums = vec![Sum::default(); n_levels];
        known.rows.iter().for_each(|row| {
            if let Some(sum) = sums.get_mut(codes[row as usize] as usize) {
                known.add(row, sum);
            }
        });
        if sums.iter().filter(|sum| sum.weight > 0.0).count() <= most_levels {
            return None;
        }
        let smoothing = Smoothing::of(codes, &sums, known);
        let means = sums.iter().map(|sum| smoothing.mean_of(*sum)).collect();
        let means = LevelMeans { column, means, mean: smoothing.mean };
        let mut told = means.read(codes);
        tell_of_other_folds(&mut told, codes, &sums, &smoothing, known, column);
        Some((means, told))
    }

    /// What rows with these codes are told: NaN where the level is missing.
    pub(super) fn read(&self, codes: &[u32]) -> Vec<f64> {
        codes.iter().map(|&code| self.mean_of(code)).collect()
    }

    fn mean_of(&self, code: u32) -> f64 {
        if code == MISSING_CODE {
            f64::NAN
        } else {
            self.means.get(code as usize).copied().unwrap_or(self.mean)
        }
    }

    /// The same for a cell of a row of numbers, where an unseen level is below 0.
    pub(super) fn mean_of_number(&self, level: f64) -> f64 {
        if level.is_nan() {
            return f64::NAN;
        }
        let known = (level >= 0.0).then(|| self.means.get(level as usize)).flatten();
        known.copied().unwrap_or(self.mean)
    }
}

/// How far a level's mean is drawn to the mean of all rows.
struct Smoothing {
    mean: f64,
    /// Rows of weight 1 that the mean of all counts for; infinite where levels tell nothing.
    rows: f64,
}

impl Smoothing {
    /// By the variance within levels over the variance between them (Bühlmann and Straub 1970), both estimated by
    /// analysis of variance (Searle, Casella and McCulloch 1992, section 3.6). Where the mean squares between levels do
    /// not exceed those within by three standard errors of their ratio, levels are taken to tell nothing.
    fn of<Y: Observed>(codes: &[u32], sums: &[Sum], known: &Known<Y>) -> Self {
        let seen = || sums.iter().filter(|sum| sum.weight > 0.0);
        let n_levels = seen().count() as f64;
        let (weight, target) = seen().fold((0.0, 0.0), |(w, t), sum| (w + sum.weight, t + sum.target));
        let squares: f64 = seen().map(|sum| sum.weight * sum.weight).sum();
        let mean = target / weight;
        let between: f64 = seen().map(|sum| sum.weight * (sum.target / sum.weight - mean).powi(2)).sum();
        let (mut within, mut n_rows) = (0.0, 0.0);
        for row in known.rows.iter().filter(|&row| known.weight(row) > 0.0) {
            if let Some(sum) = sums.get(codes[row as usize] as usize) {
                within +=
                    known.weight(row) * (known.y[row as usize].number() - sum.target / sum.weight).powi(2);
                n_rows += 1.0;
            }
        }
        let between = between / (n_levels - 1.0);
        let within = within / (n_rows - n_levels);
        let tells = between > within * (1.0 + 3.0 * (2.0 / (n_levels - 1.0)).sqrt());
        let of_levels = (between - within) * (n_levels - 1.0) / (weight - squares / weight);
        let rows = if tells && of_levels > 0.0 { within / of_levels } else { f64::INFINITY };
        Smoothing { mean, rows }
    }

    fn mean_of(&self, sum: Sum) -> f64 {
        let weight = sum.weight + self.rows;
        let told = self.mean + (sum.target - sum.weight * self.mean) / weight;
        if weight.is_finite() && weight > 0.0 && told.is_finite() { told } else { self.mean }
    }
}

/// Tells each known row the mean of its level in the other folds.
fn tell_of_other_folds<Y: Observed>(
    told: &mut [f64],
    codes: &[u32],
    sums: &[Sum],
    smoothing: &Smoothing,
    known: &Known<Y>,
    column: usize,
) {
    let mut random = SplitMix64::nth(known.random_state, usize::MAX - column);
    let folds: Vec<u8> = known.rows.iter().map(|_| random.below(N_FOLDS) as u8).collect();
    let mut of_fold = vec![Sum::default(); sums.len() * N_FOLDS];
    let place = |row: u32, fold: u8| {
        let code = codes[row as usize] as usize;
        (code < sums.len()).then_some(code * N_FOLDS + usize::from(fold))
    };
    for (row, &fold) in known.rows.iter().zip(&folds) {
        if let Some(at) = place(row, fold) {
            known.add(row, &mut of_fold[at]);
        }
    }
    for (row, &fold) in known.rows.iter().zip(&folds) {
        if let Some(at) = place(row, fold) {
            let (all, own) = (sums[at / N_FOLDS], of_fold[at]);
            let others = Sum { weight: all.weight - own.weight, target: all.target - own.target };
            told[row as usize] = smoothing.mean_of(others);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::UNSEEN_CODE;

    fn random(seed: u64) -> f64 {
        SplitMix64(seed).below(1 << 30) as f64 / f64::from(1 << 30)
    }

    fn of(codes: &[u32], y: &[f64], n_levels: usize, most: usize) -> Option<(LevelMeans, Vec<f64>)> {
        let rows = Rows::First(codes.len());
        let known = Known { y, weights: None, rows, random_state: 1 };
        LevelMeans::of(2, ColumnView::Category { codes, n_levels }, &known, most)
    }

    fn levels(n: u64) -> Vec<u32> {
        (0..n).map(|row| (400.0 * random(row + 7)) as u32).collect()
    }

    #[test]
    fn a_row_is_never_told_its_own_target() {
        let codes = levels(4000);
        let mut y: Vec<f64> =
            codes.iter().zip(0..).map(|(&code, row)| f64::from(code % 2) + random(row + 90_000)).collect();
        let (_, before) = of(&codes, &y, 400, 254).unwrap();
        y[17] += 1e-7;
        let (_, after) = of(&codes, &y, 400, 254).unwrap();
        assert!((before[17] - after[17]).abs() < 1e-10);
        let others =
            (0..4000).filter(|&row| codes[row] == codes[17] && (before[row] - after[row]).abs() > 1e-9);
        assert!(others.count() > 3);
    }

    #[test]
    fn levels_that_matter_are_told_apart_and_noise_is_told_nothing() {
        let codes = levels(8000);
        let matter: Vec<f64> = codes
            .iter()
            .zip(0..)
            .map(|(&code, row)| f64::from(code % 2) + 0.5 * random(row + 90_000))
            .collect();
        let (means, told) = of(&codes, &matter, 400, 254).unwrap();
        assert!(means.means.iter().step_by(2).zip(means.means.iter().skip(1).step_by(2)).all(|(a, b)| a < b));
        assert!(told.iter().zip(&codes).all(|(told, code)| (told > &means.mean) == (code % 2 == 1)));
        let noise: Vec<f64> = (0..8000).map(|row| random(row + 90_000)).collect();
        let (means, told) = of(&codes, &noise, 400, 254).unwrap();
        assert!(told.iter().chain(&means.means).all(|told| *told == means.mean));
    }

    #[test]
    fn what_is_missing_stays_missing_and_what_was_not_seen_is_told_the_mean() {
        let mut codes = levels(2000);
        codes[5] = MISSING_CODE;
        let y: Vec<f64> = codes.iter().map(|code| f64::from(code % 2)).collect();
        let (means, told) = of(&codes, &y, 401, 254).unwrap();
        assert!(told[5].is_nan() && means.mean_of_number(f64::NAN).is_nan());
        let read = means.read(&[UNSEEN_CODE, 3, 400]);
        assert_eq!(read, [means.mean, means.mean_of_number(3.0), means.mean]);
        assert_eq!(means.mean_of_number(-1.0), means.mean);
    }

    #[test]
    fn few_levels_and_numbers_are_left_as_they_are() {
        let codes = levels(2000);
        assert!(of(&codes, &vec![1.0; 2000], 400, 400).is_none());
        let few: Vec<u32> = codes.iter().map(|code| code % 9).collect();
        assert!(of(&few, &vec![1.0; 2000], 400, 254).is_none(), "levels without rows do not count");
        let alone: Vec<u32> = (0..400).collect();
        let (means, told) = of(&alone, &vec![3.0; 400], 400, 254).unwrap();
        assert!(told.iter().chain(&means.means).all(|told| *told == 3.0), "a level a row");
    }
}
