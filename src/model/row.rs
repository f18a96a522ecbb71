//! One row on its way to a model: cells in, the numbers that `…_of_row` takes out.

use std::collections::HashMap;

use super::{FeatureKind, Features};
use crate::error::{ErrorKind, Result};
use crate::tree::UNSEEN_LEVEL;

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing is known.
    Missing,
    /// A number, a count, a share, or a flag as 0 or 1; NaN is missing.
    Number(f64),
    /// The level of a category.
    Text(&'a str),
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Cell::Number(number)
    }
}

impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Cell::Number(f64::from(u8::from(flag)))
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(text)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Cell::Missing, Into::into)
    }
}

/// Turns the cells of single rows into the numbers that a model's `…_of_row` takes: a category becomes the place of
/// its level. Made once for a model, it looks every level up at once, however many there are.
///
/// ```
/// use keepwell::frame::{Categories, Column, Table};
/// use keepwell::model::{Cell, Classifier, GradientTreesClassifier, RowEncoder};
///
/// let plans = Categories::from_texts((0..200).map(|row| Some(["free", "pro"][row % 2])));
/// let seats = Column::Number((0..200).map(|row| f64::from(row % 40)).collect());
/// let columns = [("plan".to_string(), Column::Category(plans)), ("seats".to_string(), seats)];
/// let churned: Vec<bool> = (0..200).map(|row| row % 2 == 0 && row % 40 < 30).collect();
/// let model = GradientTreesClassifier::params().fit(&Table::new(200, columns)?, &churned, None)?;
///
/// // Once, and then for every request:
/// let encoder = RowEncoder::new(model.features());
/// let mut row = vec![0.0; encoder.names().len()];
/// encoder.encode(&[Cell::from("free"), Cell::from(3.0)], &mut row)?;
/// assert!(model.predict_proba_of_row(&row) > 0.9);
/// encoder.encode(&[Cell::from("pro"), Cell::Missing], &mut row)?;
/// assert!(model.predict_proba_of_row(&row) < 0.1);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RowEncoder {
    names: Vec<String>,
    places: HashMap<String, usize>,
    /// The levels' places of each category; none for a number.
    levels: Vec<Option<HashMap<String, f64>>>,
}

impl RowEncoder {
    /// For the `d` columns of a model.
    pub fn new(features: &Features) -> Self {
        let levels = features.kinds().iter().map(|kind| match kind {
            FeatureKind::Number => None,
            FeatureKind::Category { levels } => {
                Some(levels.iter().cloned().zip((0..).map(f64::from as fn(u32) -> f64)).collect())
            }
        });
        RowEncoder {
            names: features.names().to_vec(),
            places: features.names().iter().cloned().zip(0..).collect(),
            levels: levels.collect(),
        }
    }

