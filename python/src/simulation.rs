//! `simulate`: a subscription business to try everything on.

use keepwell::frame;
use keepwell::simulate::Simulation;
use pyo3::prelude::*;

use crate::error::Result;
use crate::table::Table;

/// A subscription business whose accounts have the columns of `Schema.b2b_saas()`.
///
/// Gives two tables: the accounts as they were known in the past, with what came of them, and today's, of which nobody
/// knows yet. `n_accounts` are those that were customers a quarter ago; the same seed makes the same business.
#[pyfunction]
#[pyo3(signature = (*, n_accounts=2_000, n_periods=2, random_state=0))]
pub fn simulate(
    py: Python<'_>,
    n_accounts: usize,
    n_periods: usize,
    random_state: u64,
) -> Result<(Table, Table)> {
    let params = Simulation::params().n_accounts(n_accounts).n_periods(n_periods).random_state(random_state);
    let (past, today) = py.detach(|| {
        let business = params.simulate()?;
        Ok::<_, keepwell::Error>((business.past()?, business.today()?))
    })?;
    Ok((table(&past)?, table(&today)?))
}

fn table(table: &frame::Table) -> Result<Table> {
    Ok(Table::from(table.to_arrow()?))
}
