//! What is usual: the middle value of each signal over the training accounts.

use serde::{Deserialize, Serialize};

use crate::frame::{Categories, Column, MISSING_CODE, Table};

/// The middle value of one signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Usual {
    /// The median of the known values.
    Number(f64),
    /// The commonest known text.
    Category(String),
    /// No account had a known value.
    Unknown,
}

impl Usual {
    /// The usual value of each of `d` columns.
    pub fn of(table: &Table) -> Vec<Usual> {
        table.columns().iter().map(usual).collect()
    }
}

fn usual(column: &Column) -> Usual {
    match column {
        Column::Number(values) => median(values).map_or(Usual::Unknown, Usual::Number),
        Column::Category(categories) => mode(categories).map_or(Usual::Unknown, Usual::Category),
    }
}

/// The lower median: a value that really occurs, so that counts stay whole.
fn median(values: &[f64]) -> Option<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let middle = known.len().checked_sub(1)? / 2;
    Some(*known.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// The commonest level; among equals the one first in the dictionary.
fn mode(categories: &Categories) -> Option<String> {
    let mut counts = vec![0usize; categories.levels.len()];
    categories
        .codes
        .iter()
        .filter(|&&code| code != MISSING_CODE)
        .for_each(|&code| counts[code as usize] += 1);
    let most = *counts.iter().max()?;
    let code = counts.iter().position(|&count| count == most && count > 0)?;
    Some(categories.levels[code].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual_of(column: Column) -> Usual {
        let table = Table::new(column.len(), [("signal".to_owned(), column)]).unwrap();
        Usual::of(&table).remove(0)
    }

    #[test]
    fn is_the_middle_of_what_is_known() {
        assert_eq!(usual_of(Column::Number(vec![f64::NAN, 3.0, 1.0, 2.0, 9.0])), Usual::Number(2.0));
        let plans = Categories::from_texts([Some("free"), None, Some("pro"), Some("pro")]);
        assert_eq!(usual_of(Column::Category(plans)), Usual::Category("pro".into()));
    }

    #[test]
    fn is_unknown_where_nothing_is_known() {
        assert_eq!(usual_of(Column::Number(vec![f64::NAN; 3])), Usual::Unknown);
        assert_eq!(usual_of(Column::Category(Categories::from_texts([None, None]))), Usual::Unknown);
        assert_eq!(usual_of(Column::Number(vec![])), Usual::Unknown);
    }
}
