//! The events that labels read, by the numbers of their names.

use super::super::record::Records;
use super::{Change, Involuntary, Labelling};

/// The numbers of the events that a labelling names, as far as there are any.
pub(super) struct Codes {
    pub leaves: Vec<u32>,
    pub returns: Vec<u32>,
    pub pauses: [Vec<u32>; 2],
    pub merged: Vec<u32>,
    pub absorbed: Vec<u32>,
    pub involuntary: Vec<u32>,
    pub grows: Vec<u32>,
    pub shrinks: Vec<u32>,
    /// What must not cease.
    pub seen: Vec<u32>,
}

impl Codes {
    pub fn of(labelling: &Labelling, records: &Records) -> Self {
        let find = |names: &[String]| names.iter().filter_map(|name| records.names().find(name)).collect();
        let by_event = |change: &Option<Change>| match change {
            Some(Change::Event(names)) => find(names),
            _ => Vec::new(),
        };
        let (mut leaves, mut seen) = (Vec::new(), Vec::new());
        for rule in &labelling.churn_rules {
            let codes: Vec<u32> = find(rule.events());
            if rule.is_by_silence() { seen.extend(codes) } else { leaves.extend(codes) }
        }
        let involuntary = labelling.involuntary.as_ref().map(|Involuntary { events, .. }| find(events));
        let [begins, ends] = labelling.pause.clone().unwrap_or_default();
        Codes {
            leaves,
            returns: find(&labelling.win_back),
            pauses: [find(&[begins]), find(&[ends])],
            merged: find(&labelling.merged),
            absorbed: find(&labelling.absorbed),
            involuntary: involuntary.unwrap_or_default(),
            grows: by_event(&labelling.expansion_change),
            shrinks: by_event(&labelling.downsell_change),
            seen,
        }
    }

    /// Whether each name is a mark.
    pub fn marks(&self, n_names: usize) -> Vec<bool> {
        let [begins, ends] = &self.pauses;
        let all =
            [&self.leaves, &self.returns, begins, ends, &self.merged, &self.absorbed, &self.involuntary];
        let mut is_mark = vec![false; n_names];
        for code in all.into_iter().chain([&self.grows, &self.shrinks]).flatten() {
            is_mark[*code as usize] = true;
        }
        is_mark
    }
}
