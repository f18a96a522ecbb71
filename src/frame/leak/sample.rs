//! The rows in which leaks are looked for when a model is fitted: some of a large table.

use std::collections::HashMap;

/// In about so many rows leaks show as well as in all.
const MOST_ROWS: usize = 200_000;

/// Every `k`-th of `n_rows` rows; all where there are not too many.
pub(crate) fn some_rows(n_rows: usize) -> Vec<usize> {
    (0..n_rows).step_by(every(n_rows)).collect()
}

/// All rows of every `k`-th account, by the account of each row; all where there are not too many rows.
pub(crate) fn some_accounts(ids: &[String]) -> Vec<usize> {
    match every(ids.len()) {
        1 => (0..ids.len()).collect(),
        every => accounts(ids, every),
    }
}

fn every(n_rows: usize) -> usize {
    n_rows.div_ceil(MOST_ROWS).max(1)
}

fn accounts(ids: &[String], every: usize) -> Vec<usize> {
    let mut number_of = HashMap::new();
    let mut is_taken = |row: &usize| {
        let next = number_of.len();
        *number_of.entry(&ids[*row]).or_insert(next) % every == 0
    };
    (0..ids.len()).filter(|row| is_taken(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_whole_accounts() {
        let ids: Vec<String> = ["a", "b", "a", "c", "d"].map(String::from).into();
        assert_eq!(accounts(&ids, 2), [0, 2, 3]);
        assert_eq!(some_accounts(&ids), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn there_are_never_more_rows_than_most() {
        assert_eq!(some_rows(3), [0, 1, 2]);
        assert_eq!(some_rows(MOST_ROWS).len(), MOST_ROWS);
        assert_eq!(some_rows(MOST_ROWS + 1).len(), MOST_ROWS / 2 + 1);
    }
}
