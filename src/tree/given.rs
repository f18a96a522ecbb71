//! A tree of somebody else's, with its nodes in any order.

use super::predict::{Levels, Node, Test, Tree};

/// Most splits between root and leaf that are taken over: what explains a tree goes down it by recursion.
const MAX_DEPTH: usize = 1000;

/// One split.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenNode {
    /// Place of the column.
    pub column: usize,
    /// What goes left.
    pub test: GivenTest,
    /// Whether missing values go left.
    pub missing_left: bool,
    /// A node, or the complement (`!`) of a leaf.
    pub left: i32,
    /// The same on the other side.
    pub right: i32,
}

/// What goes left at a split.
#[derive(Clone, Debug, PartialEq)]
pub enum GivenTest {
    /// Numbers up to this.
    AtMost(f64),
    /// Categories by their codes: that of code `c` if bit `c % 64` of word `c / 64` is set. Codes beyond go right.
    Among(Vec<u64>),
}

impl Tree {
    /// A tree over `n_columns` columns whose root is the first of `nodes`, or a lone leaf if there are none. A leaf has a
    /// value and the number of training rows in it.
    ///
    /// # Errors
    /// What does not hold together, in words: a node or leaf that is not there, stands twice or is never reached; a
    /// column that is not there; a value that is not finite; a leaf without rows; more than 1,000 splits on a path.
    pub fn given(
        nodes: &[GivenNode],
        values: &[f64],
        counts: &[u32],
        n_columns: usize,
    ) -> Result<Self, &'static str> {
        let mut tree = Tree { nodes: Vec::new(), values: Vec::new(), counts: Vec::new() };
        // What is to be added, how deep it lies, and whose child it is.
        let root = if nodes.is_empty() { !0 } else { 0 };
        let mut pending: Vec<(i32, usize, Option<usize>)> = vec![(root, 0, None)];
        while let Some((at, depth, parent)) = pending.pop() {
            if depth > MAX_DEPTH {
                return Err("it has more than 1,000 splits on a path");
            }
            let here = tree.add_given(nodes, (values, counts), at).ok_or("its nodes do not fit together")?;
            if let Some(parent) = parent {
                // Left children come first, right after their parent.
                let parent = &mut tree.nodes[parent];
                *(if parent.left == UNKNOWN { &mut parent.left } else { &mut parent.right }) = here;
            }
            if let Ok(here) = usize::try_from(here) {
                let node = &nodes[at as usize];
                pending.extend([(node.right, depth + 1, Some(here)), (node.left, depth + 1, Some(here))]);
            }
        }
        let whole = tree.nodes.len() == nodes.len() && tree.values.len() == values.len();
        if whole && each_leaf_once(nodes, values.len()) && tree.is_sound(n_columns) {
            Ok(tree)
        } else {
            Err("its nodes do not fit together")
        }
    }

    /// Adds a node, or the leaf of which `at` is the complement; none where it is not there or there are too many.
    fn add_given(&mut self, nodes: &[GivenNode], (values, counts): (&[f64], &[u32]), at: i32) -> Option<i32> {
        let Ok(at) = usize::try_from(at) else {
            let leaf = !at as usize;
            self.values.push(*values.get(leaf)?);
            self.counts.push(*counts.get(leaf)?);
            return (self.values.len() <= values.len()).then(|| !(self.values.len() as i32 - 1));
        };
        self.nodes.push(Node::given(nodes.get(at)?)?);
        (self.nodes.len() <= nodes.len()).then(|| self.nodes.len() as i32 - 1)
    }
}

/// Whether no leaf is a child twice; then no node that leads to leaves is.
fn each_leaf_once(nodes: &[GivenNode], n_leaves: usize) -> bool {
    let mut leaves: Vec<i32> =
        nodes.iter().flat_map(|node| [node.left, node.right]).filter(|at| *at < 0).collect();
    leaves.sort_unstable();
    leaves.dedup();
    nodes.is_empty() || leaves.len() == n_leaves
}

/// A child that was not added yet: no node is a child of itself.
const UNKNOWN: i32 = i32::MAX;

