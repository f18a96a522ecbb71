//! The leak check: columns that know what they could not have known, found before a model believes them.
//!
//! Each check asks for evidence that no honest signal gives: nobody knows nine times in ten who will leave. The
//! limits are set by that, with the margin of chance on the side of silence; what stays below them (a call's length,
//! known only once it is over) no table can show.

mod alone;
mod telling;
#[cfg(test)]
mod tests;
mod twins;

use std::fmt;

use rayon::prelude::*;

use super::cell::Cell;
use super::infer;
use super::raw::RawTable;
use super::read::Source;
use super::{Categories, Column, Frame, Table};
use crate::error::{ErrorKind, Result};

/// With fewer rows of either class, nothing can be told from chance.
const MIN_ROWS_OF_A_CLASS: usize = 20;
/// Standard deviations by which a finding must be beyond chance.
const Z: f64 = 2.0;

/// A column that seems to know the label, and what speaks for that.
#[derive(Clone, Debug, PartialEq)]
pub struct Leak {
    /// The column; of rows that are equal in all columns, "(all columns)".
    pub column: String,
    /// The label.
    pub label: String,
    /// What was found.
    pub evidence: Evidence,
}

/// What speaks for a leak. Rates are shares of rows whose label is true.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// The column alone ranks rows too well.
    Alone {
        /// Area under the ROC curve of the label's rate by value, each row scored by other rows.
        auc: f64,
    },
    /// Rows of some value are nearly all true: a value that is only possible after the event?
    Value {
        /// Which rows, in words: "is missing", "is 0", "is not 0", "is above 12".
        which: String,
        /// How many.
        n_rows: usize,
        /// The label's rate there.
        rate: f64,
        /// The label's rate in the other rows.
        rate_elsewhere: f64,
    },
    /// Rows of the same value have the same label: one account in several rows?
    Twins {
        /// Rows that share their value with another.
        n_rows: usize,
        /// Share of pairs whose labels agree.
        agreement: f64,
        /// The share that chance gives.
        by_chance: f64,
    },
    /// An account id stands in several rows, and no date tells them apart.
    RepeatedId {
        /// Different ids.
        n_ids: usize,
        /// Rows that share their id with another.
        n_rows: usize,
    },
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Leak { column, label, evidence } = self;
        let percent = |share: &f64| 100.0 * share;
        match evidence {
            Evidence::Alone { auc } => write!(
                f,
                "`{column}` alone predicts `{label}` with AUC {auc:.3}, beyond what is known beforehand: is it \
                 another form of the label, or written after it?"
            ),
            Evidence::Value { which, n_rows, rate, rate_elsewhere } => write!(
                f,
                "`{column}` {which} in {n_rows} rows, and `{label}` is true in {:.1} % of them ({:.1} % of the \
                 others): is that only possible after the event?",
                percent(rate),
                percent(rate_elsewhere)
            ),
            Evidence::Twins { n_rows, agreement, by_chance } => write!(
                f,
                "`{column}`: {n_rows} rows are the same as others, and `{label}` agrees in {:.1} % of such \
                 pairs ({:.1} % by chance): the same account in several rows? Keep each in one fold",
                percent(agreement),
                percent(by_chance)
            ),
            Evidence::RepeatedId { n_ids, n_rows } => write!(
                f,
                "`{column}` has {n_ids} ids, but {n_rows} rows share theirs with another and no `as_of` tells them \
                 apart: keep each account in one fold"
            ),
        }
    }
}

/// Looks for columns of a table that know its label, at most one finding a column and kind; none where there is
/// nothing to find. Rows whose label is `None` are left out.
///
/// What is looked for: a column that alone ranks the rows with an AUC of .9 or more (cross-fitted); a value, a
/// missing value or a tail that holds at least a twentieth of the true rows and whose rows are nearly all true (nine
/// in ten where missing or present tells, nineteen in twenty else, and five times as often as in false rows); rows
/// equal in one column of many values, or in all, whose labels agree beyond half of what chance leaves open.
/// Everything must hold by two standard deviations.
///
/// ```
/// use keepwell::frame::{Column, Table, leaks};
///
/// let label: Vec<Option<bool>> = (0..500).map(|row| Some(row % 5 == 0)).collect();
/// let left_on = (0..500).map(|row| if row % 5 == 0 { row as f64 } else { f64::NAN }).collect();
/// let seats = (0..500).map(|row| f64::from(row * 7 % 23)).collect();
/// let columns = [("left_on".to_owned(), Column::Number(left_on)), ("seats".to_owned(), Column::Number(seats))];
/// let found = leaks(&Table::new(500, columns)?, &label, "churned")?;
/// assert_eq!(found[0].column, "left_on");
/// assert!(found.iter().all(|leak| leak.column != "seats"));
/// # Ok::<(), keepwell::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] for a label of another length; [`ErrorKind::TooFew`] with fewer than 20 rows of either class.
pub fn leaks(table: &Table, label: &[Option<bool>], name: &str) -> Result<Vec<Leak>> {
    let (table, label) = labelled(table, label, name)?;
    let mut found = signals_that_know(&table, &label, name)?;
    found.extend(twins::find(&table, &label, name, &found));
    Ok(found)
}

