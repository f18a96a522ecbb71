//! What planning reads of scored accounts: borrowed columns, so that rules and money know no model.

use jiff::civil::Date;

use super::history::DoneBefore;
use crate::frame::Table;
use crate::health::{Band, Scored};
use crate::schema::Schema;

/// `n` accounts with their scores, borrowed.
#[derive(Clone, Copy)]
pub(super) struct Accounts<'a> {
    pub schema: &'a Schema,
    pub ids: &'a [String],
    pub signals: &'a Table,
    pub segments: &'a Table,
    /// Recurring value in minor units, `n` long.
    pub value_cents: Option<&'a [Option<i64>]>,
    pub churn: Option<&'a [f64]>,
    pub expansion: Option<&'a [f64]>,
    pub health: &'a [f64],
    pub band: &'a [Band],
    pub sub_scores: &'a [[f64; 8]],
    /// Days from the date of the scores to the end of what they foretell.
    pub horizon_days: u32,
    /// When each row was known; `None` where that is not told.
    pub as_of: Option<&'a [Date]>,
    /// What was done for them before; `None` where that is not told.
    pub done: Option<&'a DoneBefore>,
}

impl<'a> Accounts<'a> {
    /// The accounts of a model's answer.
    pub fn of(scored: &'a Scored) -> Self {
        Accounts {
            schema: scored.frame.schema(),
            ids: scored.frame.ids(),
            signals: scored.frame.signals(),
            segments: scored.frame.segments(),
            value_cents: scored.frame.value_cents(),
            churn: scored.churn_probability.as_deref(),
            expansion: scored.expansion_probability.as_deref(),
            health: &scored.health,
            band: &scored.band,
            sub_scores: &scored.sub_scores,
            horizon_days: scored.horizon_days,
            as_of: scored.frame.as_of(),
            done: None,
        }
    }

    /// Number of accounts, `n`.
    pub fn n_rows(&self) -> usize {
        self.ids.len()
    }
}
