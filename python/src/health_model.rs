//! `HealthModel`: a fitted model of churn and expansion, as `keepwell._health` holds it.

use keepwell::explain::{Outcome, interaction_strength};
use keepwell::frame::Frame;
use keepwell::health::{self, Band, BandEdges, HealthModelParams, LifeCycle};
use keepwell::model::{BlendClassifier, ModelFile};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::arrays::{dates, numbers, texts, whole};
use crate::error::{Error, Result};
use crate::health_told as told;
use crate::health_views as views;
use crate::params::{Given, apply};
use crate::schema::Schema;
use crate::scored::Scored;
use crate::table::Table;
use crate::training::train;

/// Log-odds before anything is known of a row, what each signal adds, `n × d`, the signals' names, and what each row's
/// segment adds.
type Told<'py> = (f64, Bound<'py, PyArray2<f64>>, Vec<String>, Bound<'py, PyArray1<f64>>);

/// A fitted health model.
#[pyclass(frozen, module = "keepwell._native")]
pub struct HealthModel {
    inner: health::HealthModel,
}

#[pymethods]
impl HealthModel {
    /// Fits to the accounts of a table whose outcome is known; `progress` is called with (done, stage).
    #[staticmethod]
    fn fit<'py>(
        py: Python<'py>,
        schema: &Schema,
        table: &Table,
        params: &Bound<'py, PyDict>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Self> {
        let params = apply(health::HealthModel::params(schema.get()), params, set)?;
        let past = Frame::from_arrow(table.batches(), schema.get())?;
        let fit = |on_progress: keepwell::model::OnProgress<'_>| params.fit_with_progress(&past, on_progress);
        Ok(HealthModel { inner: train(py, progress, fit)? })
    }

    /// Scores every account, with at most `n_reasons` reasons an account and outcome.
    fn score<'py>(&self, py: Python<'py>, table: &Table, n_reasons: usize) -> Result<Bound<'py, Scored>> {
        let accounts = self.frame(table)?;
        let scored = py.detach(|| self.inner.score_with_reasons(&accounts, n_reasons))?;
        Ok(Bound::new(py, Scored::new(scored)?)?)
    }

    /// What each signal adds to the log-odds of "churn" or "expansion".
    fn contributions<'py>(&self, py: Python<'py>, table: &Table, outcome: &str) -> Result<Told<'py>> {
        let accounts = self.frame(table)?;
        let of = outcome_of(outcome)?;
        let told = py.detach(|| self.inner.contributions(&accounts, of))?;
        let told = told.ok_or_else(|| not_trained(outcome))?;
        let shape = [accounts.n_rows(), told.n_features];
        let values = PyArray1::from_vec(py, told.values).reshape(shape)?;
        let parts = self.inner.segment_parts(&accounts, of)?.unwrap_or_default();
        Ok((told.base, values, accounts.signals().names().to_vec(), PyArray1::from_vec(py, parts)))
    }

    /// What it was trained by: the parameters of `keepwell.HealthModel`.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let settings = self.inner.settings();
        let dict = PyDict::new(py);
        dict.set_item("horizon_days", settings.horizon_days)?;
        match settings.bands {
            BandEdges::Apart { times } => dict.set_item("bands_apart", times)?,
            BandEdges::Share { red, amber } => {
                dict.set_item("red_share", red)?;
                dict.set_item("amber_share", amber)?;
            }
            BandEdges::Cost { red_care, amber_care, loss } => {
                dict.set_item("band_costs", (red_care, amber_care, loss))?;
            }
        }
        dict.set_item("segments", settings.segments.clone())?;
        let stages = settings.life_cycle.as_ref().map(|stages| {
            let ([tenure, renewal], [onboarding, due]) = (stages.signals(), stages.limits());
            (tenure.to_owned(), renewal.to_owned(), onboarding, due)
        });
        dict.set_item("life_cycle", stages)?;
        dict.set_item("effort", settings.effort.name())?;
        dict.set_item("random_state", settings.random_state)?;
        Ok(dict)
    }

    /// Every segment that training saw: size, money, and how well its outcomes were foretold.
    #[getter]
    fn segments<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyDict>>> {
        self.inner.segments().iter().map(|segment| told::segment(py, segment)).collect()
    }

    /// The accounts that moved most between two snapshots, and by what; `older` is the model that saw the first one.
    fn moved<'py>(
        &self,
        py: Python<'py>,
        before: &Table,
        after: &Table,
        most: usize,
        older: Option<&HealthModel>,
    ) -> Result<Vec<Bound<'py, PyDict>>> {
        let older = older.unwrap_or(self);
        let (before, after) = (older.frame(before)?, self.frame(after)?);
        let moves = py.detach(|| self.inner.moved_since(&older.inner, &before, &after, most))?;
        moves.iter().map(|moved| told::moved(py, moved)).collect()
    }

    /// The smallest believable changes that would bring each account into a band.
    fn recourse<'py>(&self, py: Python<'py>, table: &Table, band: &str) -> Result<Vec<Bound<'py, PyDict>>> {
        let (accounts, band) = (self.frame(table)?, band_of(band)?);
        let of_row = |row| self.inner.recourse(&accounts, row, band);
        let found = py.detach(|| (0..accounts.n_rows()).map(of_row).collect::<keepwell::Result<Vec<_>>>())?;
        found.iter().map(|recourse| told::recourse(py, recourse)).collect()
    }

    /// For each account of a table, the `n` of another most like it, what was done for them and what came of it.
    fn similar<'py>(
        &self,
        py: Python<'py>,
        table: &Table,
        among: &Table,
        n: usize,
        done: Option<Vec<Option<String>>>,
    ) -> Result<Vec<Bound<'py, PyDict>>> {
        let (accounts, past) = (self.frame(table)?, self.frame(among)?);
        let found = py.detach(|| {
            let index = self.inner.similar_accounts(&past)?;
            let index = done.map_or(Ok(index.clone()), |done| index.done(done))?;
            index.to(&self.inner, &accounts, n)
        })?;
        found.iter().map(|similar| told::similar(py, similar)).collect()
    }

    /// The usage and the value review of each account, as text, against the snapshot before where there is one.
    fn reviews(
        &self,
        py: Python<'_>,
        table: &Table,
        before: Option<&Table>,
    ) -> Result<Vec<(String, String)>> {
        let accounts = self.frame(table)?;
        let before = before.map(|before| self.frame(before)).transpose()?;
        let of_row = |row| {
            let usage = self.inner.usage_review(&accounts, row, before.as_ref())?;
            let value = self.inner.value_review(&accounts, row, before.as_ref())?;
            Ok((usage.to_string(), value.to_string()))
        };
        Ok(py.detach(|| (0..accounts.n_rows()).map(of_row).collect::<keepwell::Result<Vec<_>>>())?)
    }

    /// Account, probability, and lower and upper end of its interval.
    fn intervals(&self, py: Python<'_>, table: &Table, outcome: &str, level: f64) -> Result<Table> {
        let accounts = self.frame(table)?;
        let of = outcome_of(outcome)?;
        let intervals = py.detach(|| self.inner.probability_intervals(&accounts, of, level))?;
        let intervals = intervals.ok_or_else(|| not_trained(outcome))?;
        let probability = py.detach(|| self.inner.probabilities(&accounts, of))?;
        let probability = probability.ok_or_else(|| not_trained(outcome))?;
        let mut columns = vec![texts("account_id", accounts.ids().iter().map(Some))];
        columns.extend(accounts.as_of().map(|as_of| dates("as_of", as_of)));
        columns.push(numbers("probability", probability.into_iter().map(Some)));
        columns.push(numbers("lower", intervals.iter().map(|interval| Some(interval.lower))));
        columns.push(numbers("upper", intervals.iter().map(|interval| Some(interval.upper))));
        Table::of(accounts.n_rows(), columns)
    }

    /// Segment, accounts, expected rate, lower and upper end of its interval, and observed rate.
    fn segment_rates(
        &self,
        py: Python<'_>,
        table: &Table,
        by: &str,
        outcome: &str,
        level: f64,
    ) -> Result<Table> {
        let accounts = self.frame(table)?;
        let of = outcome_of(outcome)?;
        let rates = py.detach(|| self.inner.segment_rates(&accounts, of, by, level))?;
        let rates = rates.ok_or_else(|| not_trained(outcome))?;
        let columns = vec![
            texts(by, rates.iter().map(|rate| rate.segment.as_ref())),
            whole("n_accounts", rates.iter().map(|rate| i64::try_from(rate.n_accounts).ok())),
            numbers("expected", rates.iter().map(|rate| Some(rate.expected.rate))),
            numbers("lower", rates.iter().map(|rate| Some(rate.expected.lower))),
            numbers("upper", rates.iter().map(|rate| Some(rate.expected.upper))),
            numbers("observed", rates.iter().map(|rate| rate.observed)),
        ];
        Table::of(rates.len(), columns)
    }

    /// How well churn and expansion were predicted on accounts left out of the folds, by outcome.
    #[getter]
    fn quality<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let outcomes = [("churn", self.inner.churn_quality()), ("expansion", self.inner.expansion_quality())];
        for (outcome, quality) in outcomes {
            if let Some(quality) = quality {
                dict.set_item(outcome, told::quality(py, quality)?)?;
            }
        }
        Ok(dict)
    }

    /// What training found that its user should look at.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.inner.warnings().to_vec()
    }

    /// The schema it was fitted by.
    #[getter]
    fn schema(&self) -> Schema {
        Schema::from(self.inner.schema().as_ref().clone())
    }

    /// Length of the horizon of its probabilities, in days.
    #[getter]
    fn horizon_days(&self) -> u32 {
        self.inner.horizon_days()
    }

    /// How much each signal, or each dimension, matters to an outcome over the accounts of a table.
    fn importance(&self, py: Python<'_>, table: &Table, outcome: &str, by: &str) -> Result<Table> {
        let accounts = self.frame(table)?;
        let of = outcome_of(outcome)?;
        let told = py.detach(|| self.inner.contributions(&accounts, of))?;
        views::importance(self.inner.schema(), &told.ok_or_else(|| not_trained(outcome))?, by)
    }

    /// What a signal does over its range: "partial" or "accumulated".
    fn effect(
        &self,
        py: Python<'_>,
        table: &Table,
        signal: &str,
        kind: &str,
        outcome: &str,
    ) -> Result<Table> {
        let accounts = self.frame(table)?;
        let model = self.blend(outcome)?;
        py.detach(|| views::effect(model, accounts.signals(), signal, kind))
    }

    /// How much of what two signals do they do together only, 0 to 1.
    fn interaction(
        &self,
        py: Python<'_>,
        table: &Table,
        first: &str,
        second: &str,
        outcome: &str,
    ) -> Result<f64> {
        let accounts = self.frame(table)?;
        let model = self.blend(outcome)?;
        Ok(py.detach(|| interaction_strength(model, accounts.signals(), first, second))?)
    }

    /// What was foretold of each band, and what came of it, on accounts left out; none where none could be.
    #[getter]
    fn band_outcomes<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyDict>>> {
        self.inner.band_outcomes().into_iter().flatten().map(|band| told::band(py, band)).collect()
    }

    /// What is to be known of bands that are less far apart than asked.
    #[getter]
    fn bands_note(&self) -> Option<String> {
        self.inner.bands_note()
    }

    /// Health below which an account is red, and below which it is amber.
    #[getter]
    fn band_edges(&self) -> [f64; 2] {
        self.inner.band_edges()
    }

    /// Writes the model file.
    fn save(&self, path: &str) -> Result<()> {
        Ok(self.inner.save(path)?)
    }

    /// Reads a model file.
    #[staticmethod]
    fn load(path: &str) -> Result<Self> {
        Ok(HealthModel { inner: ModelFile::load(path)? })
    }

    /// From the bytes of a model file.
    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(HealthModel { inner: ModelFile::from_bytes(bytes)? })
    }

    /// For pickle: the bytes of the model file.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((from_bytes, (PyBytes::new(py, &self.inner.to_bytes()),)))
    }
}

