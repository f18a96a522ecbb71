//! The splits that all models are compared on: both sides of each have rows of both classes.

use std::collections::HashSet;

use jiff::civil::Date;

use crate::error::{ErrorKind, Result};
use crate::frame::split::{GroupedFolds, StratifiedFolds, TimeSplit, TrainTest};

/// Rows to learn from and rows to be asked about.
pub(super) struct Split {
    /// The repeat it belongs to, or, by time, its place.
    pub round: usize,
    pub train: Vec<usize>,
    pub test: Vec<usize>,
}

impl Split {
    pub fn labels(&self, rows: &[usize], y: &[bool]) -> Vec<bool> {
        rows.iter().map(|&row| y[row]).collect()
    }

    fn check(&self, name: &str, y: &[bool]) -> Result<()> {
        for (side, rows) in [("train", &self.train), ("test", &self.test)] {
            let positive = rows.iter().filter(|&&row| y[row]).count();
            if positive == 0 || positive == rows.len() {
                let class = if positive == 0 { "false" } else { "true" };
                let label = format!("y, on the {side} side of {name}");
                return Err(ErrorKind::OneClass { label, class, n_rows: rows.len() }.into());
            }
        }
        Ok(())
    }
}

pub(super) struct Splits {
    pub all: Vec<Split>,
    /// "3 × 5 folds", "by time, tested from 2026-01-01".
    pub how: String,
    /// Whether they are folds, whose train sides overlap; else the test sides do.
    pub are_folds: bool,
}

impl Splits {
    pub fn by_folds(
        y: &[bool],
        accounts: Option<&[String]>,
        n_folds: usize,
        n_repeats: usize,
        random_state: u64,
    ) -> Result<Self> {
        let grouped = accounts.filter(|ids| ids.iter().collect::<HashSet<_>>().len() < ids.len());
        let mut all = Vec::with_capacity(n_folds * n_repeats);
        for round in 0..n_repeats {
            let seed = random_state.wrapping_add(round as u64);
            let folds = match grouped {
                Some(ids) => GroupedFolds::new(n_folds, seed).split(ids, y)?,
                None => StratifiedFolds::new(n_folds, seed).split(y)?,
            };
            all.extend(folds.into_iter().map(|split| of(round, split)));
        }
        for (at, split) in all.iter().enumerate() {
            split.check(&format!("fold {} of repeat {}", at % n_folds + 1, split.round + 1), y)?;
        }
        let how = match (n_repeats, grouped.is_some()) {
            (1, false) => format!("{n_folds} folds"),
            (1, true) => format!("{n_folds} folds of whole accounts"),
            (_, false) => format!("{n_repeats} × {n_folds} folds"),
            (_, true) => format!("{n_repeats} × {n_folds} folds of whole accounts"),
        };
        Ok(Splits { all, how, are_folds: true })
    }

    pub fn by_time(cuts: &[TimeSplit], as_of: &[Date], y: &[bool]) -> Result<Self> {
        let mut all = Vec::with_capacity(cuts.len());
        for (round, cut) in cuts.iter().enumerate() {
            let split = of(round, cut.split(as_of)?);
            split.check(&format!("the split at {}", cut.cut()), y)?;
            all.push(split);
        }
        let dates: Vec<String> = cuts.iter().map(|cut| cut.cut().to_string()).collect();
        Ok(Splits { all, how: format!("by time, tested from {}", dates.join(", ")), are_folds: false })
    }
}

fn of(round: usize, (train, test): TrainTest) -> Split {
    Split { round, train, test }
}
