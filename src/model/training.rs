//! What every training begins with: a look at table, labels and weights, folds, and threads.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayBase, Axis, Data, Ix2};

use crate::error::{Error, ErrorKind, Result};
use crate::frame::split::{GroupedFolds, StratifiedFolds};
use crate::frame::{Column, ColumnRef, Table, TableView};
use crate::model::loss::RegressionLoss;
use crate::model::{OnProgress, Progress};

/// Whether labels and weights fit the table, are of both classes, and all numbers can be learned from.
pub(crate) fn check_training<'a>(
    table: impl Into<TableView<'a>>,
    y: &[bool],
    weights: Option<&[f64]>,
) -> Result<()> {
    let table = &table.into();
    check_rows(table, y.len(), weights, "give rows of both classes to learn from")?;
    check_classes(y, weights)?;
    table.check_finite()
}

/// Whether numbers to predict and weights fit the table, the loss can take them, and all columns can be learned from.
pub(crate) fn check_numbers(
    table: &TableView<'_>,
    y: &[f64],
    weights: Option<&[f64]>,
    loss: RegressionLoss,
) -> Result<()> {
    check_rows(table, y.len(), weights, "give rows to learn from")?;
    loss.check_targets("targets", y)?;
    let weighs = |row: &usize| weights.is_none_or(|weights| weights[*row] > 0.0);
    let mut rows = (0..y.len()).filter(weighs).peekable();
    if rows.peek().is_none() {
        return Err(no_weight());
    }
    if loss == RegressionLoss::Poisson && rows.all(|row| y[row] == 0.0) {
        let what = "the training table, targets of 0 aside,".into();
        return Err(ErrorKind::NoRows { what, hint: "give the Poisson loss some target above 0" }.into());
    }
    table.check_finite()
}

fn check_rows(
    table: &TableView<'_>,
    n_targets: usize,
    weights: Option<&[f64]>,
    hint: &'static str,
) -> Result<()> {
    if table.n_rows() == 0 {
        return Err(ErrorKind::NoRows { what: "the training table".into(), hint }.into());
    }
    check_length("number of labels", n_targets, table.n_rows())?;
    weights.map_or(Ok(()), |weights| check_weights("weights", weights, table.n_rows()))
}

fn no_weight() -> Error {
    let what = "the training table, weights of 0 aside,".into();
    ErrorKind::NoRows { what, hint: "give some rows a weight above 0" }.into()
}

pub(crate) fn check_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(ErrorKind::Shape { what: what.into(), found, expected }.into())
}

/// The largest weight: squares of sums of weights have to stay finite.
const MOST_WEIGHT: f64 = 1e100;

pub(crate) fn check_weights(what: &str, weights: &[f64], n_rows: usize) -> Result<()> {
    check_length(&format!("number of {what}"), weights.len(), n_rows)?;
    let wrong = |weight: &f64| !(0.0..=MOST_WEIGHT).contains(weight);
    let Some(at) = weights.iter().position(wrong) else { return Ok(()) };
    let (what, expected) = (what.into(), "a number from 0 to 1e100");
    Err(ErrorKind::Number { what, row: at + 1, value: weights[at], expected }.into())
}

fn check_classes(y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    let [n_false, n_true] = class_counts(y, weights);
    let class = match (n_false, n_true) {
        (1.., 1..) => return Ok(()),
        (1.., 0) => "false",
        (0, 1..) => "true",
        (0, 0) => return Err(no_weight()),
    };
    Err(ErrorKind::OneClass { label: "y".into(), class, n_rows: y.len() }.into())
}

/// A direction a column in the table's order, 0 where `monotonic` does not name it.
pub(crate) fn directions(table: &TableView<'_>, monotonic: &BTreeMap<String, i8>) -> Result<Vec<i8>> {
    monotonic.iter().try_for_each(|(name, direction)| check_direction(table, name, *direction))?;
    Ok(table.names().iter().map(|name| monotonic.get(name).copied().unwrap_or(0)).collect())
}

/// Positions of the columns of each group.
pub(crate) fn interaction_groups(table: &TableView<'_>, groups: &[Vec<String>]) -> Result<Vec<Vec<usize>>> {
    let place = |name: &String| {
        let at = table.names().iter().position(|other| other == name);
        at.ok_or_else(|| not_there(table, name, "interaction_cst"))
    };
    groups.iter().map(|group| group.iter().map(place).collect()).collect()
}

/// A parameter names a column that is not in the table.
fn not_there(table: &TableView<'_>, name: &str, parameter: &str) -> Error {
    let (column, role) = (name.to_owned(), format!("named in `{parameter}`"));
    ErrorKind::MissingColumn { column, role, found: table.names().join(", ") }.into()
}

