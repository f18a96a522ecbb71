//! Views of a whole model: what matters to it, what a signal does over its range, which signals work together.
//!
//! All are data; pictures are drawn elsewhere. All speak of log-odds as the model sees them: association, never cause.

use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, Table};
use crate::model::{Classifier, Contributions};
use crate::schema::{Dimension, Schema};

use super::by_dimension;

/// How much a signal or a dimension matters: the mean size of what it adds to the log-odds, with its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    /// The signal or dimension.
    pub name: String,
    /// Mean size of its contributions, in log-odds.
    pub mean: f64,
    /// Lower end of the 95 % interval over accounts (normal, by the standard error of the mean).
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// What matters to a model, the most important first.
#[derive(Clone, Debug, PartialEq)]
pub struct Importances {
    /// Each signal.
    pub signals: Vec<Importance>,
    /// Each dimension that has signals: what they add together, so that what cancels out does not count.
    pub dimensions: Vec<Importance>,
}

/// How much each signal and dimension matters over the accounts of some contributions.
///
/// # Errors
/// Contributions to other signals than the schema's, or of no account.
pub fn importance(schema: &Schema, contributions: &Contributions) -> Result<Importances> {
    let d = schema.signals.len();
    if contributions.n_features != d {
        let what = "contributions a row, one a signal".into();
        return Err(ErrorKind::Shape { what, found: contributions.n_features, expected: d }.into());
    }
    let rows: Vec<&[f64]> = contributions.values.chunks_exact(d.max(1)).collect();
    if rows.is_empty() {
        let what = "the table to tell importance by".into();
        return Err(ErrorKind::NoRows { what, hint: "give it some accounts" }.into());
    }
    let signals = schema.signals.iter().enumerate();
    let signals = signals.map(|(at, signal)| mean_size(&signal.name, rows.iter().map(|row| row[at])));
    let sums: Vec<[f64; 8]> = rows.iter().map(|row| by_dimension(schema, row)).collect();
    let is_there = |dimension: &Dimension| schema.signals.iter().any(|signal| signal.dimension == *dimension);
    let dimensions = Dimension::ALL.into_iter().filter(is_there);
    let dimensions = dimensions
        .map(|dimension| mean_size(dimension.name(), sums.iter().map(|sums| sums[dimension as usize])));
    Ok(Importances { signals: sorted(signals), dimensions: sorted(dimensions) })
}

fn sorted(importances: impl Iterator<Item = Importance>) -> Vec<Importance> {
    let mut importances: Vec<Importance> = importances.collect();
    importances.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    importances
}

fn mean_size(name: &str, values: impl Iterator<Item = f64>) -> Importance {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        sum += value.abs();
        squares += value * value;
    }
    let mean: f64 = sum / n;
    let variance = (squares / n - mean * mean).max(0.0) * n / f64::max(n - 1.0, 1.0);
    let half = 1.96 * (variance / n).sqrt();
    Importance { name: name.to_owned(), mean, low: (mean - half).max(0.0), high: mean + half }
}

/// What a signal does over its range.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalEffect {
    /// The signal.
    pub name: String,
    /// Its values in order, with the effect at each.
    pub points: Vec<EffectPoint>,
}

/// The effect at one value.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectPoint {
    /// The number; NaN for a text.
    pub number: f64,
    /// The text; `None` for a number.
    pub text: Option<String>,
    /// Log-odds against the mean over the accounts.
    pub log_odds: f64,
}

/// Most accounts that an effect is averaged over.
const MOST_ACCOUNTS: usize = 500;
/// Values at which the effect of a number is told.
const N_VALUES: usize = 20;

/// Partial dependence of log-odds on a signal (Friedman 2001, eq. 53): the mean over at most 500 accounts of what the
/// model says with the signal set to each of up to 21 of its values (its texts, the commonest of them), less their mean.
///
/// Where signals go together it asks about accounts that do not exist; [`accumulated_effect`] does not.
///
/// # Errors
/// A signal that is not in the table; a table that the model cannot read.
pub fn partial_dependence(model: &dyn Classifier, table: &Table, signal: &str) -> Result<SignalEffect> {
    let at = position(table, signal)?;
    let sample = sample(table, MOST_ACCOUNTS);
    let values = values_of(&table.columns()[at]);
    let mut points = Vec::with_capacity(values.len());
    for value in values {
        let column = value.column(sample.n_rows());
        points.push(value.at(mean(&model.log_odds(&replaced(&sample, at, column)?)?)));
    }
    Ok(centred(signal, points, None))
}