impl Node {
    fn given(node: &GivenNode) -> Option<Self> {
        let test = match &node.test {
            GivenTest::AtMost(threshold) => Test::AtMost(*threshold),
            GivenTest::Among(words) => Test::Among(Levels { words: words.clone(), unseen_left: false }),
        };
        let column = u32::try_from(node.column).ok()?;
        Some(Node { column, test, missing_left: node.missing_left, left: UNKNOWN, right: UNKNOWN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Forest;

    fn node(column: usize, threshold: f64, left: i32, right: i32) -> GivenNode {
        GivenNode { column, test: GivenTest::AtMost(threshold), missing_left: true, left, right }
    }

    #[test]
    fn nodes_and_leaves_may_stand_in_any_order() {
        let nodes = [node(0, 1.0, 2, 1), node(1, 5.0, !0, !3), node(0, 0.0, !2, !1)];
        let tree = Tree::given(&nodes, &[10.0, 20.0, 30.0, 40.0], &[1, 2, 3, 4], 2).unwrap();
        let of = |row: [f64; 2]| {
            (tree.predict_row(&row), Forest::new(0.0, 2, vec![tree.clone()]).predict_row(&row))
        };
        for (row, value) in [([-1.0, 0.0], 30.0), ([0.5, 0.0], 20.0), ([2.0, 5.0], 10.0), ([2.0, 6.0], 40.0)]
        {
            assert_eq!(of(row), (value, value));
        }
        assert_eq!(tree.counts, [3, 2, 1, 4], "from left to right");
    }

    #[test]
    fn codes_are_looked_up_and_all_others_go_right() {
        let test = GivenTest::Among(vec![0b101, 1]);
        let nodes = [GivenNode { column: 0, test, missing_left: false, left: !0, right: !1 }];
        let forest = Forest::new(0.0, 1, vec![Tree::given(&nodes, &[1.0, 2.0], &[1, 1], 1).unwrap()]);
        let cells = [0.0, 1.0, 2.0, 2.9, 64.0, 65.0, 1e9, -1.0, f64::NAN, -0.5];
        assert_eq!(
            cells.map(|cell| forest.predict_row(&[cell])),
            [1.0, 2.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0]
        );
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let of = |nodes: &[GivenNode], values: &[f64]| {
            Tree::given(nodes, values, &vec![1; values.len()], 2).unwrap_err()
        };
        let unfit = "its nodes do not fit together";
        assert_eq!(of(&[node(0, 0.0, 0, !0)], &[1.0, 2.0]), unfit, "a loop");
        assert_eq!(of(&[node(0, 0.0, !0, !2)], &[1.0, 2.0]), unfit, "a leaf that is not there");
        assert_eq!(of(&[node(0, 0.0, !0, !0)], &[1.0, 2.0]), unfit, "a leaf twice");
        assert_eq!(of(&[node(0, 0.0, !0, !1), node(0, 0.0, !0, !1)], &[1.0, 2.0]), unfit, "never reached");
        assert_eq!(of(&[node(2, 0.0, !0, !1)], &[1.0, 2.0]), unfit, "a column that is not there");
        assert_eq!(of(&[node(0, f64::NAN, !0, !1)], &[1.0, 2.0]), unfit, "no threshold");
        assert_eq!(of(&[node(0, 0.0, !0, !1)], &[1.0, f64::NAN]), unfit, "no value");
        assert_eq!(of(&[], &[]), unfit, "nothing");
        assert!(Tree::given(&[node(0, 0.0, !0, !1)], &[1.0, 2.0], &[1, 0], 2).is_err(), "no rows");
        let chain: Vec<GivenNode> =
            (0..1200).map(|at| node(0, 0.0, !at, if at == 1199 { !1200 } else { at + 1 })).collect();
        assert_eq!(of(&chain, &[0.5; 1201]), "it has more than 1,000 splits on a path");
    }

    #[test]
    fn a_tree_as_deep_as_can_be_predicts_and_explains() {
        let n = MAX_DEPTH as i32;
        let next = |at: i32| if at == n - 1 { !n } else { at + 1 };
        let chain: Vec<GivenNode> =
            (0..n).map(|at| node(at as usize % 9, f64::from(n - at), next(at), !at)).collect();
        let values: Vec<f64> = (0..=n).map(|leaf| f64::from(leaf % 17)).collect();
        let tree = Tree::given(&chain, &values, &vec![2; values.len()], 9).unwrap();
        let forest = Forest::new(0.0, 9, vec![tree]);
        let (row, mut contributions, mut matrix) = ([500.5; 9], [0.0; 9], [0.0; 81]);
        forest.contributions_row(&row, &mut contributions);
        forest.interaction_values_row(&row, &mut matrix);
        let sums = [contributions.iter().sum::<f64>(), matrix.iter().sum()];
        assert!(sums.iter().all(|sum| (forest.expected() + sum - forest.predict_row(&row)).abs() < 1e-9));
    }
}
