//! Lead time: whether those who left were among the top some days before.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Of the accounts that left, how many were among the top some days before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Days before they left.
    pub days: u32,
    /// Accounts that left and had a score then.
    pub n_left: usize,
    /// Of these, those among the top; one of several tied at the edge counts in part.
    pub n_top: f64,
    /// Accounts that left and had no score then: not yet a customer, or no date tested by then.
    pub n_unseen: usize,
}

impl Lead {
    /// The share of those that had a score; `None` where none had.
    pub fn share(&self) -> Option<f64> {
        (self.n_left > 0).then(|| self.n_top / self.n_left as f64)
    }
}

/// How far each account of a date belongs to the top, 0 to 1.
pub(super) struct Scores {
    as_of: Date,
    in_top: HashMap<String, f64>,
}

impl Scores {
    pub fn of<'a>(as_of: Date, ids: impl Iterator<Item = &'a str>, p: &[f64], share: f64) -> Self {
        let mut sorted = p.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let places = share * p.len() as f64;
        let part = |p: f64| {
            let above = sorted.partition_point(|other| *other > p);
            let tied = sorted.partition_point(|other| *other >= p) - above;
            ((places - above as f64) / tied as f64).clamp(0.0, 1.0)
        };
        Scores { as_of, in_top: ids.map(str::to_owned).zip(p.iter().map(|p| part(*p))).collect() }
    }
}

fn days(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// The score that held on the day is that of the latest date tested by then, unless that is longer ago than tested dates
/// are apart.
pub(super) fn of(
    scores: &[Scores],
    left: &[(String, Date)],
    lead_days: &[u32],
    horizon_days: u32,
) -> Vec<Lead> {
    let apart = scores.windows(2).map(|pair| days(pair[0].as_of, pair[1].as_of)).max();
    let holds_days = apart.unwrap_or(i64::from(horizon_days));
    let first = scores.first().map_or(Date::MAX, |scores| scores.as_of);
    let last = scores.last().map_or(Date::MIN, |scores| scores.as_of);
    let lead = |&lead_days: &u32| {
        let mut lead = Lead { days: lead_days, n_left: 0, n_top: 0.0, n_unseen: 0 };
        for (id, left_on) in left.iter().filter(|(_, day)| *day >= first) {
            let day = left_on.saturating_sub(jiff::Span::new().days(i64::from(lead_days)));
            if days(last, day) >= holds_days {
                continue;
            }
            let latest = scores.iter().rev().find(|scores| scores.as_of <= day);
            match latest.and_then(|scores| scores.in_top.get(id)) {
                Some(part) => {
                    lead.n_left += 1;
                    lead.n_top += part;
                }
                None => lead.n_unseen += 1,
            }
        }
        lead
    };
    lead_days.iter().map(lead).collect()
}
