//! The rate of each segment: expected, between which bounds, and observed.

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::frame::{Column, Frame};
use crate::model::{ProbabilityInterval, RateInterval};

/// What the accounts of one segment will come to, and have come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentRate {
    /// The segment, a value of the key; `None` for accounts without one.
    pub segment: Option<String>,
    /// Its accounts.
    pub n_accounts: usize,
    /// Mean probability, and the interval of the rate: the calibration may be off, and chance decides each account.
    pub expected: RateInterval,
    /// The share to which it happened; `None` where the outcome of an account is not known.
    pub observed: Option<f64>,
}

impl SegmentRate {
    /// Of each segment by a key, the largest first.
    pub(super) fn by_key(
        accounts: &Frame,
        key: &str,
        probability: &[f64],
        intervals: &[ProbabilityInterval],
        happened: Option<&[Option<bool>]>,
        level: f64,
    ) -> Result<Vec<SegmentRate>> {
        let Some(Column::Category(keys)) = accounts.segments().column(key) else {
            let (column, found) = (key.to_owned(), accounts.segments().names().join(", "));
            return Err(ErrorKind::MissingColumn { column, role: "segment key".into(), found }.into());
        };
        let mut rows_of = vec![Vec::new(); keys.levels.len() + 1];
        let place = |row: usize| (keys.codes[row] as usize).min(keys.levels.len());
        (0..accounts.n_rows()).for_each(|row| rows_of[place(row)].push(row));
        let mut rates = Vec::new();
        for (at, rows) in rows_of.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let p: Vec<f64> = rows.iter().map(|&row| probability[row]).collect();
            let bounds: Vec<ProbabilityInterval> = rows.iter().map(|&row| intervals[row]).collect();
            let known: Option<Vec<bool>> =
                happened.and_then(|all| rows.iter().map(|&row| all[row]).collect());
            let share = |known: Vec<bool>| known.iter().filter(|&&y| y).count() as f64 / rows.len() as f64;
            rates.push(SegmentRate {
                segment: keys.levels.get(at).cloned(),
                n_accounts: rows.len(),
                expected: RateInterval::of(&p, &bounds, level)?,
                observed: known.map(share),
            });
        }
        rates.sort_by_key(|rate| std::cmp::Reverse(rate.n_accounts));
        Ok(rates)
    }
}
