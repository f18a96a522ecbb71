//! Which columns a node may split on, given the columns used above it.

use std::sync::Arc;

/// Groups of columns that may meet on a path from the root; without groups all may.
pub(super) struct Interactions {
    groups: Vec<Vec<usize>>,
}

/// What a node may use: it inherits from its parent what the parent's split leaves open.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Allowed {
    /// The columns to try, ascending.
    pub(super) columns: Arc<[usize]>,
    /// The groups that hold every column used above.
    groups: Arc<[usize]>,
}

impl Interactions {
    /// The groups, and one more of the columns below `n_columns` that are in none, if there are groups at all.
    pub(super) fn new(groups: &[Vec<usize>], n_columns: usize) -> Self {
        let mut groups = groups.to_vec();
        let grouped = |column: &usize| groups.iter().any(|group| group.contains(column));
        let rest: Vec<usize> = (0..n_columns).filter(|column| !grouped(column)).collect();
        if !groups.is_empty() && !rest.is_empty() {
            groups.push(rest);
        }
        Interactions { groups }
    }

    /// What the root may use of `columns`.
    pub(super) fn at_root(&self, columns: &[usize]) -> Allowed {
        Allowed { columns: columns.into(), groups: (0..self.groups.len()).collect() }
    }

    /// What is left below a split on `column`.
    pub(super) fn below(&self, parent: &Allowed, column: usize) -> Allowed {
        let holds = |group: &usize, column: &usize| self.groups[*group].contains(column);
        let groups: Arc<[usize]> =
            parent.groups.iter().copied().filter(|group| holds(group, &column)).collect();
        if groups.len() == parent.groups.len() {
            return parent.clone();
        }
        let open = |column: &usize| groups.iter().any(|group| holds(group, column));
        Allowed { columns: parent.columns.iter().copied().filter(open).collect(), groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_within_the_groups_that_hold_all_of_it() {
        let interactions = Interactions::new(&[vec![0, 1, 2], vec![2, 3]], 6);
        let root = interactions.at_root(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(*root.columns, [0, 1, 2, 3, 4, 5]);
        let both = interactions.below(&root, 2);
        assert_eq!(*both.columns, [0, 1, 2, 3], "column 2 is in two groups");
        assert_eq!(*interactions.below(&both, 3).columns, [2, 3]);
        assert_eq!(*interactions.below(&root, 1).columns, [0, 1, 2]);
        assert_eq!(*interactions.below(&root, 5).columns, [4, 5], "columns in no group are one of their own");
    }

    #[test]
    fn without_groups_all_columns_stay_open() {
        let interactions = Interactions::new(&[], 3);
        let root = interactions.at_root(&[0, 2]);
        assert_eq!(interactions.below(&root, 2), root);
    }
}
