//! `Plan`: the best action or none for every account, as a table with its totals.

use keepwell::action::{self, Exploration, Gain, Points, Recommendation, Recommended};
use keepwell::schema::Money;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Named, numbers, texts, whole};
use crate::assignment::AssignmentLog;
use crate::error::{Error, Result};
use crate::table::Table;

/// What to do about every account: a table of `n` rows, its totals and its limits. Money is in minor units.
#[pyclass(frozen, extends = Table, module = "keepwell")]
pub struct Plan {
    inner: action::Plan,
}

impl Plan {
    /// The table and, on top of it, the plan.
    pub fn new(inner: action::Plan) -> Result<PyClassInitializer<Self>> {
        let rows: Vec<usize> = (0..inner.recommendations.len()).collect();
        let table = Table::of(rows.len(), columns(&inner, &rows))?;
        Ok(PyClassInitializer::from(table).add_subclass(Plan { inner }))
    }
}

#[pymethods]
impl Plan {
    /// The accounts for which something is recommended, most expected money first.
    fn to_do(&self) -> Result<Table> {
        let of = |told: &Recommendation| {
            let all = told.action.iter().chain(&told.more);
            told.action.as_ref().map(|_| all.map(|action| action.gain.expected.cents).sum::<i64>())
        };
        let told = self.inner.recommendations.iter().enumerate();
        let mut rows: Vec<(usize, i64)> = told.filter_map(|(row, told)| Some((row, of(told)?))).collect();
        rows.sort_by_key(|(row, cents)| (std::cmp::Reverse(*cents), *row));
        let rows: Vec<usize> = rows.into_iter().map(|(row, _)| row).collect();
        Table::of(rows.len(), columns(&self.inner, &rows))
    }

    /// Every action that the account of a row is eligible for, best first.
    fn options(&self, row: usize) -> Result<Table> {
        let n_rows = self.inner.recommendations.len();
        if row >= n_rows {
            let text = format!("there is no row {row}: the plan has {n_rows}");
            return Err(pyo3::exceptions::PyIndexError::new_err(text).into());
        }
        let options = self.inner.options(row);
        let named =
            |gain: fn(&Gain) -> &Money| options.iter().map(move |option| Some(gain(&option.gain).cents));
        let columns = vec![
            texts("action", options.iter().map(|option| Some(option.action.name.as_str()))),
            texts("title", options.iter().map(|option| Some(option.action.title.as_str()))),
            whole("expected_cents", named(|gain| &gain.expected)),
            whole("low_cents", named(|gain| &gain.low)),
            whole("high_cents", named(|gain| &gain.high)),
            whole("cost_cents", named(|gain| &gain.cost)),
            numbers("probability_positive", options.iter().map(|o| Some(o.gain.probability_positive))),
            texts("source", options.iter().map(|option| Some(option.action.effect.source.to_string()))),
        ];
        let all = options.iter().map(Some).collect::<Vec<_>>();
        Table::of(options.len(), columns.into_iter().chain(effects(&all)).collect())
    }