fn check_direction(table: &TableView<'_>, name: &str, direction: i8) -> Result<()> {
    match table.column(name).ok_or_else(|| not_there(table, name, "monotonic"))? {
        ColumnRef::Category(_) if direction != 0 => Err(ErrorKind::ColumnType {
            column: name.to_owned(),
            found: "text".into(),
            expected: "numbers, since `monotonic` names it; a category has no direction".into(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Rows of positive weight: of the negative class, of the positive class.
fn class_counts(y: &[bool], weights: Option<&[f64]>) -> [usize; 2] {
    let mut counts = [0; 2];
    let weighs = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
    (0..y.len()).filter(|&row| weighs(row)).for_each(|row| counts[usize::from(y[row])] += 1);
    counts
}

/// The rows of positive weight with their labels and weights, where there are others: a row without weight is as
/// good as not there.
pub(crate) fn rows_that_weigh(
    table: &TableView<'_>,
    y: &[bool],
    weights: Option<&[f64]>,
) -> Option<(Table, Vec<bool>, Vec<f64>)> {
    let weights = weights.filter(|weights| weights.contains(&0.0))?;
    let kept: Vec<usize> = (0..weights.len()).filter(|&row| weights[row] > 0.0).collect();
    let y = kept.iter().map(|&row| y[row]).collect();
    Some((table.take(&kept), y, kept.iter().map(|&row| weights[row]).collect()))
}

/// Rows to learn from and rows left out, fold by fold: each with its share of both classes, at most as many folds as
/// the rarer class has rows. `None` where that leaves less than two.
pub(crate) fn stratified_folds(
    y: &[bool],
    n_folds: usize,
    random_state: u64,
) -> Result<Option<Vec<FoldRows>>> {
    let [n_false, n_true] = class_counts(y, None);
    let n_folds = n_folds.min(n_false).min(n_true);
    if n_folds < 2 {
        return Ok(None);
    }
    let fold_of_row = StratifiedFolds::new(n_folds, random_state).fold_of_rows(y)?;
    Ok(Some((0..n_folds).map(|fold| fold_rows(&fold_of_row, fold)).collect()))
}

/// Rows to learn from and rows left out, ascending.
pub(crate) type FoldRows = (Vec<u32>, Vec<u32>);

/// As [`stratified_folds`], with all rows of an account in one fold: an account that was learned from says of its own
/// other rows what it knows of itself, not what the model knows. At most as many folds as the rarer class has accounts.
pub(crate) fn grouped_folds(
    ids: &[String],
    y: &[bool],
    n_folds: usize,
    random_state: u64,
) -> Result<Option<Vec<FoldRows>>> {
    let accounts = |class: Option<bool>| {
        let rows = ids.iter().zip(y).filter(|(_, y)| class.is_none_or(|class| **y == class));
        rows.map(|(id, _)| id).collect::<HashSet<_>>().len()
    };
    if accounts(None) == ids.len() {
        return stratified_folds(y, n_folds, random_state);
    }
    let n_folds = n_folds.min(accounts(Some(false))).min(accounts(Some(true)));
    if n_folds < 2 {
        return Ok(None);
    }
    let fold_of_row = GroupedFolds::new(n_folds, random_state).fold_of_rows(ids, y)?;
    let folds: Vec<_> = (0..n_folds).map(|fold| fold_rows(&fold_of_row, fold)).collect();
    // Accounts of very unlike size may leave a fold with one class to learn from.
    let has_both =
        |rows: &[u32]| [true, false].map(|c| rows.iter().any(|&row| y[row as usize] == c)) == [true; 2];
    Ok(folds.iter().all(|(train, _)| has_both(train)).then_some(folds))
}

/// The rows outside and inside a fold, ascending.
fn fold_rows(fold_of_row: &[usize], fold: usize) -> (Vec<u32>, Vec<u32>) {
    (0..fold_of_row.len() as u32).partition(|&row| fold_of_row[row as usize] != fold)
}

/// A linfa dataset's records, `n × d`, as a table; columns without a name are `x0`, `x1` …
pub(crate) fn table_of<D: Data<Elem = f64>>(records: &ArrayBase<D, Ix2>, names: &[String]) -> Result<Table> {
    let name = |at: usize| names.get(at).cloned().unwrap_or_else(|| format!("x{at}"));
    let columns = records.axis_iter(Axis(1)).enumerate();
    Table::new(records.nrows(), columns.map(|(at, column)| (name(at), Column::Number(column.to_vec()))))
}

/// Counts finished steps for the progress callback, one caller at a time so that the share never falls.
pub(crate) struct Steps<'a> {
    done: Mutex<usize>,
    n_steps: usize,
    on_progress: OnProgress<'a>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(n_steps: usize, on_progress: OnProgress<'a>) -> Self {
        Steps { done: Mutex::new(0), n_steps, on_progress }
    }

    pub(crate) fn tell(&self, newly_done: usize, stage: &'static str) -> ControlFlow<()> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += newly_done;
        (self.on_progress)(Progress { done: *done as f64 / self.n_steps as f64, stage })
    }

    pub(crate) fn finish(&self, stage: &'static str) -> Result<()> {
        match self.tell(1, stage) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ErrorKind::Cancelled.into()),
        }
    }
}

/// Runs with `n_jobs` threads, in a pool of that size, or in rayon's current one where it is `None`.
///
/// It runs on a thread of the pool: one from outside would fall asleep and be woken at every step that is shared out.
pub(crate) fn with_threads<T: Send>(
    n_jobs: Option<usize>,
    run: impl FnOnce(usize) -> Result<T> + Send,
) -> Result<T> {
    match n_jobs {
        Some(n_jobs) if n_jobs != rayon::current_num_threads() => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_jobs).build();
            pool.map_err(|error| no_threads(n_jobs, &error))?.install(|| run(n_jobs))
        }
        _ => rayon::scope(|_| run(rayon::current_num_threads())),
    }
}

