//! The columns a model was fitted on, by name and kind, and how later tables are read into them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, Table};
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

/// A column in a model's own codes: numbers borrowed, categories recoded.
#[derive(Clone, Debug)]
pub enum EncodedColumn<'a> {
    /// Numbers, NaN missing.
    Number(&'a [f64]),
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
            EncodedColumn::Number(values) => ColumnView::F64(values),
            EncodedColumn::Category { codes, n_levels } => {
                ColumnView::Category { codes, n_levels: *n_levels }
            }
        }
    }
}

impl Features {
    /// Notes the names, kinds and levels of a training table.
    pub fn of(table: &Table) -> Self {
        let kind = |column: &Column| match column {
            Column::Number(_) => FeatureKind::Number,
            Column::Category(categories) => FeatureKind::Category { levels: categories.levels.clone() },
        };
        Features { names: table.names().to_vec(), kinds: table.columns().iter().map(kind).collect() }
    }

    /// Names of the `d` columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Kinds of the `d` columns.
    pub fn kinds(&self) -> &[FeatureKind] {
        &self.kinds
    }

    /// Finds the model's columns in a table by name and recodes its categories.
    ///
    /// # Errors
    /// A column that is missing, or that holds texts where training saw numbers or the reverse.
    /// Columns that the model does not know are passed over.
    pub fn encode<'a>(&self, table: &'a Table) -> Result<Vec<EncodedColumn<'a>>> {
        self.names.iter().zip(&self.kinds).map(|(name, kind)| encode_column(name, kind, table)).collect()
    }
}

fn encode_column<'a>(name: &str, kind: &FeatureKind, table: &'a Table) -> Result<EncodedColumn<'a>> {
    let column = table.column(name).ok_or_else(|| ErrorKind::MissingColumn {
        column: name.to_owned(),
        role: "a feature the model was trained on".into(),
        found: table.names().join(", "),
    })?;
    match (kind, column) {
        (FeatureKind::Number, Column::Number(values)) => Ok(EncodedColumn::Number(values)),
        (FeatureKind::Category { levels }, Column::Category(categories)) => {
            Ok(EncodedColumn::Category { codes: recode(categories, levels), n_levels: levels.len() })
        }
        (FeatureKind::Category { levels }, Column::Number(values)) if values.iter().all(|v| v.is_nan()) => {
            let codes = Cow::Owned(vec![MISSING_CODE; values.len()]);
            Ok(EncodedColumn::Category { codes, n_levels: levels.len() })
        }
        (FeatureKind::Number, Column::Category(_)) => Err(wrong_type(name, "text", "numbers")),
        (FeatureKind::Category { .. }, Column::Number(_)) => Err(wrong_type(name, "numbers", "text")),
    }
}

fn wrong_type(column: &str, found: &str, trained: &str) -> crate::Error {
    let expected = format!("{trained}, as in the training table");
    ErrorKind::ColumnType { column: column.into(), found: found.into(), expected }.into()
}

fn recode<'a>(categories: &'a Categories, levels: &Arc<[String]>) -> Cow<'a, [u32]> {
    if Arc::ptr_eq(&categories.levels, levels) || categories.levels == *levels {
        return Cow::Borrowed(&categories.codes);
    }
    let index: HashMap<&str, u32> =
        levels.iter().zip(0..).map(|(level, code)| (level.as_str(), code)).collect();
    let map: Vec<u32> =
        categories.levels.iter().map(|level| *index.get(level.as_str()).unwrap_or(&UNSEEN_CODE)).collect();
    let code_of = |code: &u32| map.get(*code as usize).copied().unwrap_or(MISSING_CODE);
    Cow::Owned(categories.codes.iter().map(code_of).collect())
}
