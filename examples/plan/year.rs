//! A year of planning that begins with wrong assumptions and learns from what it does.

use keepwell::Result;
use keepwell::action::{AssignmentLog, Evidence, Exploration};
use keepwell::frame::{Column, Table};
use keepwell::simulate::{EffectWorld, TrueOutcome};

use crate::business::{Business, Learned, Log, capacity};
use crate::truth::Truth;

/// Accounts up for renewal each month.
const N_MONTH: usize = 10_000;
/// Share of the accounts that explore in the first half of the year, while little is known, and in the second.
const EXPLORING: [f64; 2] = [0.4, 0.1];

/// Month after month: plan, explore, wait for the outcomes of the month, learn from all so far.
pub fn live(business: &Business<'_>, months: u32) -> Result<()> {
    let mut so_far =
        Log { table: Table::default(), arm: vec![], evidence: Evidence::Logged(vec![]), outcomes: vec![] };
    let mut learned = Learned::default();
    for month in 1..=months {
        // After half a year there is little left to learn: every third month will do.
        if month > 1 && (month <= 6 || month % 3 == 0) {
            learned = so_far.learn(business.seed)?;
        }
        let (share, log) = one_month(business, &learned, month)?;
        say!("learning_month_{month}: {share:.4}");
        so_far.add(log)?;
    }
    Ok(())
}

/// What the month's plan earns over the bound, and what was done with what came of it.
fn one_month(business: &Business<'_>, learned: &Learned, month: u32) -> Result<(f64, Log)> {
    let accounts = business.accounts(N_MONTH, 100 + u64::from(month))?;
    let frame = business.frame(&accounts)?;
    let (plan, _) = business.plan(&frame, &capacity(N_MONTH), learned)?;
    let truth = Truth::new(business.playbook, &accounts, &plan);
    let assigned = plan
        .explore(Exploration::Epsilon(EXPLORING[usize::from(month > 6)]), business.seed ^ u64::from(month))?;
    let names = EffectWorld::actions();
    let number = |name: &str| names.iter().position(|other| *other == name);
    let of = |assignment: &keepwell::action::Assignment| assignment.assigned.as_deref().and_then(number);
    let actions: Vec<Option<usize>> = assigned.assignments().iter().map(of).collect();
    let outcomes = accounts.outcomes(&actions, business.seed ^ u64::from(month));
    Ok((truth.earned(&plan) / truth.bound(), lessons(&assigned, &outcomes, &business.signals(&frame)?)?))
}

/// The log of the month, once its outcomes are known.
fn lessons(assigned: &AssignmentLog, outcomes: &[TrueOutcome], table: &Table) -> Result<Log> {
    let ids = assigned.assignments().iter().map(|assignment| assignment.id.as_str());
    let matured = assigned.join(ids.zip(outcomes.iter().map(|outcome| Some(outcome.churned))))?;
    let lessons = assigned.lessons(&matured, &EffectWorld::actions())?;
    Ok(Log {
        table: table.take(&lessons.assignments),
        arm: lessons.arm,
        evidence: lessons.evidence,
        outcomes: lessons.assignments.iter().map(|&at| outcomes[at]).collect(),
    })
}

impl Log {
    /// Adds the rows of a month.
    fn add(&mut self, month: Log) -> Result<()> {
        self.table = if self.arm.is_empty() { month.table } else { below(&self.table, &month.table)? };
        self.arm.extend(month.arm);
        self.outcomes.extend(month.outcomes);
        if let (Evidence::Logged(all), Evidence::Logged(more)) = (&mut self.evidence, month.evidence) {
            all.extend(more);
        }
        Ok(())
    }
}

/// One table below another of the same columns.
fn below(first: &Table, second: &Table) -> Result<Table> {
    let texts = |column: &Column, n: usize| -> Vec<Option<String>> {
        let Column::Category(categories) = column else { return vec![None; n] };
        (0..n).map(|row| categories.text(row).map(str::to_owned)).collect()
    };
    let both = first.columns().iter().zip(second.columns()).map(|(a, b)| match (a, b) {
        (Column::Number(a), Column::Number(b)) => Column::Number(a.iter().chain(b).copied().collect()),
        _ => {
            let all = [texts(a, first.n_rows()), texts(b, second.n_rows())].concat();
            Column::Category(keepwell::frame::Categories::from_texts(all.iter().map(Option::as_deref)))
        }
    });
    Table::new(first.n_rows() + second.n_rows(), first.names().iter().cloned().zip(both))
}