impl HealthModel {
    fn blend(&self, outcome: &str) -> Result<&BlendClassifier> {
        let model = match outcome_of(outcome)? {
            Outcome::Churn => self.inner.churn_model(),
            Outcome::Expansion => self.inner.expansion_model(),
        };
        model.ok_or_else(|| not_trained(outcome))
    }

    fn frame(&self, table: &Table) -> Result<Frame> {
        Ok(Frame::from_arrow(table.batches(), self.inner.schema())?)
    }
}

fn not_trained(outcome: &str) -> Error {
    Error::new(format!("the model was not trained on {outcome}"))
}

/// "churn" or "expansion".
pub fn outcome_of(name: &str) -> Result<Outcome> {
    match name {
        "churn" => Ok(Outcome::Churn),
        "expansion" => Ok(Outcome::Expansion),
        _ => Err(Error::new(format!("`outcome` is {name:?}, expected \"churn\" or \"expansion\""))),
    }
}

fn band_of(name: &str) -> Result<Band> {
    let bands = [Band::Red, Band::Amber, Band::Green];
    let found = bands.into_iter().find(|band| band.to_string() == name);
    found.ok_or_else(|| Error::new(format!("`band` is {name:?}, expected \"amber\" or \"green\"")))
}

/// Signals of tenure and of the days to the renewal, months of onboarding, days of renewal.
type Stages = (String, String, f64, f64);

