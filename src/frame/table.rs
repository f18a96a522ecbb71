//! Plain columns without roles: what an estimator is fitted on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;

/// A category column as a dictionary: `codes[row]` is an index into `levels`, or [`MISSING_CODE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Categories {
    /// One code a row.
    pub codes: Vec<u32>,
    /// The distinct texts, in the order they were met.
    pub levels: Arc<[String]>,
}

impl Categories {
    /// Builds the dictionary from one optional text a row.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut levels = LevelIndex::default();
        let codes =
            texts.into_iter().map(|text| text.map_or(MISSING_CODE, |text| levels.code(text))).collect();
        Categories { codes, levels: levels.levels.into() }
    }

    /// The same from the places of the rows' texts in dictionaries, which may repeat a text or hold what no row has.
    pub(super) fn from_dictionaries<'a>(
        parts: impl IntoIterator<Item = (Vec<Option<usize>>, Vec<Option<&'a str>>)>,
    ) -> Self {
        let (mut codes, mut levels) = (Vec::new(), LevelIndex::default());
        for (places, texts) in parts {
            let mut known: Vec<Option<u32>> = vec![None; texts.len()];
            let mut code = |place: usize| {
                let code_of_text = || texts[place].map_or(MISSING_CODE, |text| levels.code(text));
                *known[place].get_or_insert_with(code_of_text)
            };
            codes.extend(places.into_iter().map(|place| place.map_or(MISSING_CODE, &mut code)));
        }
        Categories { codes, levels: levels.levels.into() }
    }

    /// The text of a row, `None` where it is missing.
    pub fn text(&self, row: usize) -> Option<&str> {
        self.levels.get(self.codes[row] as usize).map(String::as_str)
    }

    /// The rows named, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        Categories { codes: rows.iter().map(|&row| self.codes[row]).collect(), levels: self.levels.clone() }
    }
}

/// Levels in the order in which they are met.
#[derive(Default)]
struct LevelIndex<'a> {
    codes: std::collections::HashMap<&'a str, u32>,
    levels: Vec<String>,
}

impl<'a> LevelIndex<'a> {
    fn code(&mut self, text: &'a str) -> u32 {
        *self.codes.entry(text).or_insert_with(|| {
            self.levels.push(text.to_owned());
            self.levels.len() as u32 - 1
        })
    }
}

/// One column of `n` rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Column {
    /// Numbers, counts, shares and flags (0 or 1). NaN is missing.
    Number(Vec<f64>),
    /// Texts by dictionary.
    Category(Categories),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Number(values) => values.len(),
            Column::Category(categories) => categories.codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the row's value is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Column::Number(values) => values[row].is_nan(),
            Column::Category(categories) => categories.codes[row] == MISSING_CODE,
        }
    }

    /// The rows named, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Column::Number(values) => Column::Number(rows.iter().map(|&row| values[row]).collect()),
            Column::Category(categories) => Column::Category(categories.take(rows)),
        }
    }
}

/// Named columns of equal length: `n` rows × `d` columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    n_rows: usize,
}

impl Table {
    /// Puts columns together; all must be `n_rows` long and have distinct names.
    pub fn new(n_rows: usize, columns: impl IntoIterator<Item = (String, Column)>) -> Result<Self> {
        let mut table = Table { n_rows, ..Table::default() };
        for (name, column) in columns {
            table.push(name, column)?;
        }
        Ok(table)
    }

    /// Columns that are known to be `n_rows` long under names that are known to differ.
    pub(super) fn of_distinct(n_rows: usize, names: Vec<String>, columns: Vec<Column>) -> Self {
        Table { names, columns, n_rows }
    }

    /// Adds a column of the same length under a new name.
    pub fn push(&mut self, name: String, column: Column) -> Result<()> {
        if column.len() != self.n_rows {
            let what = format!("rows of column `{name}`");
            return Err(ErrorKind::Shape { what, found: column.len(), expected: self.n_rows }.into());
        }
        if self.names.contains(&name) {
            return Err(stands_twice(&name));
        }
        self.names.push(name);
        self.columns.push(column);
        Ok(())
    }

    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns' names, `d` of them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns, in the order of [`names`](Self::names).
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The same columns, one of them under another name.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] where another column has that name.
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Result<Self> {
        if from != to && self.names.iter().any(|name| name == to) {
            return Err(stands_twice(to));
        }
        self.names.iter_mut().filter(|name| *name == from).for_each(|name| to.clone_into(name));
        Ok(self)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.names.iter().position(|other| other == name).map(|at| &self.columns[at])
    }

    /// The rows named, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        Table {
            names: self.names.clone(),
            columns: self.columns.iter().map(|column| column.take(rows)).collect(),
            n_rows: rows.len(),
        }
    }
}

pub(super) fn stands_twice(name: &str) -> crate::Error {
    ErrorKind::Schema(format!("column `{name}` stands twice; give each its own name")).into()
}
