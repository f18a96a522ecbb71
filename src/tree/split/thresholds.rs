//! The best split of a column of numbers: a threshold between bins, and a side for missing values.

use super::super::bins::MISSING_BIN;
use super::super::histogram::Layout;
use super::{Best, Bounds, Node};

/// Bins that are computed with side by side.
const LANES: usize = 8;

/// Sums of a column's value bins up to each bin, packed and taken apart, and what splitting there scores. Kept from
/// column to column for its memory.
pub(in super::super) struct Prefixes {
    sums: [u64; 256],
    gradients: [i32; 256],
    hessians: [i32; 256],
    counts: [i32; 256],
    scores: [f32; 256],
    /// Bins, the missing one among them.
    n_bins: usize,
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
        Prefixes {
            sums: [0; 256],
            gradients: integers,
            hessians: integers,
            counts: integers,
            scores,
            n_bins: 0,
        }
    }

    /// Sums up a column's value bins.
    fn fill(&mut self, histogram: &[u64], layout: &Layout) {
        self.n_bins = histogram.len();
        let mut sum = 0u64;
        for (place, entry) in self.sums[1..].iter_mut().zip(&histogram[1..]) {
            sum = sum.wrapping_add(*entry);
            *place = sum;
        }
        let padded = self.padded();
        for at in 0..padded {
            self.gradients[at] = layout.gradient(self.sums[at]);
            self.hessians[at] = layout.hessian(self.sums[at]);
            self.counts[at] = layout.count(self.sums[at]);
        }
    }

    fn padded(&self) -> usize {
        self.n_bins.next_multiple_of(LANES).min(256)
    }

    /// Scores every threshold, with `beside` going left beside the bins up to it.
    fn score(&mut self, quick: &QuickScore, beside: Parts) {
        let n = self.padded();
        let sums = self.gradients[..n].iter().zip(&self.hessians[..n]).zip(&self.counts[..n]);
        for (score, ((gradient, hessian), count)) in self.scores[..n].iter_mut().zip(sums) {
            *score = quick.score(Parts {
                gradient: gradient + beside.gradient,
                hessian: hessian + beside.hessian,
                count: count + beside.count,
            });
        }
        self.scores[0] = 0.0;
        self.scores[self.n_bins..n].fill(0.0);
    }

    /// The bin of the largest score, the lowest of equals, if any is above 0.
    fn best_bin(&self) -> Option<usize> {
        let (chunks, _) = self.scores[..self.padded()].as_chunks::<LANES>();
        let larger = |most: [f32; LANES], scores: &[f32; LANES]| {
            std::array::from_fn(|i| if scores[i] > most[i] { scores[i] } else { most[i] })
        };
        let most = chunks.iter().fold([0.0; LANES], larger).into_iter().fold(0.0, f32::max);
        let has_most = |scores: &[f32; LANES]| scores.iter().fold(false, |any, score| any | (*score == most));
        let chunk = chunks.iter().position(has_most).filter(|_| most > 0.0)?;
        chunks[chunk].iter().position(|score| *score == most).map(|at| chunk * LANES + at)
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
    /// The best threshold, with missing values on the better side, if any gains something.
    pub(super) fn best_threshold(&self, histogram: &[u64], prefixes: &mut Prefixes) -> Option<Best> {
        let missing = histogram[usize::from(MISSING_BIN)];
        prefixes.fill(histogram, &self.search.layout);
        let mut best = self.best_with(prefixes, 0).unwrap_or_default();
        if missing != 0 {
            let with_missing = self.best_with(prefixes, missing).filter(|found| found.gain > best.gain);
            best = with_missing.map_or(best, |found| Best { missing_left: true, ..found });
        }
        (best.gain > 0.0).then_some(best)
    }

    /// The best threshold, with the sum `beside` going left beside the bins up to it.
    fn best_with(&self, prefixes: &mut Prefixes, beside: u64) -> Option<Best> {
        if self.direction != 0.0 || self.bounds != Bounds::NONE {
            return self.best_bound(prefixes, beside);
        }
        let layout = &self.search.layout;
        let (least_count, least_hessian) = self.search.least();
        let node = Parts::of(self.total, layout);
        let quick = QuickScore { node, l2: self.l2 as f32, least_count, least_hessian };
        prefixes.score(&quick, Parts::of(beside, layout));
        let bin = prefixes.best_bin()?;
        let left = prefixes.sums[bin].wrapping_add(beside);
        Some(Best { gain: self.gain(left, self.l2), left, bin: bin as u8, ..Best::default() })
    }

    /// The same where the node's value is bound or the column has a direction, by measuring every threshold.
    fn best_bound(&self, prefixes: &Prefixes, beside: u64) -> Option<Best> {
        let measure = |bin: usize| {
            let left = prefixes.sums[bin].wrapping_add(beside);
            Best { gain: self.gain(left, self.l2), left, bin: bin as u8, ..Best::default() }
        };
        (1..prefixes.n_bins).map(measure).reduce(|best, next| if next.gain > best.gain { next } else { best })
    }
}
