//! The leak check: columns that know what they could not have known, found before a model believes them.
//!
//! Each check asks for evidence that no honest signal gives: nobody knows nine times in ten who will leave. The
//! limits are set by that, with the margin of chance on the side of silence; what stays below them (a call's length,
//! known only once it is over) no table can show.

mod alone;
mod over_time;
mod sample;
mod telling;
#[cfg(test)]
mod tests;
mod twins;

use std::collections::HashSet;
use std::fmt;

use jiff::civil::{Date, date};
use rayon::prelude::*;

pub(crate) use sample::{some_accounts, some_rows};

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
/// Everything must hold by two standard deviations. Tables with ids and dates tell more: see [`RawTable::leaks`].
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
    Labelled::of(table.clone(), label, name)?.leaks()
}

/// As [`leaks`], on rows of groups that are known to belong together: so twins are not looked for.
pub(crate) fn leaks_among_groups(table: &Table, label: &[Option<bool>], name: &str) -> Result<Vec<Leak>> {
    Labelled::of(table.clone(), label, name)?.signals_that_know()
}

impl RawTable {
    /// As [`leaks`], on all columns of the table but the label and those set aside. A column whose cells are all
    /// numbers is taken for numbers, one whose cells are all dates for dates, any other for texts.
    ///
    /// An account id (`account_id`, `customer_id` … by name) in several rows is a leak too, unless the table says at
    /// which date each row was known (`as_of`, `as_of_date`, `snapshot_date`). Where it does, two more are looked for,
    /// each told by its rows being nearly all true: a date that is on or after that of its row; and, row by row of an
    /// account, a value that changed since the row before, which is the same before the event and another after it.
    ///
    /// # Errors
    /// [`ErrorKind::MissingColumn`]; [`ErrorKind::Value`] for a label that is neither true nor false; as [`leaks`].
    pub fn leaks(&self, label: &str, set_aside: &[String]) -> Result<Vec<Leak>> {
        of_source(&Source::of_raw(self), label, set_aside)
    }
}

impl Table {
    /// As [`RawTable::leaks`], on a table of numbers and texts.
    ///
    /// # Errors
    /// As there.
    pub fn leaks(&self, label: &str, set_aside: &[String]) -> Result<Vec<Leak>> {
        of_source(&Source::of_table(self), label, set_aside)
    }
}

impl Frame {
    /// As [`leaks`], on the signals and each label that the frame has; to be asked before training.
    ///
    /// With `as_of`, an account rightly stands in several rows, and twins are not looked for; but for values that change
    /// with the event, as [`RawTable::leaks`] does.
    ///
    /// # Errors
    /// As [`leaks`].
    pub fn leaks(&self) -> Result<Vec<Leak>> {
        let names = &self.schema.labels;
        let labels = [(&names.churn, &self.churn), (&names.expansion, &self.expansion)];
        let mut found = Vec::new();
        for (name, label) in labels {
            let (Some(name), Some(label)) = (name, label) else { continue };
            found.extend(self.leaks_of(name, label)?);
        }
        Ok(found)
    }

    /// As [`leaks`](Self::leaks), for one label.
    ///
    /// # Errors
    /// As [`leaks`].
    pub fn leaks_of(&self, name: &str, label: &[Option<bool>]) -> Result<Vec<Leak>> {
        let mut labelled = Labelled::of(Table::clone(&self.signals), label, name)?;
        if let Some(as_of) = &self.as_of {
            let dates = labelled.rows.iter().map(|&row| days(as_of[row]));
            labelled.as_of = Some(dates.collect());
            let ids: Vec<Option<&str>> =
                labelled.rows.iter().map(|&row| Some(self.ids[row].as_str())).collect();
            labelled.before = over_time::before(&ids, labelled.as_of.as_deref().unwrap_or_default());
        }
        labelled.leaks()
    }
}

