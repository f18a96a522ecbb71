//! Trees in parts of so few leaves that a byte tells them apart.
//!
//! A tree of more leaves is as good as several: each has some of its leaves, and 0 in place of all others, so that the sum of
//! the parts is the tree. A part keeps the nodes above its own leaves.

use std::ops::Range;

use super::predict::{Node, Tree};

/// Most leaves of a part.
pub(super) const MAX_LEAVES: usize = 256;
/// Most leaves of a tree that is put in parts: to ask all nodes of a larger one is slower than to go down it.
const MAX_TREE_LEAVES: usize = 2048;

/// A tree, or a part of one.
pub(super) struct Part<'a> {
    /// Parents before their children.
    pub(super) nodes: Vec<PartNode<'a>>,
    /// From left to right, at most [`MAX_LEAVES`].
    pub(super) values: Vec<f64>,
}

/// A node, and where its leaves are.
pub(super) struct PartNode<'a> {
    pub(super) node: &'a Node,
    /// The first leaf below.
    pub(super) first: usize,
    /// From it to the first leaf on the right.
    pub(super) step: usize,
}

/// The parts of all trees, in order; none where a tree is too large for that.
pub(super) fn parts(trees: &[Tree]) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    for tree in trees {
        if tree.n_leaves() > MAX_TREE_LEAVES {
            return None;
        }
        let spans = spans(tree);
        let mut start = 0;
        while start < tree.n_leaves() {
            let mut end = tree.n_leaves().min(start + MAX_LEAVES);
            let part = loop {
                match part(tree, &spans, start..end) {
                    Some(part) => break part,
                    None if end - start <= 32 => return None,
                    None => end -= (end - start) / 8,
                }
            };
            parts.push(part);
            start = end;
        }
    }
    Some(parts)
}

/// The leaves below each node.
fn spans(tree: &Tree) -> Vec<Range<usize>> {
    let mut spans = vec![0..0; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        spans[at] = span(&spans, node.left).start..span(&spans, node.right).end;
    }
    spans
}

fn span(spans: &[Range<usize>], child: i32) -> Range<usize> {
    usize::try_from(child).map_or_else(|_| !child as usize..!child as usize + 1, |at| spans[at].clone())
}

/// The part with these leaves; none where it has too many.
fn part<'a>(tree: &'a Tree, spans: &[Range<usize>], leaves: Range<usize>) -> Option<Part<'a>> {
    let mut part = Part { nodes: Vec::new(), values: Vec::new() };
    // What is to be added, and whose right child it is.
    let root = if tree.nodes.is_empty() { !0 } else { 0 };
    let mut pending: Vec<(i32, Option<usize>)> = vec![(root, None)];
    while let Some((at, right_of)) = pending.pop() {
        let first = part.values.len();
        if let Some(parent) = right_of {
            let parent: &mut PartNode = &mut part.nodes[parent];
            parent.step = first - parent.first;
        }
        let span = span(spans, at);
        if span.end <= leaves.start || leaves.end <= span.start {
            part.values.push(0.0);
        } else if let Ok(at) = usize::try_from(at) {
            let node = &tree.nodes[at];
            pending.extend([(node.right, Some(part.nodes.len())), (node.left, None)]);
            part.nodes.push(PartNode { node, first, step: 0 });
        } else {
            part.values.push(tree.values[!at as usize]);
        }
        if part.values.len() > MAX_LEAVES {
            return None;
        }
    }
    Some(part)
}
