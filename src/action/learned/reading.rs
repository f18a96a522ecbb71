//! How learners read a table: its columns, and numbers of few values a second time, as levels.
//!
//! A number of three to five values is often a code, or an amount of which one value stands apart: neither a line nor
//! bends that are thought to be slight tell that soon. Beside the number its levels can, and cost little where a line is
//! right. Where a table has many such numbers they would cost much, and are left out.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::frame::Table;
use crate::model::{EncodedColumn, Features};
use crate::tree::UNSEEN_CODE;

/// Two values are a line already.
const FEWEST_VALUES: usize = 3;
const MOST_VALUES: usize = 5;
/// A table whose numbers have more levels than this together is read without them.
const MOST_LEVELS: usize = 50;
/// Share of a value by which it may be off and be the same, as where one table holds numbers of 32 bits.
const SAME: f64 = 1e-6;

/// The columns that were fitted on, and how they are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reading {
    features: Features,
    few: Vec<FewValues>,
}

/// A number of few values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FewValues {
    column: usize,
    /// Ascending.
    values: Vec<f64>,
}

impl Reading {
    /// Of a training table.
    ///
    /// # Errors
    /// None for a table that is sound.
    pub fn of(table: &Table) -> Result<Self> {
        let features = Features::of(table);
        let columns = features.encode(table)?;
        let few_values = |(at, column)| FewValues::of(at, column);
        let mut few: Vec<FewValues> = columns.iter().enumerate().filter_map(few_values).collect();
        if few.iter().map(|few| few.values.len()).sum::<usize>() > MOST_LEVELS {
            few.clear();
        }
        Ok(Reading { features, few })
    }

    pub fn features(&self) -> &Features {
        &self.features
    }

    /// A name for each column that is read, which a design asks for; no error can name one of levels.
    pub fn names(&self) -> Vec<String> {
        let names = self.features.names();
        let of_levels = |few: &FewValues| format!("levels of {}", names[few.column]);
        names.iter().cloned().chain(self.few.iter().map(of_levels)).collect()
    }

    /// The columns of a table as learners read them, the levels of numbers last.
    ///
    /// # Errors
    /// A column that is missing or of another type.
    pub fn encode<'a>(&self, table: &'a Table) -> Result<Vec<EncodedColumn<'a>>> {
        let mut columns = self.features.encode(table)?;
        let of_levels: Vec<_> = self.few.iter().map(|few| few.levels(&columns[few.column])).collect();
        columns.extend(of_levels);
        Ok(columns)
    }
}

impl FewValues {
    /// None where a column has fewer values, or more, or is no number.
    fn of(at: usize, column: &EncodedColumn<'_>) -> Option<Self> {
        let EncodedColumn::Number(numbers) = column else { return None };
        let mut values: Vec<f64> = Vec::with_capacity(MOST_VALUES);
        for &value in numbers.to_f64().iter() {
            if !value.is_nan() && !values.contains(&value) {
                if values.len() == MOST_VALUES {
                    return None;
                }
                values.push(value);
            }
        }
        values.sort_by(f64::total_cmp);
        (values.len() >= FEWEST_VALUES).then_some(FewValues { column: at, values })
    }

    fn levels(&self, column: &EncodedColumn<'_>) -> EncodedColumn<'static> {
        let EncodedColumn::Number(numbers) = column else { unreachable!("a number was noted") };
        let code = |value: &f64| self.level(*value).unwrap_or(UNSEEN_CODE);
        let codes = numbers.to_f64().iter().map(code).collect();
        EncodedColumn::Category { codes, n_levels: self.values.len() }
    }

    /// None for a missing value, of which the number tells, and for one between those of training; one beyond them is as
    /// the outermost, which is how lines that bend take it.
    fn level(&self, value: f64) -> Option<u32> {
        let last = self.values.len() - 1;
        let is_same = |known: &f64| (known - value).abs() <= SAME * known.abs();
        let at = match value {
            _ if value <= self.values[0] => Some(0),
            _ if value >= self.values[last] => Some(last),
            _ => self.values.iter().position(is_same),
        };
        at.map(|at| at as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Categories, Column};

    fn table(codes: [f64; 6]) -> Table {
        let plans = Categories::from_texts((0..6).map(|row| Some(["a", "b", "c"][row % 3])));
        let columns = [
            ("many", Column::Number((0..6).map(f64::from).collect())),
            ("code", Column::Number(codes.to_vec())),
            ("flag", Column::Number([0.0, 1.0].repeat(3))),
            ("plan", Column::Category(plans)),
        ];
        Table::new(6, columns.map(|(name, column)| (name.to_owned(), column))).unwrap()
    }

    #[test]
    fn a_number_of_few_values_is_read_as_levels_too() {
        let reading = Reading::of(&table([7.0, -2.0, f64::NAN, 7.0, 0.5, 7.0])).unwrap();
        assert_eq!(reading.names(), ["many", "code", "flag", "plan", "levels of code"]);
        let later = table([-2.0, 0.5 + 1e-9, 7.0, f64::NAN, 3.0, 9.0]);
        let columns = reading.encode(&later).unwrap();
        assert_eq!(columns.len(), 5);
        assert!(matches!(&columns[1], EncodedColumn::Number(numbers) if numbers.to_f64()[2] == 7.0));
        let EncodedColumn::Category { codes, n_levels: 3 } = &columns[4] else { panic!("{:?}", columns[4]) };
        assert_eq!(codes[..], [0, 1, 2, UNSEEN_CODE, UNSEEN_CODE, 2]);
    }

    #[test]
    fn a_table_of_many_codes_is_read_without_their_levels() {
        let read = |n_columns: usize| {
            let column = |at: usize| {
                let values = (0..10).map(|row| ((row + at) % 5) as f64).collect();
                (format!("answer {at}"), Column::Number(values))
            };
            Reading::of(&Table::new(10, (0..n_columns).map(column)).unwrap()).unwrap().names().len()
        };
        assert_eq!([read(10), read(11)], [20, 11]);
    }
}