    /// Assigns what is recommended, but keeps a share (0 to 0.5) out at random.
    #[pyo3(signature = (kept_out=0.1, *, random_state=0))]
    fn assign<'py>(
        &self,
        py: Python<'py>,
        kept_out: f64,
        random_state: u64,
    ) -> Result<Bound<'py, AssignmentLog>> {
        let log = self.inner.assign(kept_out, random_state)?;
        Ok(Bound::new(py, AssignmentLog::new(log)?)?)
    }

    /// Assigns by a draw: a share `epsilon` of the accounts explores, or the best plans of so many `draws` of the effects
    /// (Thompson sampling) are taken with their shares. Give one of the two.
    #[pyo3(signature = (*, epsilon=None, draws=None, random_state=0))]
    fn explore<'py>(
        &self,
        py: Python<'py>,
        epsilon: Option<f64>,
        draws: Option<usize>,
        random_state: u64,
    ) -> Result<Bound<'py, AssignmentLog>> {
        let how = match (epsilon, draws) {
            (Some(share), None) => Exploration::Epsilon(share),
            (None, Some(draws)) => Exploration::Thompson(draws),
            _ => return Err(Error::new("give either `epsilon` or `draws`")),
        };
        let log = py.detach(|| self.inner.explore(how, random_state))?;
        Ok(Bound::new(py, AssignmentLog::new(log)?)?)
    }

    /// The day of the plan as an ISO date; None where it is not known.
    #[getter]
    fn day(&self) -> Option<String> {
        self.inner.day.map(|day| day.to_string())
    }

    /// What all recommended actions together should bring: expected, low, high and cost in minor units.
    #[getter]
    fn total<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let total = &self.inner.total;
        let parts = [
            ("expected_cents", &total.expected),
            ("low_cents", &total.low),
            ("high_cents", &total.high),
            ("cost_cents", &total.cost),
        ];
        let dict = PyDict::new(py);
        parts.into_iter().try_for_each(|(name, money)| dict.set_item(name, money.cents))?;
        Ok(dict)
    }

    /// ISO 4217 code of all money of the plan.
    #[getter]
    fn currency(&self) -> String {
        self.inner.bound.currency.to_string()
    }

    /// What the actions draw on: units used, units there are, and what one more would bring.
    #[getter]
    fn pools(&self) -> Result<Table> {
        let pools = &self.inner.pools;
        let columns = vec![
            texts("pool", pools.iter().map(|pool| Some(pool.name.as_str()))),
            texts("title", pools.iter().map(|pool| Some(pool.title.as_str()))),
            numbers("used", pools.iter().map(|pool| Some(pool.used))),
            numbers("capacity", pools.iter().map(|pool| pool.capacity)),
            whole("worth_cents", pools.iter().map(|pool| Some(pool.worth.cents))),
        ];
        Table::of(pools.len(), columns)
    }

    /// Spent and given budget in minor units, and what one more unit of money would bring; None without a budget.
    #[getter]
    fn budget<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>> {
        let Some(budget) = &self.inner.budget else { return Ok(None) };
        let dict = PyDict::new(py);
        dict.set_item("used_cents", budget.used.cents)?;
        dict.set_item("budget_cents", budget.budget.cents)?;
        dict.set_item("worth", budget.worth)?;
        Ok(Some(dict))
    }

    /// Proven: no plan under these limits could bring more than this, in minor units.
    #[getter]
    fn bound_cents(&self) -> i64 {
        self.inner.bound.cents
    }

    /// How far the plan may be from the best there is, 0 to 1.
    #[getter]
    fn gap(&self) -> f64 {
        self.inner.gap
    }

    /// Actions that could not be considered for anybody, and why.
    #[getter]
    fn left_out<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for left_out in &self.inner.left_out {
            dict.set_item(&left_out.action.name, &left_out.reason)?;
        }
        Ok(dict)
    }

    /// The plan in sentences, for a person.
    fn __str__(&self) -> String {
        self.inner.to_string()
    }
}

/// By how much actions change the probabilities, each with its low and high end.
fn effects(actions: &[Option<&Recommended>]) -> Vec<Named> {
    type Of = fn(&Recommended) -> Option<Points>;
    type End = fn(Points) -> f64;
    let changes: [(&str, Of); 2] =
        [("churn_fall", |action| action.churn_fall), ("expansion_rise", |action| action.expansion_rise)];
    let ends: [(&str, End); 3] =
        [("", |points| points.expected), ("_low", |points| points.low), ("_high", |points| points.high)];
    let column = |(name, change): (&str, Of), (end, of): (&str, End)| {
        numbers(&format!("{name}{end}"), actions.iter().map(|action| Some(of(change((*action)?)?))))
    };
    changes.into_iter().flat_map(|change| ends.map(|end| column(change, end))).collect()
}

fn columns(plan: &action::Plan, rows: &[usize]) -> Vec<Named> {
    let of_rows = || rows.iter().map(|&row| &plan.recommendations[row]);
    let actions = || of_rows().map(|recommendation| recommendation.action.as_ref());
    let money = |of: fn(&Gain) -> &Money| {
        let all = |told: &Recommendation| {
            let first = told.action.iter().chain(&told.more).map(|action| of(&action.gain).cents);
            told.action.as_ref().map(|_| first.sum::<i64>())
        };
        of_rows().map(all).collect::<Vec<Option<i64>>>()
    };
    let more = |told: &Recommendation| {
        let names: Vec<&str> = told.more.iter().map(|action| action.action.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join("+"))
    };
    let first: Vec<Option<&Recommended>> = actions().collect();
    let mut columns = vec![
        texts("account_id", of_rows().map(|recommendation| Some(recommendation.id.as_str()))),
        texts("action", actions().map(|todo| Some(todo?.action.name.as_str()))),
        texts("title", actions().map(|todo| Some(todo?.action.title.as_str()))),
        whole("expected_cents", money(|gain| &gain.expected)),
        whole("low_cents", money(|gain| &gain.low)),
        whole("high_cents", money(|gain| &gain.high)),
        whole("cost_cents", money(|gain| &gain.cost)),
        numbers("probability_positive", actions().map(|todo| Some(todo?.gain.probability_positive))),
        texts("more", of_rows().map(more)),
        texts("until", actions().map(|todo| Some(todo?.until?.to_string()))),
        texts("bound", of_rows().map(|told| Some(told.bound.as_ref()?.to_string()))),
        texts("preferred", of_rows().map(|told| Some(told.preferred.as_ref()?.name.clone()))),
        texts("source", actions().map(|todo| Some(todo?.action.effect.source.to_string()))),
    ];
    columns.extend(effects(&first));
    columns.push(texts("sentence", of_rows().map(|recommendation| Some(recommendation.to_string()))));
    columns
}
