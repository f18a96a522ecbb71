//! The columns a model was fitted on, by name and kind, and how later tables are read into them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, ColumnRef, Numbers, TableView};
use crate::tree::{ColumnView, MISSING_CODE, UNSEEN_CODE};

/// What a column held when the model was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FeatureKind {
    /// Numbers, NaN missing.
    Number,
    /// Texts, with the levels that training saw.
    Category {
        /// `levels[code]`, in the order of the training table's dictionary.
        levels: Arc<[String]>,
    },
}

/// The `d` columns of a fitted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    names: Vec<String>,
    kinds: Vec<FeatureKind>,
}

/// A column in a model's own codes: numbers where they stand, categories recoded.
#[derive(Clone, Debug)]
pub enum EncodedColumn<'a> {
    /// Numbers, NaN missing.
    Number(Numbers<'a>),
    /// Codes of the training levels, [`MISSING_CODE`] or [`UNSEEN_CODE`].
    Category {
        /// One code a row.
        codes: Cow<'a, [u32]>,
        /// Number of levels that training saw.
        n_levels: usize,
    },
}

impl EncodedColumn<'_> {
    /// The column as the trees read it.
    pub fn view(&self) -> ColumnView<'_> {
        match self {
            EncodedColumn::Number(Numbers::F64(values)) => ColumnView::F64(values),
            EncodedColumn::Number(Numbers::F32(values)) => ColumnView::F32(values),
            EncodedColumn::Number(Numbers::Read(reader)) => {
                ColumnView::Read { n_rows: reader.n_rows(), read: reader.rows() }
            }
            EncodedColumn::Category { codes, n_levels } => {
                ColumnView::Category { codes, n_levels: *n_levels }
            }
        }
    }
}

impl Features {
    /// Notes the names, kinds and levels of a training table.
    pub fn of<'a>(table: impl Into<TableView<'a>>) -> Self {
        let table = table.into();
        let kind = |column: &ColumnRef<'_>| match column {
            ColumnRef::Number(_) => FeatureKind::Number,
            ColumnRef::Category(categories) => FeatureKind::Category { levels: categories.levels.clone() },
        };
        Features { names: table.names().to_vec(), kinds: table.columns().iter().map(kind).collect() }
    }

    /// Columns of these names and kinds, as many of the one as of the other.
    pub(crate) fn new(names: Vec<String>, kinds: Vec<FeatureKind>) -> Self {
        Features { names, kinds }
    }

    /// Names of the `d` columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Kinds of the `d` columns.
    pub fn kinds(&self) -> &[FeatureKind] {
        &self.kinds
    }

    /// Whether every column is of numbers.
    pub fn are_numbers(&self) -> bool {
        self.kinds.iter().all(|kind| *kind == FeatureKind::Number)
    }

    /// Finds the model's columns in a table by name and recodes its categories.
    ///
    /// # Errors
    /// A column that is missing, or that holds texts where training saw numbers or the reverse.
    /// Columns that the model does not know are passed over.
    pub fn encode<'a>(&self, table: impl Into<TableView<'a>>) -> Result<Vec<EncodedColumn<'a>>> {
        let table = table.into();
        let column =
            |at: usize| encode_column(&self.names[at], &self.kinds[at], find(&table, &self.names[at], at)?);
        (0..self.names.len()).map(column).collect()
    }

    /// A row of `d` numbers, as the models' `…_of_row` take it, as `d` columns of one row.
    pub(crate) fn columns_of_row<'a>(&self, row: &'a [f64]) -> Vec<EncodedColumn<'a>> {
        let column = |(value, kind): (&'a f64, &FeatureKind)| match kind {
            FeatureKind::Number => EncodedColumn::Number(Numbers::F64(std::slice::from_ref(value))),
            FeatureKind::Category { levels } => {
                let codes = Cow::Owned(vec![code_of_number(*value, levels.len())]);
                EncodedColumn::Category { codes, n_levels: levels.len() }
            }
        };
        row.iter().zip(&self.kinds).map(column).collect()
    }
}

/// The code that [`level_number`](crate::tree::level_number) told as a number.
fn code_of_number(number: f64, n_levels: usize) -> u32 {
    match number {
        number if number.is_nan() => MISSING_CODE,
        number if number >= 0.0 && number < n_levels as f64 => number as u32,
        _ => UNSEEN_CODE,
    }
}

/// The column of that name, which mostly stands where it stood in training.
fn find<'t, 'a>(table: &'t TableView<'a>, name: &str, at: usize) -> Result<&'t ColumnRef<'a>> {
    let here = table.names().get(at).is_some_and(|other| other == name).then(|| &table.columns()[at]);
    let missing = || ErrorKind::MissingColumn {
        column: name.to_owned(),
        role: "a feature the model was trained on".into(),
        found: table.names().join(", "),
    };
    Ok(here.or_else(|| table.column(name)).ok_or_else(missing)?)
}

fn encode_column<'a>(name: &str, kind: &FeatureKind, column: &ColumnRef<'a>) -> Result<EncodedColumn<'a>> {
    match (kind, column) {
        (FeatureKind::Number, ColumnRef::Number(numbers)) => Ok(EncodedColumn::Number(numbers.clone())),
        (FeatureKind::Category { levels }, ColumnRef::Category(categories)) => {
            let codes = match categories {
                Cow::Borrowed(categories) => recode(categories, levels),
                Cow::Owned(categories) => Cow::Owned(recode(categories, levels).into_owned()),
            };
            Ok(EncodedColumn::Category { codes, n_levels: levels.len() })
        }
        (FeatureKind::Category { levels }, ColumnRef::Number(numbers))
            if numbers.position(|value| !value.is_nan()).is_none() =>
        {
            let codes = Cow::Owned(vec![MISSING_CODE; numbers.len()]);
            Ok(EncodedColumn::Category { codes, n_levels: levels.len() })
        }
        (FeatureKind::Number, ColumnRef::Category(_)) => Err(wrong_type(name, "text", "numbers")),
        (FeatureKind::Category { .. }, ColumnRef::Number(_)) => Err(wrong_type(name, "numbers", "text")),
    }
}

fn wrong_type(column: &str, found: &str, trained: &str) -> crate::Error {
    let expected = format!("{trained}, as in the training table");
    ErrorKind::ColumnType { column: column.into(), found: found.into(), expected }.into()
}

/// Up to so many levels of a table, as of a single account, are looked for one after the other.
const FEW_LEVELS: usize = 2;

fn recode<'a>(categories: &'a Categories, levels: &Arc<[String]>) -> Cow<'a, [u32]> {
    if Arc::ptr_eq(&categories.levels, levels) || categories.levels == *levels {
        return Cow::Borrowed(&categories.codes);
    }
    let map: Vec<u32> = if categories.levels.len() <= FEW_LEVELS {
        let place = |level: &String| levels.iter().position(|other| other == level);
        categories.levels.iter().map(|level| place(level).map_or(UNSEEN_CODE, |at| at as u32)).collect()
    } else {
        let index: HashMap<&str, u32> =
            levels.iter().zip(0..).map(|(level, code)| (level.as_str(), code)).collect();
        categories.levels.iter().map(|level| *index.get(level.as_str()).unwrap_or(&UNSEEN_CODE)).collect()
    };
    let code_of = |code: &u32| map.get(*code as usize).copied().unwrap_or(MISSING_CODE);
    Cow::Owned(categories.codes.iter().map(code_of).collect())
}