impl RawTable {
    /// As [`leaks`], on all columns of the table but the label and those set aside. A column whose cells are all
    /// numbers is taken for numbers, any other for texts.
    ///
    /// An account id (`account_id`, `customer_id` … by name) in several rows is a leak too, unless the table says at
    /// which date each row was known (`as_of`, `as_of_date`, `snapshot_date`).
    ///
    /// # Errors
    /// [`ErrorKind::MissingColumn`]; [`ErrorKind::Value`] for a label that is neither true nor false; as [`leaks`].
    pub fn leaks(&self, label: &str, set_aside: &[String]) -> Result<Vec<Leak>> {
        let source = Source::of_raw(self);
        let answers = source.read(label, "label", Cell::label)?;
        set_aside.iter().try_for_each(|column| source.get(column, "to be set aside").map(drop))?;
        let kept: Vec<usize> = (0..self.names.len())
            .filter(|&at| self.names[at] != label && !set_aside.contains(&self.names[at]))
            .collect();
        let columns: Vec<Column> = kept.par_iter().map(|&at| typed(&source, at)).collect();
        let names = kept.iter().map(|&at| self.names[at].clone());
        let (table, answers) = labelled(&Table::new(self.n_rows, names.zip(columns))?, &answers, label)?;
        let mut found = signals_that_know(&table, &answers, label)?;
        if !self.names.iter().any(|name| infer::names_as_of(name)) {
            found.extend(twins::repeated_ids(&table, label));
            found.extend(twins::find(&table, &answers, label, &found));
        }
        Ok(found)
    }
}

impl Frame {
    /// As [`leaks`], on the signals and each label that the frame has; to be asked before training.
    ///
    /// With `as_of`, an account rightly stands in several rows, and twins are not looked for.
    ///
    /// # Errors
    /// As [`leaks`].
    pub fn leaks(&self) -> Result<Vec<Leak>> {
        let names = &self.schema.labels;
        let labels = [(&names.churn, &self.churn), (&names.expansion, &self.expansion)];
        let mut found = Vec::new();
        for (name, label) in labels {
            let (Some(name), Some(label)) = (name, label) else { continue };
            if self.as_of.is_none() {
                found.extend(leaks(&self.signals, label, name)?);
                continue;
            }
            let (table, label) = labelled(&self.signals, label, name)?;
            found.extend(signals_that_know(&table, &label, name)?);
        }
        Ok(found)
    }
}

/// The rows whose label is known.
fn labelled(table: &Table, label: &[Option<bool>], name: &str) -> Result<(Table, Vec<bool>)> {
    if label.len() != table.n_rows() {
        let what = format!("rows of label `{name}`");
        return Err(ErrorKind::Shape { what, found: label.len(), expected: table.n_rows() }.into());
    }
    let known: Vec<bool> = label.iter().copied().flatten().collect();
    let n_true = known.iter().filter(|label| **label).count();
    for (class, found) in [("true", n_true), ("false", known.len() - n_true)] {
        if found < MIN_ROWS_OF_A_CLASS {
            let what = format!("rows where `{name}` is {class}, to check for leaks");
            return Err(ErrorKind::TooFew { what, found, needed: MIN_ROWS_OF_A_CLASS }.into());
        }
    }
    let rows: Vec<usize> = (0..label.len()).filter(|&row| label[row].is_some()).collect();
    Ok((table.take(&rows), known))
}

fn signals_that_know(table: &Table, label: &[bool], name: &str) -> Result<Vec<Leak>> {
    let columns: Vec<(&String, &Column)> = table.names().iter().zip(table.columns()).collect();
    let check = |(column, values): &(&String, &Column)| {
        let evidence = alone::check(values, label)?.into_iter().chain(telling::check(values, label));
        let leak = |evidence| Leak { column: column.to_string(), label: name.to_owned(), evidence };
        Ok(evidence.map(leak).collect())
    };
    let found: Vec<Vec<Leak>> = columns.par_iter().map(check).collect::<Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Numbers where every cell is one, else texts.
fn typed(source: &Source<'_>, at: usize) -> Column {
    let cells = source.columns[at];
    let numbers: std::result::Result<Vec<f64>, _> =
        (0..source.n_rows).map(|row| cells.cell(row).number()).collect();
    numbers.map(Column::Number).unwrap_or_else(|_| {
        Column::Category(Categories::from_texts((0..source.n_rows).map(|row| match cells.cell(row) {
            Cell::Text(text) => Some(text),
            _ => None,
        })))
    })
}

/// Rows of one value: how many there are and how many of them are true.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    rows: usize,
    trues: usize,
}

impl Tally {
    fn of(label: &[bool]) -> Self {
        Tally { rows: label.len(), trues: label.iter().filter(|label| **label).count() }
    }

    fn add(&mut self, label: bool) {
        self.rows += 1;
        self.trues += usize::from(label);
    }

    fn plus(self, other: Tally) -> Self {
        Tally { rows: self.rows + other.rows, trues: self.trues + other.trues }
    }

    fn less(self, other: Tally) -> Self {
        Tally { rows: self.rows - other.rows, trues: self.trues - other.trues }
    }

    fn rate(self) -> f64 {
        self.trues as f64 / self.rows.max(1) as f64
    }

    /// Lower end of Wilson's interval of the rate (Wilson 1927), `Z` standard deviations below.
    fn least_rate(self) -> f64 {
        if self.rows == 0 {
            return 0.0;
        }
        let (n, p, zz) = (self.rows as f64, self.rate(), Z * Z);
        let spread = Z * (p * (1.0 - p) / n + zz / (4.0 * n * n)).sqrt();
        (p + zz / (2.0 * n) - spread) / (1.0 + zz / n)
    }
}
