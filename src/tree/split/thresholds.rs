//! The best split of a column of numbers: a threshold between bins, and a side for missing values.

use super::super::histogram::Layout;
use super::super::vector::vectorized;
use super::{Best, Bounds, Node};

/// Bins that are computed with side by side.
const LANES: usize = 8;

/// Quick scores are right to this share.
const QUICK_ERROR: f64 = 1e-5;

/// Sums of a column's value bins up to each bin, from bin 1 on, packed and taken apart, and what splitting there
/// scores. Kept from column to column for its memory.
pub(in super::super) struct Prefixes {
    sums: [u64; 256],
    gradients: [i32; 256],
    hessians: [i32; 256],
    counts: [i32; 256],
    scores: [f32; 256],
    /// Value bins.
    n: usize,
}

/// A packed sum taken apart: gradient, hessian and rows in units.
#[derive(Clone, Copy)]
struct Parts {
    gradient: i32,
    hessian: i32,
    count: i32,
}

/// What scoring a threshold needs, in single precision.
struct QuickScore {
    node: Parts,
    l2: f32,
    least_count: i32,
    least_hessian: i32,
}

impl Prefixes {
    pub(in super::super) fn new() -> Self {
        let (integers, scores) = ([0; 256], [0.0; 256]);
        Prefixes { sums: [0; 256], gradients: integers, hessians: integers, counts: integers, scores, n: 0 }
    }

    /// Sums up a column's value bins; the last sum is repeated until all lanes are full.
    fn fill(&mut self, values: &[u64], layout: &Layout) {
        self.n = values.len();
        let mut sum = 0u64;
        for (place, entry) in self.sums.iter_mut().zip(values) {
            sum = sum.wrapping_add(*entry);
            *place = sum;
        }
        let padded = self.padded();
        self.sums[self.n..padded].fill(sum);
        vectorized(
            #[inline(always)]
            || self.take_apart(padded, layout),
        );
    }

    #[inline(always)]
    fn take_apart(&mut self, n: usize, layout: &Layout) {
        let parts = self.gradients.iter_mut().zip(&mut self.hessians).zip(&mut self.counts);
        for (&sum, ((gradient, hessian), count)) in self.sums[..n].iter().zip(parts) {
            *gradient = layout.gradient(sum);
            *hessian = layout.hessian(sum);
            *count = layout.count(sum);
        }
    }

    fn padded(&self) -> usize {
        self.n.next_multiple_of(LANES)
    }

    /// Scores every threshold, with `beside` going left beside the bins up to it; the largest score.
    fn score(&mut self, quick: &QuickScore, beside: Parts) -> f32 {
        vectorized(
            #[inline(always)]
            || self.score_lanes(quick, beside),
        )
    }

    #[inline(always)]
    fn score_lanes(&mut self, quick: &QuickScore, beside: Parts) -> f32 {
        let padded = self.padded();
        let (gradients, _) = self.gradients[..padded].as_chunks::<LANES>();
        let (hessians, _) = self.hessians[..padded].as_chunks::<LANES>();
        let (counts, _) = self.counts[..padded].as_chunks::<LANES>();
        let (scores, _) = self.scores[..padded].as_chunks_mut::<LANES>();
        let mut most = [0.0f32; LANES];
        for (((scores, gradients), hessians), counts) in
            scores.iter_mut().zip(gradients).zip(hessians).zip(counts)
        {
            for i in 0..LANES {
                scores[i] = quick.score(Parts {
                    gradient: gradients[i] + beside.gradient,
                    hessian: hessians[i] + beside.hessian,
                    count: counts[i] + beside.count,
                });
                most[i] = if scores[i] > most[i] { scores[i] } else { most[i] };
            }
        }
        most.into_iter().fold(0.0, f32::max)
    }

