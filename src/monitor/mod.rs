//! Whether the accounts of today still look like those a model was trained on: drift of each signal.

use std::collections::HashMap;
use std::fmt;

use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, MISSING_CODE, Table};

/// How far a signal has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Population stability index below .1.
    Stable,
    /// From .1 to .25: to be watched.
    Shifted,
    /// Above .25: a model trained on what was before should be looked at.
    Drifted,
}

impl Verdict {
    /// By the customary limits (Siddiqi, "Credit Risk Scorecards", 2006).
    fn of(psi: f64) -> Self {
        match psi {
            psi if psi < 0.1 => Verdict::Stable,
            psi if psi <= 0.25 => Verdict::Shifted,
            _ => Verdict::Drifted,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Stable => "stable",
            Verdict::Shifted => "shifted",
            Verdict::Drifted => "drifted",
        })
    }
}

/// How one signal has moved between two tables.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalDrift {
    /// The column.
    pub name: String,
    /// Population stability index: Σ (now − before) ln(now / before) over the bins. 0 for no change.
    pub psi: f64,
    /// The index that chance alone would give two samples of these sizes, on average: (bins − 1)(1/n + 1/m).
    pub psi_by_chance: f64,
    /// How far that is.
    pub verdict: Verdict,
    /// Share of rows without a value before.
    pub missing_before: f64,
    /// Share of rows without a value now.
    pub missing_now: f64,
}

impl fmt::Display for SignalDrift {
    /// "nps drifted: index 0.31 (0.02 by chance), missing 20 % before, 55 % now".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, now) = (100.0 * self.missing_before, 100.0 * self.missing_now);
        write!(
            f,
            "{} {}: index {:.2} ({:.2} by chance)",
            self.name, self.verdict, self.psi, self.psi_by_chance
        )?;
        write!(f, ", missing {before:.0} % before, {now:.0} % now")
    }
}

/// How each column of one table has moved in another, most first.
///
/// Numbers fall into ten bins of equal mass before, texts into a bin a level with one more for levels that are
/// new; a missing value is a bin of its own, as silence is what often moves first. Half a row is added to each
/// bin, so that an empty one costs no infinity. Columns of `now` that `before` does not have are passed over.
///
/// ```
/// use keepwell::frame::{Column, Table};
///
/// let table = |shift: f64| {
///     let values = (0..500).map(|row| row as f64 + shift).collect();
///     Table::new(500, [("logins".to_owned(), Column::Number(values))])
/// };
/// let drift = keepwell::monitor::drift(&table(0.0)?, &table(250.0)?)?;
/// assert_eq!(drift[0].verdict, keepwell::monitor::Verdict::Drifted);
/// # Ok::<(), keepwell::Error>(())
/// ```
///
/// # Errors
/// A table without rows; a column that is not in `now`, or that holds texts in one and numbers in the other.
pub fn drift(before: &Table, now: &Table) -> Result<Vec<SignalDrift>> {
    check_rows("the table before", before)?;
    check_rows("the table now", now)?;
    let names = before.names().iter().zip(before.columns());
    let mut drifts: Vec<SignalDrift> =
        names.map(|(name, column)| drift_of(name, column, now)).collect::<Result<_>>()?;
    drifts.sort_by(|a, b| b.psi.total_cmp(&a.psi).then_with(|| a.name.cmp(&b.name)));
    Ok(drifts)
}

fn check_rows(what: &str, table: &Table) -> Result<()> {
    if table.n_rows() > 0 {
        return Ok(());
    }
    Err(ErrorKind::NoRows { what: what.into(), hint: "drift needs accounts on both sides" }.into())
}

fn drift_of(name: &str, before: &Column, now: &Table) -> Result<SignalDrift> {
    let found = now.column(name).ok_or_else(|| ErrorKind::MissingColumn {
        column: name.to_owned(),
        role: "a column of the table before".into(),
        found: now.names().join(", "),
    })?;
    let [counts_before, counts_now] = match (before, found) {
        (Column::Number(before), Column::Number(now)) => count_numbers(before, now),
        (Column::Category(before), Column::Category(now)) => count_categories(before, now),
        (Column::Number(_), _) => return Err(wrong_type(name, "text", "numbers")),
        (Column::Category(_), _) => return Err(wrong_type(name, "numbers", "text")),
    };
    let psi = stability_index(&counts_before, &counts_now);
    let share_missing = |counts: &[f64]| counts[0] / counts.iter().sum::<f64>();
    let n_used = counts_before.iter().zip(&counts_now).filter(|(a, b)| **a + **b > 0.0).count();
    let by_size = 1.0 / before.len() as f64 + 1.0 / found.len() as f64;
    Ok(SignalDrift {
        name: name.to_owned(),
        psi,
        psi_by_chance: n_used.saturating_sub(1) as f64 * by_size,
        verdict: Verdict::of(psi),
        missing_before: share_missing(&counts_before),
        missing_now: share_missing(&counts_now),
    })
}

fn wrong_type(column: &str, found: &str, before: &str) -> crate::Error {
    let expected = format!("{before}, as in the table before");
    ErrorKind::ColumnType { column: column.into(), found: found.into(), expected }.into()
}

/// Rows a bin, before and now; the first bin is that of the missing.
type Counts = [Vec<f64>; 2];

