//! A forest laid out for one row: every node is asked, up to 64 trees side by side.
//!
//! As in [`block`](super::block), a row that stands at a node is known by the first leaf below it. Here the lanes are
//! trees: the codes that their nodes ask for are gathered first, which needs no load to wait for another and no
//! guess at which way the row goes, and then the first nodes of all these trees are asked, then the second ones, and so on.
//!
//! Where a row has few codes and the processor looks many bytes up in a register at once, gathering them is an instruction or
//! two; elsewhere it is a load a node, which is most of the time that a row takes.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, i8x64, u8x64};

use super::codes::{Question, Questions};
use super::lookup::{CodeTable, LANES, is_long, table_bytes};
use super::parts::Part;

/// Most leaves a tree may have on average: where there are more, the nodes on one path are few beside all.
const MAX_MEAN_LEAVES: usize = 80;
/// The same for each byte of a register where codes are looked up in them.
const MAX_MEAN_LEAVES_A_BYTE: usize = 5;

/// The nodes of all trees, parents before their children.
#[derive(Clone, Debug)]
pub(super) struct RowForest {
    /// Place among a row's codes of what each node asks for, in the order of `steps`.
    places: Vec<[u16; LANES]>,
    /// The same, where codes are looked up in registers.
    table_places: Vec<[u8; LANES]>,
    /// Whether there are many codes to look up.
    is_long: bool,
    steps: Vec<Step>,
    groups: Vec<Group>,
    values: Vec<f64>,
}

/// One node of each tree of a group; a tree that has no more has one that moves nothing.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Right where the code, masked, is above the threshold.
    mask: [i8; LANES],
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
    /// The parts of `n_trees` trees. None where these are so large that a descent is faster.
    pub(super) fn new<'a>(parts: &[Part<'a>], n_trees: usize, questions: &Questions<'a>) -> Option<Self> {
        let n_leaves: usize = parts.iter().map(|part| part.values.len()).sum();
        let n_codes = questions.coder.n_columns();
        let register = table_bytes(n_codes);
        let most = register.map_or(MAX_MEAN_LEAVES, |bytes| MAX_MEAN_LEAVES_A_BYTE * bytes);
        let fits = n_codes <= usize::from(u16::MAX) && n_leaves <= most * n_trees;
        let mut forest = RowForest {
            places: Vec::new(),
            table_places: Vec::new(),
            is_long: is_long(n_codes),
            steps: Vec::new(),
            groups: Vec::new(),
            values: Vec::new(),
        };
        if fits {
            let n_groups = parts.len().div_ceil(LANES).max(1);
            let even = parts.len().div_ceil(n_groups).max(1);
            parts.chunks(even).for_each(|parts| forest.add_group(parts, questions));
        }
        if register.is_some() {
            let narrow = |places: [u16; LANES]| places.map(|place| place as u8);
            forest.table_places = std::mem::take(&mut forest.places).into_iter().map(narrow).collect();
        }
        fits.then_some(forest)
    }

    fn add_group<'a>(&mut self, parts: &[Part<'a>], questions: &Questions<'a>) {
        let start = self.steps.len();
        let n_steps = parts.iter().map(|part| part.nodes.len()).max().unwrap_or(0);
        let none = [0; LANES];
        self.steps.resize(
            start + n_steps,
            Step { mask: none, threshold: none, first: [0; LANES], width: [0; LANES] },
        );
        self.places.resize(start + n_steps, [0; LANES]);
        let mut first_leaves = Vec::new();
        for (lane, part) in parts.iter().enumerate() {
            for (at, node) in part.nodes.iter().enumerate() {
                let Question { place, mask, threshold } = questions.of(node.node);
                let step = &mut self.steps[start + at];
                self.places[start + at][lane] = place as u16;
                step.mask[lane] = mask;
                step.threshold[lane] = threshold;
                step.first[lane] = node.first as u8;
                step.width[lane] = node.step as u8;
            }
            first_leaves.push(self.values.len() as u32);
            self.values.extend(&part.values);
        }
        self.groups.push(Group { end_step: self.steps.len(), first_leaves });
    }

    /// Adds every tree's value for a row's codes to `sum`, in order.
    pub(super) fn add(&self, codes: &[i8], sum: f64) -> f64 {
        dispatch!(Level::new(), simd => self.add_by(simd, codes, sum))
    }

    #[inline(always)]
    fn add_by<S: Simd>(&self, simd: S, codes: &[i8], sum: f64) -> f64 {
        if self.table_places.is_empty() {
            let gathered = self.gather(codes);
            self.add_leaves(sum, |steps| leaves(&self.steps[steps.clone()], &gathered[steps]))
        } else {
            let table = CodeTable::new(simd, codes);
            let leaves = |steps: std::ops::Range<usize>| {
                let (places, steps) = (&self.table_places[steps.clone()], &self.steps[steps]);
                if self.is_long {
                    leaves_by_table(&table, steps, places, CodeTable::look_up_long)
                } else {
                    leaves_by_table(&table, steps, places, CodeTable::look_up)
                }
            };
            self.add_leaves(sum, leaves)
        }
    }

    /// Adds the values of the leaves that `leaves` finds by the steps of each group.
    #[inline(always)]
    fn add_leaves(&self, mut sum: f64, leaves: impl Fn(std::ops::Range<usize>) -> [u8; LANES]) -> f64 {
        let mut start = 0;
        for group in &self.groups {
            for (&first, leaf) in group.first_leaves.iter().zip(leaves(start..group.end_step)) {
                sum += self.values[first as usize + usize::from(leaf)];
            }
            start = group.end_step;
        }
        sum
    }

    /// What each node asks for.
    #[inline(always)]
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

/// The leaf of each tree of a group, by codes in registers.
#[inline(always)]
fn leaves_by_table<S: Simd>(
    table: &CodeTable<S>,
    steps: &[Step],
    places: &[[u8; LANES]],
    look_up: impl Fn(&CodeTable<S>, u8x64<S>) -> i8x64<S>,
) -> [u8; LANES] {
    let simd = table.simd;
    let mut at = u8x64::splat(simd, 0);
    for (step, places) in steps.iter().zip(places) {
        let codes = look_up(table, u8x64::from_slice(simd, places)) & i8x64::from_slice(simd, &step.mask);
        let goes_right = codes.simd_gt(i8x64::from_slice(simd, &step.threshold));
        let moves = goes_right & at.simd_eq(u8x64::from_slice(simd, &step.first));
        at = moves.select(at + u8x64::from_slice(simd, &step.width), at);
    }
    at.into()
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
    let asked = codes.iter().zip(&step.mask).zip(&step.threshold).zip(&step.first).zip(&step.width);
    for (at, ((((code, mask), threshold), first), width)) in at.iter_mut().zip(asked) {
        let moves = u8::from(code & mask > *threshold) & u8::from(*at == *first);
        *at = at.wrapping_add(moves.wrapping_neg() & width);
    }
}
