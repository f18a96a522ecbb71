//! A forest laid out for blocks of rows: every node is asked for all rows at once.
//!
//! A row that stands at a node is known by the first leaf below it. All start at leaf 0; a node, asked after its
//! parent, moves those of its rows that go right on to the first leaf of its right side. So a tree costs each row
//! as many comparisons of single bytes as it has nodes, side by side as wide as the processor's registers, and no
//! load waits for another (the idea of QuickScorer, Lucchese et al. 2015, with a byte for its mask of leaves).

use fearless_simd::prelude::*;
use fearless_simd::{i8x64, u8x64};

use super::codes::{BLOCK, CodeColumn, Question, Questions};
use super::parts::{MAX_LEAVES, Part, PartNode};

/// Rows of one vector.
const LANES: usize = 64;

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
    /// Right where the code, masked, is above the threshold.
    mask: i8,
    threshold: i8,
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
    pub(super) fn new<'a>(parts: &[Part<'a>], questions: &Questions<'a>) -> Self {
        let mut forest = BlockForest { nodes: Vec::new(), trees: Vec::new(), values: Vec::new() };
        for part in parts {
            let first_leaf = forest.values.len() as u32;
            forest.nodes.extend(part.nodes.iter().map(|node| BlockNode::new(questions.of(node.node), node)));
            forest.values.extend(&part.values);
            forest.trees.push(BlockTree { end_node: forest.nodes.len() as u32, first_leaf });
        }
        forest.values.extend([0.0; MAX_LEAVES]);
        forest
    }

    /// Adds every tree's value for each of the first rows of a block to its sum, in order.
    #[inline(always)]
    pub(super) fn add<S: Simd>(&self, simd: S, codes: &[CodeColumn], of_rows: &mut [f64]) {
        let mut sums = [0.0; BLOCK];
        sums[..of_rows.len()].copy_from_slice(of_rows);
        self.add_block(simd, codes, &mut sums);
        of_rows.copy_from_slice(&sums[..of_rows.len()]);
    }

    #[inline(always)]
    fn add_block<S: Simd>(&self, simd: S, codes: &[CodeColumn], sums: &mut [f64; BLOCK]) {
        let mut start = 0;
        for tree in &self.trees {
            let end = tree.end_node as usize;
            let leaves = leaves(simd, &self.nodes[start..end], codes);
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
    fn new(question: Question, node: &PartNode) -> Self {
        let Question { place, mask, threshold } = question;
        let (first, step) = (node.first as u8, node.step as u8);
        BlockNode { column: place as u32, mask, threshold, first, step }
    }
}

/// Each row's leaf of one tree.
#[inline(always)]
fn leaves<S: Simd>(simd: S, nodes: &[BlockNode], codes: &[CodeColumn]) -> [u8; BLOCK] {
    let mut leaves = [0; BLOCK];
    // So many vectors that one does not wait for another, and that they stay in registers.
    if S::u8s::LEN < LANES {
        add_leaves::<S, 2>(simd, nodes, codes, &mut leaves);
    } else {
        add_leaves::<S, 4>(simd, nodes, codes, &mut leaves);
    }
    leaves
}

/// `N` vectors at a time.
#[inline(always)]
fn add_leaves<S: Simd, const N: usize>(
    simd: S,
    nodes: &[BlockNode],
    codes: &[CodeColumn],
    leaves: &mut [u8; BLOCK],
) {
    let vectors = leaves.as_chunks_mut::<LANES>().0.as_chunks_mut::<N>().0;
    for (part, leaves) in vectors.iter_mut().enumerate() {
        let mut at = [u8x64::splat(simd, 0); N];
        for node in nodes {
            let (mask, threshold) = (i8x64::splat(simd, node.mask), i8x64::splat(simd, node.threshold));
            let (first, step) = (u8x64::splat(simd, node.first), u8x64::splat(simd, node.step));
            let codes = &codes[node.column as usize].as_chunks::<LANES>().0.as_chunks::<N>().0[part];
            for (at, codes) in at.iter_mut().zip(codes) {
                let goes_right = (i8x64::from_slice(simd, codes) & mask).simd_gt(threshold);
                let moves = goes_right & at.simd_eq(first);
                *at = moves.select(*at + step, *at);
            }
        }
        *leaves = at.map(|at| at.into());
    }
}
