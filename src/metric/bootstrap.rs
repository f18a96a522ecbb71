//! The bootstrap: how far a number would move if other rows had been drawn (Efron 1979).

use rayon::prelude::*;

use super::uplift::Estimate;
use crate::random::SplitMix64;

/// Samples of `n` rows with replacement, as how often each row was drawn.
pub(super) struct Resampling {
    n_rows: usize,
    n_resamples: usize,
    random_state: u64,
}

impl Resampling {
    pub fn new(n_rows: usize, n_resamples: usize, random_state: u64) -> Self {
        Resampling { n_rows, n_resamples, random_state }
    }

    /// `of` each sample's counts, in the samples' order; the same at any number of threads.
    pub fn map<T: Send>(&self, of: impl Fn(&[u32]) -> T + Sync) -> Vec<T> {
        (0..self.n_resamples).into_par_iter().map(|sample| of(&self.counts(sample))).collect()
    }

    fn counts(&self, sample: usize) -> Vec<u32> {
        let mut random =
            SplitMix64(self.random_state ^ (sample as u64 + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let mut counts = vec![0; self.n_rows];
        (0..self.n_rows).for_each(|_| counts[random.below(self.n_rows)] += 1);
        counts
    }
}

/// A value with the interval between percentiles of its resampled values.
pub(super) fn percentiles(value: f64, mut values: Vec<f64>, confidence: f64) -> Estimate {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len().max(1) - 1) as f64;
        let (low, rest) = (place.floor() as usize, place.fract());
        let of = |at: usize| values.get(at).copied().unwrap_or(value);
        if rest > 0.0 { of(low) + rest * (of(low + 1) - of(low)) } else { of(low) }
    };
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let spread: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let standard_error = (spread / (values.len().max(2) - 1) as f64).sqrt();
    let tail = (1.0 - confidence) / 2.0;
    Estimate { value, low: at(tail), high: at(1.0 - tail), standard_error }
}