/// Accumulated local effect of a number on log-odds (Apley & Zhu 2020, eq. 15 and 16): steps between up to 20 of its
/// quantiles, each the mean over the accounts between the two of what the model says at the upper less at the lower end,
/// summed up and centred over the accounts.
///
/// # Errors
/// A signal that is not in the table or holds texts; a table that the model cannot read.
pub fn accumulated_effect(model: &dyn Classifier, table: &Table, signal: &str) -> Result<SignalEffect> {
    let at = position(table, signal)?;
    let Column::Number(values) = &table.columns()[at] else {
        let (column, found, expected) =
            (signal.to_owned(), "text".into(), "numbers, which have an order".into());
        return Err(ErrorKind::ColumnType { column, found, expected }.into());
    };
    let edges = quantiles(values);
    let known: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
    let rows = evenly(&known, 20 * MOST_ACCOUNTS);
    let accounts = table.take(&rows);
    let bin = |row: usize| edges.partition_point(|edge| *edge < values[row]).clamp(1, edges.len().max(2) - 1);
    let bins: Vec<usize> = rows.iter().map(|&row| bin(row)).collect();
    if edges.len() < 2 {
        let points = edges.iter().map(|&number| Value::Number(number).at(0.0)).collect();
        return Ok(centred(signal, points, None));
    }
    let end = |upper: usize| Column::Number(bins.iter().map(|&bin| edges[bin - 1 + upper]).collect());
    let [low, high] = [0, 1].map(|upper| replaced(&accounts, at, end(upper)));
    let (low, high) = (model.log_odds(&low?)?, model.log_odds(&high?)?);
    let (mut sums, mut counts) = (vec![0.0; edges.len()], vec![0.0; edges.len()]);
    for (row, &bin) in bins.iter().enumerate() {
        sums[bin] += high[row] - low[row];
        counts[bin] += 1.0;
    }
    let mut height = 0.0;
    let mut points = Vec::with_capacity(edges.len());
    for (bin, &edge) in edges.iter().enumerate() {
        height += if counts[bin] > 0.0 { sums[bin] / counts[bin] } else { 0.0 };
        points.push(Value::Number(edge).at(height));
    }
    // The accounts of a step lie between its two ends.
    let mut weights: Vec<f64> = counts.iter().map(|count| count / 2.0).collect();
    (1..counts.len()).for_each(|bin| weights[bin - 1] += counts[bin] / 2.0);
    Ok(centred(signal, points, Some(&weights)))
}

/// How much of what two signals do they do together only: Friedman's H (Friedman & Popescu 2008, eq. 44) on up to 40
/// accounts, 0 for two that add up to 1 for two that do nothing alone.
///
/// # Errors
/// As [`partial_dependence`].
pub fn interaction_strength(model: &dyn Classifier, table: &Table, first: &str, second: &str) -> Result<f64> {
    const ACCOUNTS: usize = 40;
    let (a, b) = (position(table, first)?, position(table, second)?);
    let sample = sample(table, ACCOUNTS);
    let both = centred_values(dependence_at_rows(model, &sample, &[a, b])?);
    let [alone_a, alone_b] = [a, b].map(|at| dependence_at_rows(model, &sample, &[at]).map(centred_values));
    let (alone_a, alone_b) = (alone_a?, alone_b?);
    let (mut apart, mut whole) = (0.0, 0.0);
    for (both, (a, b)) in both.into_iter().zip(alone_a.into_iter().zip(alone_b)) {
        apart += (both - a - b).powi(2);
        whole += both * both;
    }
    Ok(if whole > 1e-12 { (apart / whole).sqrt().min(1.0) } else { 0.0 })
}

/// Partial dependence on some columns at their values in each row: `n²` rows are asked about.
fn dependence_at_rows(model: &dyn Classifier, sample: &Table, columns: &[usize]) -> Result<Vec<f64>> {
    let n = sample.n_rows();
    let background: Vec<usize> = (0..n * n).map(|at| at % n).collect();
    let own: Vec<usize> = (0..n * n).map(|at| at / n).collect();
    let cells = sample.names().iter().zip(sample.columns()).enumerate().map(|(at, (name, column))| {
        let rows = if columns.contains(&at) { &own } else { &background };
        (name.clone(), column.take(rows))
    });
    let said = model.log_odds(&Table::new(n * n, cells)?)?;
    Ok(said.chunks_exact(n.max(1)).map(mean).collect())
}

