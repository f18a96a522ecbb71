//! The best split of a category column: its levels in two groups.

use super::{Best, Node, insert};

/// Up to this many populated levels, each is tried alone against the rest.
const ONE_VERSUS_REST_LEVELS: usize = 4;
/// Most levels on the smaller side of a split of ordered levels.
const MAX_LEVELS_ON_A_SIDE: usize = 32;

impl Node<'_> {
    /// The levels that go left, if any choice of them gains something. A missing value is a level too.
    pub(super) fn best_levels(&self, histogram: &[u64]) -> Option<Best> {
        let levels: Vec<u8> =
            (0..histogram.len()).filter(|&bin| histogram[bin] != 0).map(|bin| bin as u8).collect();
        if levels.len() <= ONE_VERSUS_REST_LEVELS {
            self.one_versus_rest(histogram, &levels)
        } else {
            self.ordered_levels(histogram, &levels)
        }
    }

    fn one_versus_rest(&self, histogram: &[u64], levels: &[u8]) -> Option<Best> {
        let mut best = Best::default();
        for &bin in levels {
            let left = histogram[usize::from(bin)];
            let gain = self.gain(left, self.l2);
            if gain > best.gain {
                let mut set = [0; 4];
                insert(&mut set, bin);
                best = Best { gain, left, levels: Some(set), ..best };
            }
        }
        (best.gain > 0.0).then_some(best)
    }

    /// Levels in the order of their smoothed mean gradient, split like numbers from both ends (Fisher 1958; smoothing
    /// and the rule that rare levels stay together after LightGBM).
    fn ordered_levels(&self, histogram: &[u64], levels: &[u8]) -> Option<Best> {
        let ordered = self.order_levels(histogram, levels);
        let mut best = Best::default();
        for from_end in [false, true] {
            let take = ordered.len().div_ceil(2).min(MAX_LEVELS_ON_A_SIDE);
            let pick = |i: usize| if from_end { ordered[ordered.len() - 1 - i] } else { ordered[i] };
            self.scan_levels(histogram, (0..take).map(pick), &mut best);
        }
        (best.gain > 0.0).then_some(best)
    }

    fn order_levels(&self, histogram: &[u64], levels: &[u8]) -> Vec<u8> {
        let params = self.search.params;
        let smoothing = params.category_smoothing * self.search.layout.hessian_scale;
        let sums = |bin: u8| self.search.layout.sums(histogram[usize::from(bin)]);
        let mean = |bin: u8| sums(bin).gradient / (sums(bin).hessian + smoothing).max(1.0);
        let common = |bin: &u8| sums(*bin).rows >= params.category_smoothing;
        let mut keyed: Vec<(f64, u8)> =
            levels.iter().copied().filter(common).map(|bin| (mean(bin), bin)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        keyed.into_iter().map(|(_, bin)| bin).collect()
    }

    /// Tries every prefix of the levels as the left child; a step is tried only once it holds enough new rows.
    fn scan_levels(&self, histogram: &[u64], levels: impl Iterator<Item = u8>, best: &mut Best) {
        let l2 = self.l2 + self.search.params.category_l2 * self.search.layout.hessian_scale;
        let (mut left, mut set, mut step_rows) = (0u64, [0; 4], 0.0);
        for bin in levels {
            left = left.wrapping_add(histogram[usize::from(bin)]);
            step_rows += self.search.layout.sums(histogram[usize::from(bin)]).rows;
            insert(&mut set, bin);
            if step_rows < self.search.params.min_category_rows {
                continue;
            }
            let gain = self.gain(left, l2);
            step_rows = 0.0;
            if gain > best.gain {
                *best = Best { gain, left, levels: Some(set), ..*best };
            }
        }
    }
}