    /// Names of the `d` columns, in the order of a row's cells.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place in a row of the column of that name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Writes `d` cells into `row`, `d` long, as numbers. A level that training did not see is no error.
    ///
    /// # Errors
    /// Another number of cells or of places in the row; a text where training saw numbers, or the reverse.
    pub fn encode(&self, cells: &[Cell<'_>], row: &mut [f64]) -> Result<()> {
        for found in [cells.len(), row.len()] {
            if found != self.names.len() {
                let what = "number of cells of the row".into();
                return Err(ErrorKind::Shape { what, found, expected: self.names.len() }.into());
            }
        }
        for (at, (cell, place)) in cells.iter().zip(row).enumerate() {
            *place = self.number(at, *cell)?;
        }
        Ok(())
    }

    /// A cell of the column at a place as the number that stands for it in a row.
    ///
    /// # Errors
    /// A text where training saw numbers, or the reverse.
    ///
    /// # Panics
    /// When there is no such place.
    pub fn number(&self, at: usize, cell: Cell<'_>) -> Result<f64> {
        match (&self.levels[at], cell) {
            (_, Cell::Missing) => Ok(f64::NAN),
            (None, Cell::Number(number)) => Ok(number),
            (Some(_), Cell::Number(number)) if number.is_nan() => Ok(number),
            (Some(levels), Cell::Text(text)) => Ok(levels.get(text).copied().unwrap_or(UNSEEN_LEVEL)),
            (None, Cell::Text(_)) => Err(self.wrong_type(at, "text", "a number")),
            (Some(_), Cell::Number(_)) => Err(self.wrong_type(at, "a number", "text")),
        }
    }

    fn wrong_type(&self, at: usize, found: &str, trained: &str) -> crate::Error {
        let (column, expected) = (self.names[at].clone(), format!("{trained}, as in the training table"));
        ErrorKind::ColumnType { column, found: found.into(), expected }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Categories, Column, Table};
    use crate::model::{
        BlendClassifier, Classifier, GradientTreesClassifier, LinfaLogistic, LinfaTree, LogisticClassifier,
    };

    fn past() -> (Table, Vec<bool>) {
        let texts = ["free", "team", "pro"];
        let plan = (0..400).map(|row| (row % 11 != 0).then_some(texts[row % 3]));
        let seats = (0..400).map(|row| if row % 13 == 0 { f64::NAN } else { f64::from(row as u32 * 7 % 50) });
        let columns = [
            ("seats".to_owned(), Column::Number(seats.collect())),
            ("plan".to_owned(), Column::Category(Categories::from_texts(plan))),
        ];
        let y = (0..400).map(|row| row * 7 % 50 < 20 || row % 3 == 0 && row % 7 == 0).collect();
        (Table::new(400, columns).unwrap(), y)
    }

    #[test]
    fn a_row_scores_as_it_does_in_a_table_bit_for_bit() {
        let (past, y) = past();
        let models: [Box<dyn Classifier>; 5] = [
            Box::new(GradientTreesClassifier::params().n_estimators(30).fit(&past, &y, None).unwrap()),
            Box::new(LogisticClassifier::params().c(1.0).fit(&past, &y, None).unwrap()),
            Box::new(BlendClassifier::params().n_folds(2).fit(&past, &y, None).unwrap()),
            Box::new(LinfaLogistic::params().fit(&past, &y, None).unwrap()),
            Box::new(LinfaTree::params().fit(&past, &y, None).unwrap()),
        ];
        let seats = [f64::NAN, 3.5, 49.0, -7.0, f64::INFINITY];
        let plans = [Some("free"), Some("unheard of"), None, Some("pro"), Some("team")];
        let columns = [
            ("plan".to_owned(), Column::Category(Categories::from_texts(plans))),
            ("seats".to_owned(), Column::Number(seats.to_vec())),
        ];
        let today = Table::new(5, columns).unwrap();
        for model in models {
            let encoder = RowEncoder::new(model.features());
            let expected = model.predict_proba(&today).unwrap();
            for (row, expected) in expected.into_iter().enumerate() {
                let mut numbers = [0.0; 2];
                encoder.encode(&[seats[row].into(), plans[row].into()], &mut numbers).unwrap();
                assert_eq!(model.predict_proba_of_row(&numbers), expected);
            }
        }
    }

    #[test]
    fn a_row_that_does_not_fit_says_why() {
        let encoder = RowEncoder::new(&Features::of(&past().0));
        assert_eq!([encoder.place("plan"), encoder.place("tier")], [Some(1), None]);
        let refusal = |cells: &[Cell<'_>]| encoder.encode(cells, &mut [0.0; 2]).unwrap_err().to_string();
        assert_eq!(refusal(&[Cell::Missing]), "number of cells of the row: found 1, expected 2");
        assert_eq!(
            refusal(&["few".into(), "pro".into()]),
            "column `seats` is text, expected a number, as in the training table"
        );
        assert_eq!(
            refusal(&[1.0.into(), true.into()]),
            "column `plan` is a number, expected text, as in the training table"
        );
        assert!(encoder.encode(&[Cell::Missing; 2], &mut [0.0; 2]).is_ok());
    }
}
