//! Rows gathered by equal score: the form in which ties can be counted fairly.

/// All rows of one score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Group {
    /// The score they share.
    pub score: f64,
    /// Weight of all of them.
    pub weight: f64,
    /// Weight of those that are positive.
    pub positive: f64,
}

impl Group {
    /// The share of this group that weighs `weight`, its positives spread evenly.
    fn part(&self, weight: f64) -> Group {
        let share = if self.weight > 0.0 { weight / self.weight } else { 0.0 };
        Group { score: self.score, weight, positive: self.positive * share }
    }
}

/// Groups of equal score, the highest first; rows of weight 0 are left out.
pub(super) fn by_score_descending(y: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Vec<Group> {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let mut order: Vec<usize> = (0..y.len()).filter(|&row| weight(row) > 0.0).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut groups: Vec<Group> = Vec::new();
    for row in order {
        if groups.last().is_none_or(|last| last.score != scores[row]) {
            groups.push(Group { score: scores[row], ..Group::default() });
        }
        let last = groups.last_mut().expect("one was pushed if there was none");
        last.weight += weight(row);
        last.positive += if y[row] { weight(row) } else { 0.0 };
    }
    groups
}

/// What a bin holds when groups are poured into bins of equal weight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bin {
    /// Weight in the bin.
    pub weight: f64,
    /// Weight of its positives.
    pub positive: f64,
    /// Sum of weight × score.
    pub score: f64,
}

impl Bin {
    fn add(&mut self, part: Group) {
        self.weight += part.weight;
        self.positive += part.positive;
        self.score += part.weight * part.score;
    }
}

/// Pours groups, in their order, into bins of the given capacity; a group that overflows a bin is cut in the same
/// proportion of positives. What is left when `n_bins` are full stays in the last.
pub(super) fn pour(groups: &[Group], capacity: f64, n_bins: usize) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); n_bins];
    let mut at = 0;
    for group in groups {
        let mut left = group.weight;
        while at + 1 < n_bins && bins[at].weight + left >= capacity {
            let fits = capacity - bins[at].weight;
            bins[at].add(group.part(fits));
            left -= fits;
            at += 1;
        }
        bins[at].add(group.part(left.max(0.0)));
    }
    bins
}
