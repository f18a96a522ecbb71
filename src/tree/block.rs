//! A forest laid out for blocks of rows: every node is asked for all rows at once.
//!
//! A row that stands at a node is known by the first leaf below it. All start at leaf 0; a node, asked after its
//! parent, moves those of its rows that go right on to the first leaf of its right side. So a tree costs each row
//! as many comparisons of single bytes as it has nodes, side by side as wide as the processor's registers, and no
//! load waits for another (the idea of QuickScorer, Lucchese et al. 2015, with a byte for its mask of leaves).

use super::codes::{BLOCK, CodeColumn, Question, Questions};
use super::predict::Tree;

/// Most leaves a byte tells apart.
const MAX_LEAVES: usize = 256;

/// The nodes of all trees, parents before their children.
#[derive(Clone, Debug)]
pub(super) struct BlockForest {
    nodes: Vec<BlockNode>,
    trees: Vec<BlockTree>,
    /// The leaves of all trees, and so many more that every tree's are the first of [`MAX_LEAVES`].
    values: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct BlockNode {
    column: u32,
    /// Of a number, the threshold; of a category, the bit.
    test: i8,
    is_bit: bool,
    /// The first leaf below.
    first: u8,
    /// From it to the first leaf on the right.
    step: u8,
}

#[derive(Clone, Copy, Debug)]
struct BlockTree {
    end_node: u32,
    first_leaf: u32,
}

impl BlockForest {
    /// None where a tree has more leaves than a byte tells apart.
    pub(super) fn new<'a>(trees: &'a [Tree], questions: &Questions<'a>) -> Option<Self> {
        if trees.iter().any(|tree| tree.n_leaves() > MAX_LEAVES) {
            return None;
        }
        let mut forest = BlockForest { nodes: Vec::new(), trees: Vec::new(), values: Vec::new() };
        for tree in trees {
            let first_leaf = forest.values.len() as u32;
            forest.nodes.extend(tree.nodes.iter().map(|node| {
                let first = tree.first_leaf(node.left);
                BlockNode::new(questions.of(node), first as u8, (tree.first_leaf(node.right) - first) as u8)
            }));
            forest.values.extend(&tree.values);
            forest.trees.push(BlockTree { end_node: forest.nodes.len() as u32, first_leaf });
        }
        forest.values.extend([0.0; MAX_LEAVES]);
        Some(forest)
    }

    /// Adds every tree's value for each of the first rows of a block to its sum, in order.
    pub(super) fn add(&self, codes: &[CodeColumn], of_rows: &mut [f64]) {
        let mut sums = [0.0; BLOCK];
        sums[..of_rows.len()].copy_from_slice(of_rows);
        self.add_block(codes, &mut sums);
        of_rows.copy_from_slice(&sums[..of_rows.len()]);
    }

    fn add_block(&self, codes: &[CodeColumn], sums: &mut [f64; BLOCK]) {
        let mut start = 0;
        for tree in &self.trees {
            let end = tree.end_node as usize;
            let leaves = leaves(&self.nodes[start..end], codes);
            let Some((values, _)) = self.values[tree.first_leaf as usize..].split_first_chunk::<MAX_LEAVES>()
            else {
                return;
            };
            sums.iter_mut().zip(leaves).for_each(|(sum, leaf)| *sum += values[usize::from(leaf)]);
            start = end;
        }
    }
}

impl BlockNode {
    fn new(question: Question, first: u8, step: u8) -> Self {
        match question {
            Question::Above { column, threshold } => {
                BlockNode { column: column as u32, test: threshold, is_bit: false, first, step }
            }
            Question::Bit { column, bit } => {
                BlockNode { column: column as u32, test: bit as i8, is_bit: true, first, step }
            }
        }
    }
}

/// Each row's leaf of one tree.
#[inline(always)]
fn leaves(nodes: &[BlockNode], codes: &[CodeColumn]) -> [u8; BLOCK] {
    let mut at = [0u8; BLOCK];
    for node in nodes {
        let codes = &codes[node.column as usize];
        if node.is_bit {
            advance(&mut at, codes, node, |code| code & node.test != 0);
        } else {
            advance(&mut at, codes, node, |code| code > node.test);
        }
    }
    at
}

/// Written so that it compiles to vector instructions: the benchmark `tree_predict` shows when it does not.
#[inline(always)]
fn advance(at: &mut [u8; BLOCK], codes: &CodeColumn, node: &BlockNode, goes_right: impl Fn(i8) -> bool) {
    for (at, &code) in at.iter_mut().zip(codes) {
        let moves = (*at == node.first) & goes_right(code);
        *at += if moves { node.step } else { 0 };
    }
}
