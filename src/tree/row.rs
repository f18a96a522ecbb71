//! A forest laid out for one row: every node is asked, up to 64 trees side by side.
//!
//! As in [`block`](super::block), a row that stands at a node is known by the first leaf below it. Here the lanes are
//! trees: the codes that their nodes ask for are gathered first, which needs no load to wait for another and no
//! guess at which way the row goes, and then the first nodes of all these trees are asked, then the second ones, and so on.

use super::codes::Questions;
use super::predict::Tree;

/// Most trees side by side: enough for the compiler to see a loop over them, of which it makes vector instructions.
const LANES: usize = 64;
/// Most leaves a byte tells apart.
const MAX_LEAVES: usize = 256;
/// Most leaves a tree may have on average: where there are more, the nodes on one path are few beside all.
const MAX_MEAN_LEAVES: usize = 80;

/// The nodes of all trees, parents before their children.
#[derive(Clone, Debug)]
pub(super) struct RowForest {
    /// Place among a row's codes of what each node asks for, in the order of `steps`.
    places: Vec<[u16; LANES]>,
    steps: Vec<Step>,
    groups: Vec<Group>,
    values: Vec<f64>,
}

/// One node of each tree of a group; a tree that has no more has one that moves nothing.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Right where the code is above this.
    threshold: [i8; LANES],
    /// The first leaf below the node.
    first: [u8; LANES],
    /// From it to the first leaf on the right.
    width: [u8; LANES],
}

/// Up to [`LANES`] trees.
#[derive(Clone, Debug)]
struct Group {
    end_step: usize,
    /// Where the leaves of each tree begin.
    first_leaves: Vec<u32>,
}

impl RowForest {
    /// None where the trees are so large that a descent is faster.
    pub(super) fn new<'a>(trees: &'a [Tree], questions: &Questions<'a>) -> Option<Self> {
        let n_leaves: usize = trees.iter().map(Tree::n_leaves).sum();
        let fits = trees.iter().all(|tree| tree.n_leaves() <= MAX_LEAVES)
            && questions.coder.row_width() <= usize::from(u16::MAX)
            && n_leaves <= MAX_MEAN_LEAVES * trees.len();
        let mut forest =
            RowForest { places: Vec::new(), steps: Vec::new(), groups: Vec::new(), values: Vec::new() };
        if fits {
            let n_groups = trees.len().div_ceil(LANES).max(1);
            let even = trees.len().div_ceil(n_groups).max(1);
            trees.chunks(even).for_each(|trees| forest.add_group(trees, questions));
        }
        fits.then_some(forest)
    }

    fn add_group<'a>(&mut self, trees: &'a [Tree], questions: &Questions<'a>) {
        let start = self.steps.len();
        let n_steps = trees.iter().map(|tree| tree.nodes.len()).max().unwrap_or(0);
        self.steps
            .resize(start + n_steps, Step { threshold: [0; LANES], first: [0; LANES], width: [0; LANES] });
        self.places.resize(start + n_steps, [0; LANES]);
        let mut first_leaves = Vec::new();
        for (lane, tree) in trees.iter().enumerate() {
            for (at, node) in tree.nodes.iter().enumerate() {
                let (place, threshold) = questions.coder.place(questions.of(node));
                let (left, right) = (tree.first_leaf(node.left), tree.first_leaf(node.right));
                let step = &mut self.steps[start + at];
                self.places[start + at][lane] = place as u16;
                step.threshold[lane] = threshold;
                step.first[lane] = left as u8;
                step.width[lane] = (right - left) as u8;
            }
            first_leaves.push(self.values.len() as u32);
            self.values.extend(&tree.values);
        }
        self.groups.push(Group { end_step: self.steps.len(), first_leaves });
    }

    /// Adds every tree's value for a row's codes to `sum`, in order.
    pub(super) fn add(&self, codes: &[i8], mut sum: f64) -> f64 {
        let gathered = self.gather(codes);
        let mut start = 0;
        for group in &self.groups {
            let leaves = leaves(&self.steps[start..group.end_step], &gathered[start..group.end_step]);
            for (&first, leaf) in group.first_leaves.iter().zip(leaves) {
                sum += self.values[first as usize + usize::from(leaf)];
            }
            start = group.end_step;
        }
        sum
    }

    /// What each node asks for.
    fn gather(&self, codes: &[i8]) -> Vec<[i8; LANES]> {
        let mut gathered = vec![[0; LANES]; self.steps.len()];
        let mut start = 0;
        for group in &self.groups {
            let n = group.first_leaves.len().min(LANES);
            for (out, places) in gathered[start..group.end_step].iter_mut().zip(&self.places[start..]) {
                for (code, &place) in out[..n].iter_mut().zip(&places[..n]) {
                    *code = codes[usize::from(place)];
                }
            }
            start = group.end_step;
        }
        gathered
    }
}

/// The leaf of each tree of a group.
#[inline(always)]
fn leaves(steps: &[Step], codes: &[[i8; LANES]]) -> [u8; LANES] {
    let mut at = [0u8; LANES];
    for (step, codes) in steps.iter().zip(codes) {
        advance(&mut at, step, codes);
    }
    at
}

/// Written without a condition, so that it compiles to vector instructions: the benchmark `tree_predict` shows when
/// it does not.
#[inline(always)]
fn advance(at: &mut [u8; LANES], step: &Step, codes: &[i8; LANES]) {
    let asked = codes.iter().zip(&step.threshold).zip(&step.first).zip(&step.width);
    for (at, (((code, threshold), first), width)) in at.iter_mut().zip(asked) {
        let moves = u8::from(code > threshold) & u8::from(*at == *first);
        *at = at.wrapping_add(moves.wrapping_neg() & width);
    }
}