fn centred_values(values: Vec<f64>) -> Vec<f64> {
    let mean = mean(&values);
    values.into_iter().map(|value| value - mean).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Points less their mean, each weighing as given.
fn centred(name: &str, mut points: Vec<EffectPoint>, weights: Option<&[f64]>) -> SignalEffect {
    let weight = |at: usize| weights.map_or(1.0, |weights| weights[at]);
    let total: f64 = (0..points.len()).map(weight).sum();
    let sum: f64 = points.iter().enumerate().map(|(at, point)| weight(at) * point.log_odds).sum();
    let mean = if total > 0.0 { sum / total } else { 0.0 };
    points.iter_mut().for_each(|point| point.log_odds -= mean);
    SignalEffect { name: name.to_owned(), points }
}

/// One value of a signal.
enum Value {
    Number(f64),
    Text(String),
}

impl Value {
    fn column(&self, n_rows: usize) -> Column {
        match self {
            Value::Number(number) => Column::Number(vec![*number; n_rows]),
            Value::Text(text) => {
                Column::Category(Categories::from_texts(std::iter::repeat_n(Some(text.as_str()), n_rows)))
            }
        }
    }

    fn at(self, log_odds: f64) -> EffectPoint {
        match self {
            Value::Number(number) => EffectPoint { number, text: None, log_odds },
            Value::Text(text) => EffectPoint { number: f64::NAN, text: Some(text), log_odds },
        }
    }
}

fn values_of(column: &Column) -> Vec<Value> {
    match column {
        Column::Number(values) => quantiles(values).into_iter().map(Value::Number).collect(),
        Column::Category(categories) => {
            let mut counts = vec![0usize; categories.levels.len()];
            categories.codes.iter().for_each(|&code| {
                if let Some(count) = counts.get_mut(code as usize) {
                    *count += 1;
                }
            });
            let mut levels: Vec<usize> = (0..counts.len()).filter(|&level| counts[level] > 0).collect();
            levels.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then(a.cmp(&b)));
            levels
                .into_iter()
                .take(N_VALUES)
                .map(|level| Value::Text(categories.levels[level].clone()))
                .collect()
        }
    }
}

/// Distinct values at even steps through the ranks, the lowest and highest among them.
fn quantiles(values: &[f64]) -> Vec<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    let Some(last) = known.len().checked_sub(1) else { return Vec::new() };
    let mut quantiles: Vec<f64> = (0..=N_VALUES).map(|step| known[step * last / N_VALUES]).collect();
    quantiles.dedup();
    quantiles
}

fn position(table: &Table, signal: &str) -> Result<usize> {
    table.names().iter().position(|name| name == signal).ok_or_else(|| {
        let (column, found) = (signal.to_owned(), table.names().join(", "));
        ErrorKind::MissingColumn { column, role: "the signal to look at".into(), found }.into()
    })
}

fn sample(table: &Table, most: usize) -> Table {
    let rows: Vec<usize> = (0..table.n_rows()).collect();
    table.take(&evenly(&rows, most))
}

/// At most so many of some rows, evenly through them.
fn evenly(rows: &[usize], most: usize) -> Vec<usize> {
    let n = rows.len().min(most);
    (0..n).map(|at| rows[at * rows.len() / n]).collect()
}