fn count_numbers(before: &[f64], now: &[f64]) -> Counts {
    let edges = edges(before);
    [before, now].map(|values| {
        let mut counts = vec![0.0; edges.len() + 2];
        for value in values {
            let bin = if value.is_nan() { 0 } else { 1 + edges.partition_point(|edge| edge < value) };
            counts[bin] += 1.0;
        }
        counts
    })
}

/// Bins of equal mass.
const N_BINS: usize = 10;

/// The upper edges of all bins but the last; fewer than nine where values repeat.
fn edges(values: &[f64]) -> Vec<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    let Some(last) = known.last().copied() else { return Vec::new() };
    let mut edges: Vec<f64> =
        (1..N_BINS).map(|bin| known[(bin * known.len() / N_BINS).min(known.len() - 1)]).collect();
    // Values that are rare, as a flag that is seldom 1, still get their own bin above the usual one.
    edges.retain(|edge| *edge < last);
    edges.dedup();
    edges
}

fn count_categories(before: &Categories, now: &Categories) -> Counts {
    let bins: HashMap<&str, usize> = before.levels.iter().map(String::as_str).zip(1..).collect();
    let new = before.levels.len() + 1;
    [before, now].map(|categories| {
        let of_level: Vec<usize> =
            categories.levels.iter().map(|level| bins.get(level.as_str()).copied().unwrap_or(new)).collect();
        let mut counts = vec![0.0; new + 1];
        for &code in &categories.codes {
            let bin = if code == MISSING_CODE { 0 } else { of_level[code as usize] };
            counts[bin] += 1.0;
        }
        counts
    })
}

fn stability_index(before: &[f64], now: &[f64]) -> f64 {
    let used = || before.iter().zip(now).filter(|(before, now)| **before + **now > 0.0);
    let half_rows = 0.5 * used().count() as f64;
    let (n_before, n_now) = (before.iter().sum::<f64>() + half_rows, now.iter().sum::<f64>() + half_rows);
    used()
        .map(|(before, now)| ((before + 0.5) / n_before, (now + 0.5) / n_now))
        .map(|(before, now)| (now - before) * (now / before).ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: impl IntoIterator<Item = f64>) -> Table {
        let values: Vec<f64> = values.into_iter().collect();
        Table::new(values.len(), [("x".to_owned(), Column::Number(values))]).unwrap()
    }

    fn texts(texts: &[Option<&str>]) -> Table {
        let column = Column::Category(Categories::from_texts(texts.iter().copied()));
        Table::new(texts.len(), [("x".to_owned(), column)]).unwrap()
    }

    fn one(before: &Table, now: &Table) -> SignalDrift {
        drift(before, now).unwrap().remove(0)
    }

    #[test]
    fn the_same_table_has_not_moved() {
        let table = numbers((0..300).map(f64::from));
        assert_eq!(one(&table, &table).psi, 0.0);
        let table = texts(&[Some("a"), Some("b"), None]);
        assert_eq!(one(&table, &table).psi, 0.0);
    }

    #[test]
    fn the_index_is_reckoned_by_its_formula() {
        // 80 / 20 before, 60 / 40 now, half a row added to each.
        let flags = |n_set: usize| numbers((0..100).map(|row| f64::from(u8::from(row < n_set))));
        let found = one(&flags(20), &flags(40)).psi;
        let part = |before: f64, now: f64| (now - before) / 101.0 * (now / before).ln();
        assert!((found - part(80.5, 60.5) - part(20.5, 40.5)).abs() < 1e-12, "{found}");
    }

    #[test]
    fn silence_and_new_levels_are_seen() {
        let before = numbers((0..200).map(f64::from));
        let silent = numbers((0..200).map(|row| if row % 2 == 0 { f64::NAN } else { f64::from(row) }));
        let found = one(&before, &silent);
        assert_eq!((found.verdict, found.missing_before, found.missing_now), (Verdict::Drifted, 0.0, 0.5));
        let found = one(&texts(&[Some("a"); 50]), &texts(&[Some("b"); 50]));
        assert_eq!(found.verdict, Verdict::Drifted);
    }

    #[test]
    fn the_order_of_levels_does_not_matter() {
        let one_way = texts(&[Some("a"), Some("b"), Some("b"), None]);
        let other_way = texts(&[None, Some("b"), Some("a"), Some("b")]);
        assert_eq!(one(&one_way, &other_way).psi, 0.0);
    }

    #[test]
    fn rare_flags_have_their_own_bin() {
        let flags = |every: usize| numbers((0..1_000).map(|row| f64::from(u8::from(row % every == 0))));
        assert!(one(&flags(50), &flags(5)).psi > 0.25);
    }

    #[test]
    fn columns_that_do_not_fit_are_refused_in_words() {
        let number = numbers([1.0]);
        let text = |result: Result<Vec<SignalDrift>>| result.unwrap_err().to_string();
        assert_eq!(
            text(drift(&number, &texts(&[Some("a")]))),
            "column `x` is text, expected numbers, as in the table before"
        );
        let other = Table::new(1, [("y".to_owned(), Column::Number(vec![1.0]))]).unwrap();
        assert_eq!(
            text(drift(&number, &other)),
            "column `x` (a column of the table before) is not in the table; its columns are: y"
        );
        assert_eq!(
            text(drift(&number, &numbers([]))),
            "the table now has no rows; drift needs accounts on both sides"
        );
    }
}