/// Sets a parameter of `keepwell.HealthModel` by its name.
pub fn set(params: HealthModelParams, name: &str, given: &Given<'_>) -> Result<Option<HealthModelParams>> {
    Ok(Some(match name {
        "horizon_days" => params.horizon_days(given.whole()?),
        "bands_apart" => optional(params, given, HealthModelParams::bands_apart)?,
        "red_share" => optional(params, given, HealthModelParams::red_share)?,
        "amber_share" => optional(params, given, HealthModelParams::amber_share)?,
        "effort" => params.effort(given.effort()?),
        "band_costs" => {
            const EXPECTED: &str =
                "three numbers: what care of a red and of an amber account costs, and what is lost with one";
            match given.read::<Option<(f64, f64, f64)>>(EXPECTED)? {
                Some((red, amber, loss)) => params.bands_by_cost(red, amber, loss),
                None => params,
            }
        }
        "segments" => match given.read::<Option<Vec<String>>>("a list of segment keys of the schema")? {
            Some(keys) => params.segments(keys),
            None => params,
        },
        "life_cycle" => {
            const EXPECTED: &str = "names of two signals, months of onboarding and days of renewal";
            let stages = given.read::<Option<Stages>>(EXPECTED)?;
            params.life_cycle(stages.map(|(tenure, renewal, onboarding, due)| {
                LifeCycle::new(tenure, renewal).onboarding_months(onboarding).renewal_days(due)
            }))
        }
        "random_state" => params.random_state(given.whole()?),
        "n_jobs" => params.n_jobs(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}

/// A number that may be left out.
fn optional(
    params: HealthModelParams,
    given: &Given<'_>,
    set: fn(HealthModelParams, f64) -> HealthModelParams,
) -> Result<HealthModelParams> {
    let number = given.read::<Option<f64>>("a number, or None")?;
    Ok(match number {
        Some(number) => set(params, number),
        None => params,
    })
}
