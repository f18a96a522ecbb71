//! Is there a value, a missing value or a tail whose rows are nearly all true?

use std::collections::HashMap;

use super::super::{Categories, Column, MISSING_CODE};
use super::alone::edges;
use super::{Evidence, Tally};

/// Whether something was written down at all must not settle nine labels in ten.
const LIMIT_OF_MISSING: f64 = 0.9;
/// A value may speak more clearly than a gap.
const LIMIT_OF_VALUE: f64 = 0.95;
/// Share of the true rows that a finding must hold to matter.
const MIN_SHARE_OF_TRUES: f64 = 0.05;
/// So many times as frequent among true rows as among false ones: where most rows are true, that they are true here
/// too says little.
const MIN_RATIO: f64 = 5.0;
/// Tails are cut at edges of so many bins of equal mass.
const N_BINS: usize = 40;

/// In words, the rows that have a value.
const IS_THERE: &str = "is there";

/// Rows of the column that are told apart, in words.
struct Group {
    which: String,
    tally: Tally,
    limit: f64,
}

/// A number in words.
pub(super) type Shown = fn(f64) -> String;

/// At most one finding on gaps and one on values.
pub(super) fn check(values: &Column, label: &[bool], shown: Shown) -> Vec<Evidence> {
    let all = Tally::of(label);
    let mut missing = Tally::default();
    (0..label.len()).filter(|&row| values.is_missing(row)).for_each(|row| missing.add(label[row]));
    let mut found = Vec::from_iter(purest(gaps(missing, all), all));
    // Where being there tells all, so does every value that is there.
    let is_told = found.iter().any(|group| group.which == IS_THERE);
    if !is_told {
        found.extend(purest(spikes_and_tails(values, label, all.less(missing), shown), all));
    }
    found.into_iter().map(|group| group.evidence(all)).collect()
}

/// Rows of which something else is known, in words, where it tells.
pub(super) fn of_rows(which: &str, rows: Tally, all: Tally) -> Option<Evidence> {
    let group = Group { which: which.to_owned(), tally: rows, limit: LIMIT_OF_VALUE };
    group.tells(all).then(|| group.evidence(all))
}

/// The group that tells the most: the purest by what is sure of it, which favours the larger of two equally pure; of
/// several, the first.
fn purest(groups: Vec<Group>, all: Tally) -> Option<Group> {
    let told = groups.into_iter().filter(|group| group.tells(all));
    told.reduce(|best, next| if next.tally.least_rate() > best.tally.least_rate() { next } else { best })
}

impl Group {
    fn tells(&self, all: Tally) -> bool {
        let share_of_trues = self.tally.trues as f64 / all.trues as f64;
        let (least, odds) = (self.tally.least_rate(), |rate: f64| rate / (1.0 - rate));
        // How much more frequent among true rows than among false ones is a ratio of odds.
        least >= self.limit
            && share_of_trues >= MIN_SHARE_OF_TRUES
            && odds(least) >= MIN_RATIO * odds(all.rate())
    }

    fn evidence(self, all: Tally) -> Evidence {
        let (rate, rate_elsewhere) = (self.tally.rate(), all.less(self.tally).rate());
        Evidence::Value { which: self.which, n_rows: self.tally.rows, rate, rate_elsewhere }
    }
}

fn gaps(missing: Tally, all: Tally) -> Vec<Group> {
    if missing.rows == 0 {
        return Vec::new();
    }
    let gap = |which: &str, tally| Group { which: which.into(), tally, limit: LIMIT_OF_MISSING };
    vec![gap("is missing", missing), gap(IS_THERE, all.less(missing))]
}

fn spikes_and_tails(values: &Column, label: &[bool], known: Tally, shown: Shown) -> Vec<Group> {
    let group = |which: String, tally| Group { which, tally, limit: LIMIT_OF_VALUE };
    let spikes = match values {
        Column::Number(values) => spikes_of_numbers(values, label, shown),
        Column::Category(categories) => spikes_of_texts(categories, label),
    };
    let usual = spikes.iter().reduce(|usual, spike| if spike.1.rows > usual.1.rows { spike } else { usual });
    let is_not = if known.rows < label.len() { "is there and not" } else { "is not" };
    let unusual = usual.map(|(value, tally)| group(format!("{is_not} {value}"), known.less(*tally)));
    let mut groups = Vec::from_iter(unusual);
    groups.extend(spikes.iter().map(|(value, tally)| group(format!("is {value}"), *tally)));
    if let Column::Number(values) = values {
        groups.extend(tails(values, label, shown));
    }
    groups
}

fn spikes_of_texts(categories: &Categories, label: &[bool]) -> Vec<(String, Tally)> {
    let mut tallies = vec![Tally::default(); categories.levels.len()];
    for (&code, &label) in categories.codes.iter().zip(label).filter(|(code, _)| **code != MISSING_CODE) {
        tallies[code as usize].add(label);
    }
    let named = |(level, tally): (&String, Tally)| (format!("`{level}`"), tally);
    categories.levels.iter().zip(tallies).map(named).collect()
}

/// The values that stand in more than one row, ascending.
fn spikes_of_numbers(values: &[f64], label: &[bool], shown: Shown) -> Vec<(String, Tally)> {
    let mut tallies: HashMap<u64, Tally> = HashMap::new();
    for (value, label) in values.iter().zip(label).filter(|(value, _)| !value.is_nan()) {
        // Zero has two signs.
        tallies.entry((value + 0.0).to_bits()).or_default().add(*label);
    }
    let mut spikes: Vec<(f64, Tally)> =
        tallies.into_iter().map(|(bits, tally)| (f64::from_bits(bits), tally)).collect();
    spikes.retain(|(_, tally)| tally.rows > 1);
    spikes.sort_by(|a, b| a.0.total_cmp(&b.0));
    spikes.into_iter().map(|(value, tally)| (shown(value), tally)).collect()
}

/// The rows above each edge and those up to it.
fn tails(values: &[f64], label: &[bool], shown: Shown) -> Vec<Group> {
    let edges = edges(values, N_BINS);
    let mut bins = vec![Tally::default(); edges.len() + 1];
    for (value, label) in values.iter().zip(label).filter(|(value, _)| !value.is_nan()) {
        bins[edges.partition_point(|edge| edge < value)].add(*label);
    }
    let known = bins.iter().fold(Tally::default(), |sum, bin| sum.plus(*bin));
    let mut below = Tally::default();
    let cut = |(edge, bin): (&f64, &Tally)| {
        below = below.plus(*bin);
        let tail = |which, tally| Group { which, tally, limit: LIMIT_OF_VALUE };
        let edge = shown(*edge);
        [tail(format!("is at most {edge}"), below), tail(format!("is above {edge}"), known.less(below))]
    };
    edges.iter().zip(&bins).flat_map(cut).collect()
}