fn of_source(source: &Source<'_>, label: &str, set_aside: &[String]) -> Result<Vec<Leak>> {
    let answers = source.read(label, "label", Cell::label)?;
    set_aside.iter().try_for_each(|column| source.get(column, "to be set aside").map(drop))?;
    let named = |names: fn(&str) -> bool| {
        let is_asked = |name: &&String| names(name) && *name != label && !set_aside.contains(name);
        source.names.iter().find(is_asked)
    };
    let (id, as_of) = (named(infer::names_id), named(infer::names_as_of));
    let kept: Vec<usize> = (0..source.names.len())
        .filter(|&at| {
            let name = &source.names[at];
            name != label && !set_aside.contains(name) && Some(name) != as_of
        })
        .collect();
    let columns: Vec<(Column, bool)> = kept.par_iter().map(|&at| typed(source, at)).collect();
    let (columns, are_dates): (Vec<Column>, Vec<bool>) = columns.into_iter().unzip();
    let names = || kept.iter().map(|&at| source.names[at].clone());
    let table = Table::new(source.n_rows, names().zip(columns))?;
    let mut labelled = Labelled::of(table, &answers, label)?;
    labelled.dates = names().zip(are_dates).filter_map(|(name, is_date)| is_date.then_some(name)).collect();
    match (as_of, id) {
        (Some(as_of), id) => {
            let dates = source.get(as_of, "date of each row")?;
            let day = |&row: &usize| dates.cell(row).date().ok().flatten().map_or(f64::NAN, days);
            let dates: Vec<f64> = labelled.rows.iter().map(day).collect();
            if let Some(id) = id {
                let cells = source.get(id, "account id")?;
                let texts: Vec<String> = labelled.rows.iter().map(|&row| cells.cell(row).shown()).collect();
                let ids: Vec<Option<&str>> =
                    texts.iter().map(|id| (!id.is_empty()).then_some(id.as_str())).collect();
                labelled.before = over_time::before(&ids, &dates);
            }
            labelled.as_of = Some(dates);
            labelled.leaks()
        }
        (None, _) => {
            let mut found = labelled.signals_that_know()?;
            found.extend(twins::repeated_ids(&labelled.table, label));
            found.extend(twins::find(&labelled.table, &labelled.label, label, &found));
            Ok(found)
        }
    }
}

/// The rows whose label is known.
struct Labelled<'a> {
    name: &'a str,
    /// Their places in the whole table.
    rows: Vec<usize>,
    table: Table,
    label: Vec<bool>,
    /// Columns that hold days since 1970-01-01.
    dates: HashSet<String>,
    /// The day on which each row was known, NaN where nobody knows.
    as_of: Option<Vec<f64>>,
    /// The row of the same account at the date before.
    before: Option<Vec<Option<usize>>>,
}

impl<'a> Labelled<'a> {
    fn of(table: Table, label: &[Option<bool>], name: &'a str) -> Result<Self> {
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
        let table = if rows.len() < label.len() { table.take(&rows) } else { table };
        Ok(Labelled { name, rows, table, label: known, dates: HashSet::new(), as_of: None, before: None })
    }

    /// Twins only where no date tells an account's rows apart.
    fn leaks(&self) -> Result<Vec<Leak>> {
        let mut found = self.signals_that_know()?;
        if self.as_of.is_none() {
            found.extend(twins::find(&self.table, &self.label, self.name, &found));
        }
        Ok(found)
    }

    fn signals_that_know(&self) -> Result<Vec<Leak>> {
        let columns: Vec<(&String, &Column)> = self.table.names().iter().zip(self.table.columns()).collect();
        let check = |(column, values): &(&String, &Column)| {
            let leak = |evidence| Leak { column: column.to_string(), label: self.name.to_owned(), evidence };
            Ok(self.evidence(column, values)?.into_iter().map(leak).collect())
        };
        let found: Vec<Vec<Leak>> = columns.par_iter().map(check).collect::<Result<_>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    fn evidence(&self, column: &str, values: &Column) -> Result<Vec<Evidence>> {
        let is_date = self.dates.contains(column);
        let shown: telling::Shown =
            if is_date { |days| day_of(days).to_string() } else { |value| value.to_string() };
        let mut found = Vec::from_iter(alone::check(values, &self.label)?);
        found.extend(telling::check(values, &self.label, shown));
        if let (Column::Number(days), Some(as_of), true) = (values, &self.as_of, is_date && found.is_empty())
        {
            found.extend(over_time::after(days, as_of, &self.label));
        }
        if let (Some(before), true) = (&self.before, found.is_empty()) {
            found.extend(over_time::changed(values, before, &self.label));
        }
        Ok(found)
    }
}

const EPOCH: Date = date(1970, 1, 1);

fn days(day: Date) -> f64 {
    (day.duration_since(EPOCH).as_hours() / 24) as f64
}

fn day_of(days: f64) -> Date {
    EPOCH.saturating_add(jiff::SignedDuration::from_hours(24 * days as i64))
}

/// Numbers where every cell is one; days since 1970-01-01 where every cell is a date, which is then true; else texts.
fn typed(source: &Source<'_>, at: usize) -> (Column, bool) {
    let cells = source.columns[at];
    let of_rows = |read: fn(Cell<'_>) -> std::result::Result<f64, &'static str>| {
        (0..source.n_rows).map(|row| read(cells.cell(row))).collect::<std::result::Result<Vec<f64>, _>>().ok()
    };
    if let Some(numbers) = of_rows(|cell| cell.number()) {
        return (Column::Number(numbers), false);
    }
    if let Some(dates) = of_rows(|cell| Ok(cell.date()?.map_or(f64::NAN, days))) {
        return (Column::Number(dates), true);
    }
    let texts = (0..source.n_rows).map(|row| match cells.cell(row) {
        Cell::Text(text) => Some(text),
        _ => None,
    });
    (Column::Category(Categories::from_texts(texts)), false)
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
