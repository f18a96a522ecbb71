//! A forest laid out for speed: all nodes in one array, leaves that lead to themselves, eight descents at a time.
//!
//! One descent is a chain of loads that each wait for the one before. Eight of them side by side, of trees for a
//! single row and of rows for a batch, keep the processor busy; a leaf that is reached early just stays.

use super::predict::{Node, Tree};

/// Descents side by side.
const LANES: usize = 8;
const MISSING_LEFT: u32 = 1;
const CATEGORY: u32 = 2;

/// The nodes of all trees.
#[derive(Clone, Debug)]
pub(super) struct FlatForest {
    nodes: Vec<FlatNode>,
    trees: Vec<FlatTree>,
    /// Nodes that split a category, by the number above the flags of their flat ones.
    categories: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct FlatNode {
    /// The largest number that goes left; in a leaf, its value.
    threshold: f64,
    column: u32,
    flags: u32,
    left: u32,
    right: u32,
}

#[derive(Clone, Copy, Debug)]
struct FlatTree {
    root: u32,
    /// Most splits between root and leaf.
    depth: u32,
}

impl FlatForest {
    pub(super) fn new(trees: &[Tree]) -> Self {
        let mut flat = FlatForest { nodes: Vec::new(), trees: Vec::new(), categories: Vec::new() };
        for tree in trees {
            let root = flat.nodes.len() as u32;
            let depth = flat.add(tree, if tree.nodes.is_empty() { !0 } else { 0 });
            flat.trees.push(FlatTree { root, depth });
        }
        flat
    }

    /// Adds what is below a node of a tree; how deep it goes.
    fn add(&mut self, tree: &Tree, at: i32) -> u32 {
        let here = self.nodes.len();
        if at < 0 {
            let (itself, threshold) = (here as u32, tree.values[!at as usize]);
            self.nodes.push(FlatNode { threshold, column: 0, flags: 0, left: itself, right: itself });
            return 0;
        }
        let node = &tree.nodes[at as usize];
        let flat = self.flat_node(node);
        self.nodes.push(flat);
        self.nodes[here].left = self.nodes.len() as u32;
        let left_depth = self.add(tree, node.left);
        self.nodes[here].right = self.nodes.len() as u32;
        1 + left_depth.max(self.add(tree, node.right))
    }

    fn flat_node(&mut self, node: &Node) -> FlatNode {
        let missing_left = u32::from(node.missing_left) * MISSING_LEFT;
        let (threshold, flags) = node.threshold().map_or_else(
            || {
                self.categories.push(node.clone());
                (0.0, (self.categories.len() as u32 - 1) << 2 | CATEGORY)
            },
            |threshold| (threshold, missing_left),
        );
        FlatNode { threshold, column: node.column, flags, left: 0, right: 0 }
    }

    /// Adds every tree's value for a row to `sum`, in order.
    pub(super) fn add_row(&self, row: &[f64], mut sum: f64) -> f64 {
        let (groups, rest) = self.trees.as_chunks::<LANES>();
        for group in groups {
            let depth = group.iter().fold(0, |depth, tree| depth.max(tree.depth));
            let leaves = self.descend(group.map(|tree| tree.root), [row; LANES], depth);
            sum = leaves.into_iter().fold(sum, |sum, leaf| sum + self.value(leaf));
        }
        rest.iter().fold(sum, |sum, tree| sum + self.value(self.leaf(*tree, row)))
    }

    /// Adds every tree's value for each of the rows (row-major, `width` wide) to its sum.
    pub(super) fn add_rows(&self, tile: &[f64], width: usize, sums: &mut [f64]) {
        if sums.len() < LANES {
            let rows = tile.chunks(width).zip(sums);
            return rows.for_each(|(row, sum)| *sum = self.add_row(row, *sum));
        }
        for tree in &self.trees {
            let (groups, rest) = sums.as_chunks_mut::<LANES>();
            for (group, sums) in tile.chunks(width * LANES).zip(groups) {
                let rows = std::array::from_fn(|lane| &group[lane * width..][..width]);
                let leaves = self.descend([tree.root; LANES], rows, tree.depth);
                sums.iter_mut().zip(leaves).for_each(|(sum, leaf)| *sum += self.value(leaf));
            }
            let left_over = tile.chunks(width).rev().take(rest.len());
            rest.iter_mut()
                .rev()
                .zip(left_over)
                .for_each(|(sum, row)| *sum += self.value(self.leaf(*tree, row)));
        }
    }

    #[inline(always)]
    fn descend(&self, mut at: [u32; LANES], rows: [&[f64]; LANES], depth: u32) -> [u32; LANES] {
        for _ in 0..depth {
            for (at, row) in at.iter_mut().zip(rows) {
                *at = self.step(*at, row);
            }
        }
        at
    }

    fn leaf(&self, tree: FlatTree, row: &[f64]) -> u32 {
        (0..tree.depth).fold(tree.root, |at, _| self.step(at, row))
    }

    fn value(&self, leaf: u32) -> f64 {
        self.nodes[leaf as usize].threshold
    }

    #[inline(always)]
    fn step(&self, at: u32, row: &[f64]) -> u32 {
        let node = &self.nodes[at as usize];
        let value = row[node.column as usize];
        let goes_left = if node.flags & CATEGORY == 0 {
            (value <= node.threshold) | (value.is_nan() & (node.flags == MISSING_LEFT))
        } else {
            self.categories[(node.flags >> 2) as usize].goes_left(value)
        };
        if goes_left { node.left } else { node.right }
    }
}
