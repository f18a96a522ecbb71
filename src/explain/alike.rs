//! Which signals say the same, so that a reason tells them once.

use crate::frame::{Column, Table};
use crate::schema::Schema;

/// Signals whose ranks go together at least this closely (Spearman, either way) say the same.
const SAY_THE_SAME: f64 = 0.7;
/// Rows looked at: enough to tell .6 from .7 for certain.
const MOST_ROWS: usize = 4_000;
/// Least rows in which both signals are known.
const LEAST_ROWS: usize = 30;

/// The group of each of `d` signals, as the position of its first member; a signal alone is its own.
///
/// A signal joins a group of its dimension if it says the same as every member: Spearman's ρ of at least .7 either way
/// over the rows where both are known. Texts and flags stay alone: a group is told by its strongest member, and what
/// they say is not measured by rank.
pub fn groups(schema: &Schema, table: &Table) -> Vec<u32> {
    let ranks: Vec<Option<Vec<f64>>> = table.columns().iter().map(ranks).collect();
    let mut group_of: Vec<u32> = (0..schema.signals.len() as u32).collect();
    for at in 0..schema.signals.len().min(ranks.len()) {
        let fits = |group: u32| {
            let mut members = (0..at).filter(|&member| group_of[member] == group);
            members.all(|member| {
                schema.signals[member].dimension == schema.signals[at].dimension
                    && say_the_same(&ranks[member], &ranks[at])
            })
        };
        if let Some(group) = (0..at as u32).find(|&group| group_of[group as usize] == group && fits(group)) {
            group_of[at] = group;
        }
    }
    group_of
}

fn say_the_same(a: &Option<Vec<f64>>, b: &Option<Vec<f64>>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    correlation(a, b).is_some_and(|rho| rho.abs() >= SAY_THE_SAME)
}

/// Mean ranks of the known values of some rows, NaN where unknown; `None` for texts and for two values or less.
fn ranks(column: &Column) -> Option<Vec<f64>> {
    let Column::Number(values) = column else { return None };
    let every = values.len().div_ceil(MOST_ROWS).max(1);
    let values: Vec<f64> = values.iter().copied().step_by(every).collect();
    let mut order: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![f64::NAN; values.len()];
    let (mut below, mut n_levels) = (0, 0);
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        tied.iter().for_each(|&row| ranks[row] = below as f64 + (tied.len() - 1) as f64 / 2.0);
        below += tied.len();
        n_levels += 1;
    }
    (n_levels > 2).then_some(ranks)
}

/// Pearson's correlation over the rows where both are known.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let both = || a.iter().zip(b).filter(|(a, b)| !(a.is_nan() || b.is_nan()));
    let n = both().count();
    if n < LEAST_ROWS {
        return None;
    }
    let mean = |of: fn((&f64, &f64)) -> f64| both().map(of).sum::<f64>() / n as f64;
    let (mean_a, mean_b) = (mean(|(a, _)| *a), mean(|(_, b)| *b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in both() {
        ab += (a - mean_a) * (b - mean_b);
        aa += (a - mean_a).powi(2);
        bb += (b - mean_b).powi(2);
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Kind, Signal};

    #[test]
    fn what_goes_together_in_one_dimension_is_one_group() {
        let signal = |name: &str, dimension| Signal::new(name, dimension, Kind::Number);
        let schema = ["logins", "since_login", "noise", "sessions"]
            .into_iter()
            .map(|name| signal(name, Dimension::Usage))
            .chain([signal("nps", Dimension::Sentiment)])
            .fold(Schema::new(), Schema::signal);
        let x: Vec<f64> = (0..400).map(|row| (f64::from(row) * 0.618).fract()).collect();
        let of = |f: &dyn Fn(usize) -> f64| Column::Number((0..400).map(f).collect());
        let columns = [
            of(&|row| x[row]),
            of(&|row| if row % 9 == 0 { f64::NAN } else { -x[row].powi(3) }),
            of(&|row| (row as f64 * 0.414).fract()),
            of(&|row| (6.0 * x[row]).floor()),
            of(&|row| x[row]),
        ];
        let names = schema.signals.iter().map(|signal| signal.name.clone());
        let table = Table::new(400, names.zip(columns)).unwrap();
        assert_eq!(groups(&schema, &table), [0, 0, 2, 0, 4]);
    }

    #[test]
    fn little_data_and_constants_stay_alone() {
        let schema = ["a", "b"].map(|name| Signal::new(name, Dimension::Usage, Kind::Number));
        let schema = schema.into_iter().fold(Schema::new(), Schema::signal);
        for values in [vec![1.0; 100], vec![f64::NAN; 100], (0..5).map(f64::from).collect(), vec![]] {
            let column = || Column::Number(values.clone());
            let table = Table::new(values.len(), ["a", "b"].map(|name| (name.to_owned(), column()))).unwrap();
            assert_eq!(groups(&schema, &table), [0, 1]);
        }
    }
}
