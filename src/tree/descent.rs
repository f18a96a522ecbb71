//! A forest of large trees laid out for one row: leaves that lead to themselves, eight descents at a time.
//!
//! One descent is a chain of loads that each wait for the one before. Those of eight trees side by side keep the
//! processor busy; a leaf that is reached early just stays.

use super::codes::{Question, Questions};
use super::predict::Tree;

/// Descents side by side.
const LANES: usize = 8;

/// The nodes of all trees in one array.
#[derive(Clone, Debug)]
pub(super) struct DescentForest {
    nodes: Vec<DescentNode>,
    /// The value of the leaf at each node.
    values: Vec<f64>,
    trees: Vec<DescentTree>,
}

/// Right where the code at `place`, masked, is above the threshold; left is the next node.
#[derive(Clone, Copy, Debug)]
struct DescentNode {
    place: u32,
    mask: i8,
    /// In a leaf, at least every code, so that it counts as left.
    threshold: i8,
    /// From this node to the left one: 0 in a leaf.
    left: u8,
    /// From this node to the right one.
    right: u32,
}

#[derive(Clone, Copy, Debug)]
struct DescentTree {
    root: u32,
    /// Most splits between root and leaf.
    depth: u32,
}

impl DescentForest {
    pub(super) fn new<'a>(trees: &'a [Tree], questions: &Questions<'a>) -> Self {
        let mut forest = DescentForest { nodes: Vec::new(), values: Vec::new(), trees: Vec::new() };
        for tree in trees {
            let root = forest.nodes.len() as u32;
            let depth = forest.add_tree(tree, questions);
            forest.trees.push(DescentTree { root, depth });
        }
        forest
    }

    /// Adds the nodes of a tree in preorder, without recursion since a tree may be deep; how deep it goes.
    fn add_tree<'a>(&mut self, tree: &'a Tree, questions: &Questions<'a>) -> u32 {
        // What is to be added, how deep it lies, and whose right child it is.
        let root = if tree.nodes.is_empty() { !0 } else { 0 };
        let mut pending: Vec<(i32, u32, Option<usize>)> = vec![(root, 0, None)];
        let mut deepest = 0;
        while let Some((at, depth, parent)) = pending.pop() {
            let here = self.nodes.len();
            if let Some(parent) = parent {
                self.nodes[parent].right = (here - parent) as u32;
            }
            deepest = deepest.max(depth);
            if at < 0 {
                self.nodes.push(DescentNode { place: 0, mask: 0, threshold: i8::MAX, left: 0, right: 0 });
                self.values.push(tree.values[!at as usize]);
                continue;
            }
            let node = &tree.nodes[at as usize];
            let Question { place, mask, threshold } = questions.of(node);
            self.nodes.push(DescentNode { place: place as u32, mask, threshold, left: 1, right: 0 });
            self.values.push(0.0);
            pending.extend([(node.right, depth + 1, Some(here)), (node.left, depth + 1, None)]);
        }
        deepest
    }

    /// Adds every tree's value for a row's codes to `sum`, in order.
    pub(super) fn add(&self, codes: &[i8], mut sum: f64) -> f64 {
        let (groups, rest) = self.trees.as_chunks::<LANES>();
        for group in groups {
            let depth = group.iter().fold(0, |depth, tree| depth.max(tree.depth));
            let leaves = self.descend(group.map(|tree| tree.root), codes, depth);
            sum = leaves.into_iter().fold(sum, |sum, leaf| sum + self.values[leaf as usize]);
        }
        let leaf = |tree: &DescentTree| self.descend([tree.root], codes, tree.depth)[0];
        rest.iter().fold(sum, |sum, tree| sum + self.values[leaf(tree) as usize])
    }

    #[inline(always)]
    fn descend<const L: usize>(&self, mut at: [u32; L], codes: &[i8], depth: u32) -> [u32; L] {
        for _ in 0..depth {
            for at in &mut at {
                let node = self.nodes[*at as usize];
                let goes_right = codes[node.place as usize] & node.mask > node.threshold;
                *at += if goes_right { node.right } else { u32::from(node.left) };
            }
        }
        at
    }
}