fn replaced(table: &Table, at: usize, column: Column) -> Result<Table> {
    let mut column = Some(column);
    let columns = table.names().iter().zip(table.columns()).enumerate().map(|(other, (name, kept))| {
        let new = if other == at { column.take() } else { None };
        (name.clone(), new.unwrap_or_else(|| kept.clone()))
    });
    Table::new(table.n_rows(), columns.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TableView;
    use crate::model::Features;
    use crate::schema::{Kind, Signal};

    /// `2a + b + c·b`, the categories being worth 0 and 3 where they come alone.
    struct Formula(Features);

    fn numbers(table: &Table, name: &str) -> Vec<f64> {
        match table.column(name) {
            Some(Column::Number(values)) => values.clone(),
            other => panic!("{name}: {other:?}"),
        }
    }

    impl Classifier for Formula {
        fn features(&self) -> &Features {
            &self.0
        }

        fn log_odds(&self, table: &Table) -> Result<Vec<f64>> {
            let [a, b, c] = ["a", "b", "c"].map(|name| numbers(table, name));
            let Some(Column::Category(plan)) = table.column("plan") else { panic!("no plan") };
            let of = |row: usize| {
                let plan = if plan.text(row) == Some("free") { 3.0 } else { 0.0 };
                2.0 * a[row] + b[row] + b[row] * c[row] + plan
            };
            Ok((0..table.n_rows()).map(of).collect())
        }

        fn log_odds_of(&self, _: &TableView<'_>) -> Result<Vec<f64>> {
            unreachable!("a view asks about whole tables")
        }

        fn contributions_of(&self, _: &TableView<'_>) -> Result<Contributions> {
            unreachable!("no view asks for them")
        }

        fn log_odds_of_row(&self, _: &[f64]) -> f64 {
            unreachable!("a view asks about whole tables")
        }
    }

    fn table() -> (Formula, Table) {
        let number =
            |by: f64| Column::Number((0..400).map(|row| (f64::from(row) * by).fract() * 2.0 - 1.0).collect());
        let plan =
            Categories::from_texts((0..400).map(|row| Some(if row % 4 == 0 { "free" } else { "team" })));
        let columns = [
            ("a", number(0.618_034)),
            ("b", number(0.414_214)),
            ("c", number(0.732_051)),
            ("plan", Column::Category(plan)),
        ];
        let table = Table::new(400, columns.map(|(name, column)| (name.to_owned(), column))).unwrap();
        (Formula(Features::of(&table)), table)
    }

    #[test]
    fn both_effects_of_a_line_are_its_slope() {
        let (model, table) = table();
        for effect in [partial_dependence(&model, &table, "a"), accumulated_effect(&model, &table, "a")] {
            let points = effect.unwrap().points;
            let (first, last) = (&points[0], &points[points.len() - 1]);
            let slope = (last.log_odds - first.log_odds) / (last.number - first.number);
            assert!((slope - 2.0).abs() < 1e-9 && points.len() > 15);
            assert!(points.iter().map(|point| point.log_odds).sum::<f64>().abs() < 1.0);
        }
    }

    #[test]
    fn the_effect_of_a_text_is_told_by_text() {
        let (model, table) = table();
        let points = partial_dependence(&model, &table, "plan").unwrap().points;
        assert_eq!(
            points.iter().map(|point| point.text.as_deref().unwrap()).collect::<Vec<_>>(),
            ["team", "free"]
        );
        assert!((points[1].log_odds - points[0].log_odds - 3.0).abs() < 1e-9);
        assert_eq!(
            accumulated_effect(&model, &table, "plan").unwrap_err().to_string(),
            "column `plan` is text, expected numbers, which have an order"
        );
    }

    #[test]
    fn what_works_together_interacts_and_what_adds_up_does_not() {
        let (model, table) = table();
        let strength = |a, b| interaction_strength(&model, &table, a, b).unwrap();
        assert!(strength("a", "b") < 1e-6);
        assert!(strength("b", "c") > 0.3 && strength("b", "c") <= 1.0);
        assert!((strength("b", "c") - strength("c", "b")).abs() < 1e-9);
    }

    #[test]
    fn a_constant_has_no_effect() {
        let (model, table) = table();
        let table = replaced(&table, 2, Column::Number(vec![0.5; 400])).unwrap();
        for effect in [partial_dependence(&model, &table, "c"), accumulated_effect(&model, &table, "c")] {
            assert_eq!(effect.unwrap().points.iter().map(|point| point.log_odds).collect::<Vec<_>>(), [0.0]);
        }
        let empty = replaced(&table, 2, Column::Number(vec![f64::NAN; 400])).unwrap();
        assert!(accumulated_effect(&model, &empty, "c").unwrap().points.is_empty());
        assert!(
            partial_dependence(&model, &table, "z")
                .unwrap_err()
                .to_string()
                .starts_with("column `z` (the signal")
        );
    }

    #[test]
    fn importance_is_the_mean_size_with_its_interval() {
        let signal = |name: &str, dimension| Signal::new(name, dimension, Kind::Number);
        let schema = Schema::new()
            .signal(signal("logins", Dimension::Usage))
            .signal(signal("seats", Dimension::Usage))
            .signal(signal("nps", Dimension::Sentiment));
        let values = [0.5, -0.5, 0.2, -0.5, 0.5, 0.2].into_iter().cycle().take(60).collect();
        let found = importance(&schema, &Contributions { base: 0.0, values, n_features: 3 }).unwrap();
        assert_eq!(found.signals[0].mean, 0.5);
        assert_eq!((found.dimensions[0].name.as_str(), found.dimensions[1].mean), ("sentiment", 0.0));
        assert!(found.signals.iter().all(|signal| signal.low <= signal.mean && signal.mean <= signal.high));
        let none = Contributions { base: 0.0, values: vec![], n_features: 3 };
        assert_eq!(
            importance(&schema, &none).unwrap_err().to_string(),
            "the table to tell importance by has no rows; give it some accounts"
        );
    }
}