    /// The lowest bin of a score.
    fn bin_of(&self, score: f32) -> Option<usize> {
        let (chunks, _) = self.scores[..self.padded()].as_chunks::<LANES>();
        let has = |scores: &[f32; LANES]| scores.iter().fold(false, |any, other| any | (*other == score));
        let chunk = chunks.iter().position(has)?;
        chunks[chunk].iter().position(|other| *other == score).map(|at| 1 + chunk * LANES + at)
    }

    /// The sum up to a bin.
    fn sum(&self, bin: usize) -> u64 {
        self.sums[bin - 1]
    }
}

impl Parts {
    fn of(entry: u64, layout: &Layout) -> Self {
        Parts { gradient: layout.gradient(entry), hessian: layout.hessian(entry), count: layout.count(entry) }
    }
}

impl QuickScore {
    /// The scores of both sides with one division, 0 where the split is not allowed. Good enough to rank the
    /// thresholds of a column; the best is measured again in double precision. Without a branch, so that it compiles
    /// to vector code.
    #[inline(always)]
    fn score(&self, left: Parts) -> f32 {
        let (r_gradient, r_hessian) = (self.node.gradient - left.gradient, self.node.hessian - left.hessian);
        let r_count = self.node.count - left.count;
        let (g_left, g_right) = (left.gradient as f32, r_gradient as f32);
        let (h_left, h_right) = (left.hessian as f32 + self.l2, r_hessian as f32 + self.l2);
        let score = (g_left * g_left * h_right + g_right * g_right * h_left) / (h_left * h_right);
        let allowed = (left.hessian >= self.least_hessian)
            & (r_hessian >= self.least_hessian)
            & (left.count >= self.least_count)
            & (r_count >= self.least_count);
        if allowed { score } else { 0.0 }
    }
}

impl Node<'_> {
    /// The best threshold, with missing values on the better side, if any gains more than `least`.
    pub(super) fn best_threshold(
        &self,
        histogram: &[u64],
        prefixes: &mut Prefixes,
        least: f64,
    ) -> Option<Best> {
        let (missing, values) = histogram.split_first()?;
        prefixes.fill(values, &self.search.layout);
        let best = self.best_with(prefixes, 0, least);
        if *missing == 0 {
            return best;
        }
        let least = best.map_or(least, |best| best.gain);
        let with_missing = self.best_with(prefixes, *missing, least);
        with_missing.map(|found| Best { missing_left: true, ..found }).or(best)
    }

    /// The best threshold, with the sum `beside` going left beside the bins up to it, if it gains more than `least`.
    fn best_with(&self, prefixes: &mut Prefixes, beside: u64, least: f64) -> Option<Best> {
        if self.direction != 0.0 || self.bounds != Bounds::NONE {
            return self.best_bound(prefixes, beside).filter(|best| best.gain > least);
        }
        let layout = &self.search.layout;
        let (least_count, least_hessian) = self.search.least();
        let node = Parts::of(self.total, layout);
        let quick = QuickScore { node, l2: self.l2 as f32, least_count, least_hessian };
        let most = prefixes.score(&quick, Parts::of(beside, layout));
        if most == 0.0 || f64::from(most) * (1.0 + QUICK_ERROR) < self.parent + least {
            return None;
        }
        let best = self.measure(prefixes, prefixes.bin_of(most)?, beside);
        (best.gain > least).then_some(best)
    }

    /// The same where the node's value is bound or the column has a direction, by measuring every threshold.
    fn best_bound(&self, prefixes: &Prefixes, beside: u64) -> Option<Best> {
        let measure = |bin: usize| self.measure(prefixes, bin, beside);
        (1..=prefixes.n).map(measure).reduce(|best, next| if next.gain > best.gain { next } else { best })
    }

    fn measure(&self, prefixes: &Prefixes, bin: usize, beside: u64) -> Best {
        let left = prefixes.sum(bin).wrapping_add(beside);
        Best { gain: self.gain(left, self.l2), left, bin: bin as u8, ..Best::default() }
    }
}
