//! Which actions each account is eligible for, and what they are worth for it.

use jiff::ToSpan;
use jiff::civil::Date;

use super::accounts::Accounts;
use super::eligibility::Rule;
use super::money::{Reckoning, Stake, Worth};
use super::one_action::Action;

/// The actions that each account is eligible for, with what they are worth; by account, best first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// The options of account `i` are `entries[starts[i]..starts[i + 1]]`; `n + 1` long.
    starts: Vec<usize>,
    /// Position of the action, and its worth.
    entries: Vec<(usize, Worth)>,
    /// What is at stake with each account; `None` where its value is not known.
    stakes: Vec<Option<Stake>>,
    /// The action that cools down longest and the day from which it may be done again, where a cool-down keeps an
    /// account from an action.
    cooling: Vec<Option<(usize, Date)>>,
}

impl Options {
    /// Of accounts, by each action's rule and by what keeps it from everybody.
    pub fn new(
        actions: &[Action],
        accounts: &Accounts<'_>,
        rules: &[Option<Rule>],
        left_out: &[Option<String>],
        reckoning: &Reckoning<'_>,
        day: Option<Date>,
    ) -> Self {
        let n = accounts.n_rows();
        let eligible = |(at, rule): (usize, &Option<Rule>)| match rule {
            _ if left_out[at].is_some() => vec![false; n],
            Some(rule) => rule.eligible(accounts),
            None => vec![true; n],
        };
        let eligible: Vec<Vec<bool>> = rules.iter().enumerate().map(eligible).collect();
        let is_for = |at: usize, row: usize| eligible[at][row];
        let mut options = Options {
            starts: vec![0],
            entries: Vec::new(),
            stakes: (0..n).map(|row| reckoning.stake(row)).collect(),
            cooling: vec![None; n],
        };
        for row in 0..n {
            let start = options.entries.len();
            for (at, action) in actions.iter().enumerate().filter(|(at, _)| is_for(*at, row)) {
                match cools_until(accounts, at, action, row, day) {
                    Some(until) => options.cool(row, at, until),
                    None => options.entries.extend(reckoning.worth(at, action, row).map(|worth| (at, worth))),
                }
            }
            let mean = |(_, worth): &(usize, Worth)| worth.gain.mean;
            options.entries[start..].sort_by(|a, b| mean(b).total_cmp(&mean(a)).then(a.0.cmp(&b.0)));
            options.starts.push(options.entries.len());
        }
        options
    }

    fn cool(&mut self, row: usize, action: usize, until: Date) {
        let cooling = &mut self.cooling[row];
        if cooling.is_none_or(|(_, longest)| until > longest) {
            *cooling = Some((action, until));
        }
    }

    /// Number of accounts.
    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The options of an account.
    pub fn of(&self, row: usize) -> &[(usize, Worth)] {
        &self.entries[self.starts[row]..self.starts[row + 1]]
    }

    /// What one of its options is worth for an account.
    pub fn worth(&self, row: usize, action: usize) -> Option<&Worth> {
        self.of(row).iter().find(|(at, _)| *at == action).map(|(_, worth)| worth)
    }

    /// What is at stake with an account.
    pub fn stake(&self, row: usize) -> Option<Stake> {
        self.stakes[row]
    }

    /// The action that a cool-down keeps an account from, and the day from which it may be done again.
    pub fn cooling(&self, row: usize) -> Option<(usize, Date)> {
        self.cooling[row]
    }
}

fn cools_until(
    accounts: &Accounts<'_>,
    at: usize,
    action: &Action,
    row: usize,
    day: Option<Date>,
) -> Option<Date> {
    let since = accounts.done?.days_since(at, row)?;
    let left = action.cool_down_days.checked_sub(since).filter(|left| *left > 0)?;
    Some(day?.saturating_add(i64::from(left).days()))
}
