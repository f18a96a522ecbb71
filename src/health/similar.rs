//! Accounts like this one, what was done for them and what came of it.
//!
//! Two accounts are as far apart as what their signals add to the score differs (Euclidean, in log-odds beyond what is
//! usual in their segments): alike is what the model finds alike for the same reasons, and what does not matter to the
//! score does not count. An index over past accounts answers in milliseconds.

use std::collections::BTreeMap;
use std::fmt;

use super::model::HealthModel;
use crate::error::{ErrorKind, Result};
use crate::explain::{NearestRows, Outcome};
use crate::frame::Frame;

/// Past accounts, found by how much they are like another.
#[derive(Clone, Debug)]
pub struct SimilarAccounts {
    nearest: NearestRows,
    ids: Vec<String>,
    churned: Option<Vec<Option<bool>>>,
    expanded: Option<Vec<Option<bool>>>,
    /// What was done for each.
    done: Option<Vec<Option<String>>>,
    outcome: Outcome,
    n_signals: usize,
}

/// One account that is like another.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarAccount {
    /// Its row in the index.
    pub row: usize,
    /// The account.
    pub id: String,
    /// How far apart they are, in log-odds; 0 is the same for every reason.
    pub distance: f64,
    /// Whether it left, where that is known.
    pub churned: Option<bool>,
    /// Whether it grew, where that is known.
    pub expanded: Option<bool>,
    /// What was done for it, where that was told.
    pub done: Option<String>,
}

/// Accounts like one, the most alike first, and what came of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarTo {
    /// The account asked about.
    pub id: String,
    /// The accounts like it.
    pub accounts: Vec<SimilarAccount>,
}

/// How those fared for whom the same was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fared {
    /// Accounts whose churn is known.
    pub n_accounts: usize,
    /// Those that left.
    pub n_churned: usize,
}

impl SimilarTo {
    /// How the accounts fared by what was done for them; `None` stands for nothing. What was done was chosen for reasons,
    /// so this is context, no measure of effect.
    pub fn by_done(&self) -> BTreeMap<Option<&str>, Fared> {
        let mut fared: BTreeMap<Option<&str>, Fared> = BTreeMap::new();
        for account in &self.accounts {
            let Some(churned) = account.churned else { continue };
            let entry = fared.entry(account.done.as_deref()).or_default();
            entry.n_accounts += 1;
            entry.n_churned += usize::from(churned);
        }
        fared
    }
}

impl fmt::Display for SimilarTo {
    /// "20 accounts like A17: 6 of the 20 whose outcome is known left; csm_call: 1 of 5 left; nothing done: 5 of 15 left".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_done = self.by_done();
        let sum = |of: fn(&Fared) -> usize| by_done.values().map(of).sum::<usize>();
        let (known, left) = (sum(|fared| fared.n_accounts), sum(|fared| fared.n_churned));
        write!(f, "{} accounts like {}: {left} of the {known} ", self.accounts.len(), self.id)?;
        write!(f, "whose outcome is known left")?;
        if by_done.keys().any(|done| done.is_some()) {
            for (done, Fared { n_accounts, n_churned }) in &by_done {
                write!(f, "; {}: {n_churned} of {n_accounts} left", done.unwrap_or("nothing done"))?;
            }
        }
        Ok(())
    }
}

impl HealthModel {
    /// An index of past accounts, with their labels as what came of them.
    ///
    /// # Errors
    /// A frame of another schema.
    pub fn similar_accounts(&self, past: &Frame) -> Result<SimilarAccounts> {
        let d = self.schema().signals.len();
        Ok(SimilarAccounts {
            nearest: NearestRows::new(&self.excess(past)?, d),
            ids: past.ids().to_vec(),
            churned: past.churn().map(<[_]>::to_vec),
            expanded: past.expansion().map(<[_]>::to_vec),
            done: None,
            outcome: self.health_outcome(),
            n_signals: d,
        })
    }

    /// What the signals of each account add to health's log-odds beyond what is usual, `n × d`.
    fn excess(&self, accounts: &Frame) -> Result<Vec<f64>> {
        let (outcome, score) = self.main();
        let nodes = self.nodes(accounts)?;
        Ok(self.tell(score, outcome, accounts.signals(), &nodes, 0)?.excess)
    }
}

impl SimilarAccounts {
    /// Says what was done for each account, one text a row, `None` for nothing.
    ///
    /// # Errors
    /// As many texts as there are accounts are expected.
    pub fn done(mut self, done: Vec<Option<String>>) -> Result<Self> {
        if done.len() != self.ids.len() {
            let what = "what was done, one a past account".into();
            return Err(ErrorKind::Shape { what, found: done.len(), expected: self.ids.len() }.into());
        }
        self.done = Some(done);
        Ok(self)
    }

    /// Number of accounts in the index.
    pub fn n_accounts(&self) -> usize {
        self.ids.len()
    }

    /// For each of the accounts, the `n` past ones most like it by the model that made the index. Rows of the same
    /// account are left out.
    ///
    /// # Errors
    /// A frame of another schema, a model of another outcome or other signals than the index was made by.
    pub fn to(&self, model: &HealthModel, accounts: &Frame, n: usize) -> Result<Vec<SimilarTo>> {
        let d = model.schema().signals.len();
        if d != self.n_signals || model.health_outcome() != self.outcome {
            let problem = "the index was made by another model; make it anew by this one";
            return Err(ErrorKind::Schema(problem.into()).into());
        }
        let excess = model.excess(accounts)?;
        let of_row = |(row, id): (usize, &String)| {
            let query = &excess[row * d..(row + 1) * d];
            let found = self.nearest.nearest(query, n, |other| self.ids[other] != *id);
            let accounts = found.into_iter().map(|(row, distance)| self.account(row, distance)).collect();
            SimilarTo { id: id.clone(), accounts }
        };
        Ok(accounts.ids().iter().enumerate().map(of_row).collect())
    }

    fn account(&self, row: usize, distance: f64) -> SimilarAccount {
        let label = |labels: &Option<Vec<Option<bool>>>| labels.as_ref().and_then(|labels| labels[row]);
        SimilarAccount {
            row,
            id: self.ids[row].clone(),
            distance,
            churned: label(&self.churned),
            expanded: label(&self.expanded),
            done: self.done.as_ref().and_then(|done| done[row].clone()),
        }
    }
}