fn no_threads(n_jobs: usize, error: &dyn std::error::Error) -> Error {
    let expected = "a number of threads that the system can start";
    ErrorKind::Parameter { name: "n_jobs", value: format!("{n_jobs} ({error})"), expected }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: Vec<f64>) -> Table {
        Table::new(values.len(), [("logins".to_owned(), Column::Number(values))]).unwrap()
    }

    #[test]
    fn what_cannot_be_learned_from_is_named() {
        let two = table(vec![1.0, 2.0]);
        let refusal = |table: &Table, y: &[bool], weights: Option<&[f64]>| {
            check_training(table, y, weights).unwrap_err().to_string()
        };
        let y = [true, false];
        let cases = [
            (
                refusal(&table(vec![]), &[], None),
                "the training table has no rows; give rows of both classes to learn from",
            ),
            (refusal(&two, &[true], None), "number of labels: found 1, expected 2"),
            (refusal(&two, &y, Some(&[1.0])), "number of weights: found 1, expected 2"),
            (
                refusal(&two, &y, Some(&[1.0, -1.0])),
                "weights, row 2: found -1, expected a number from 0 to 1e100",
            ),
            (
                refusal(&two, &y, Some(&[f64::NAN, 1.0])),
                "weights, row 1: found NaN, expected a number from 0 to 1e100",
            ),
            (
                refusal(&two, &y, Some(&[1.0, 1e300])).replace(&"0".repeat(300), "…"),
                "weights, row 2: found 1…, expected a number from 0 to 1e100",
            ),
            (
                refusal(&two, &[true; 2], None),
                "label `y` is true in all 2 rows; a model needs rows of both classes",
            ),
            (
                refusal(&two, &y, Some(&[0.0, 1.0])),
                "label `y` is false in all 2 rows; a model needs rows of both classes",
            ),
            (
                refusal(&two, &y, Some(&[0.0, 0.0])),
                "the training table, weights of 0 aside, has no rows; give some rows a weight above 0",
            ),
            (
                refusal(&table(vec![1.0, f64::NEG_INFINITY]), &y, None),
                "column `logins`, row 2: found `-inf`, expected a finite number, or none (NaN) where it is missing",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
        assert!(check_training(&table(vec![f64::NAN, 1.0]), &y, Some(&[0.5, 2.0])).is_ok());
    }

    #[test]
    fn folds_leave_every_row_out_once_and_are_as_many_as_there_can_be() {
        let y: Vec<bool> = (0..23).map(|row| row % 7 == 0).collect();
        let folds = stratified_folds(&y, 5, 1).unwrap().unwrap();
        assert_eq!(folds.len(), 4);
        let mut left_out: Vec<u32> = folds.iter().flat_map(|(_, valid)| valid.clone()).collect();
        left_out.sort_unstable();
        assert_eq!(left_out, (0..23).collect::<Vec<u32>>());
        assert!(folds.iter().all(|(train, valid)| train.len() + valid.len() == 23));
        assert!(stratified_folds(&[true, false, false], 5, 1).unwrap().is_none());
    }

    #[test]
    fn an_account_is_left_out_with_all_its_rows() {
        let ids: Vec<String> = (0..40).map(|row| format!("A{}", row / 4)).collect();
        let y: Vec<bool> = (0..40).map(|row| row % 12 < 4).collect();
        let folds = grouped_folds(&ids, &y, 5, 1).unwrap().unwrap();
        assert_eq!(folds.len(), 4, "four of the ten accounts left");
        for (train, valid) in &folds {
            assert_eq!(train.len() + valid.len(), 40);
            assert!(
                valid.iter().all(|&row| train.iter().all(|&other| ids[row as usize] != ids[other as usize]))
            );
        }
        let alone: Vec<bool> = (0..40).map(|row| row < 4).collect();
        assert!(
            grouped_folds(&ids, &alone, 5, 1).unwrap().is_none(),
            "one account left: none can be left out"
        );
    }
}
