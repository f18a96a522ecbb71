//! The subtrees whose contributions stand in tables, asked 64 side by side.
//!
//! A subtree's table has a line for each state of a row: a bit for each of its nodes, and one for each column on the way
//! to it. A bit is one decision, or several that have to hold together. So the states of 64 subtrees are a few
//! comparisons of bytes, and what is left for each is to add one line.

use std::iter::repeat_n;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, i8x64, u8x64};

use super::codes::Question;
use super::lookup::{CodeTable, LANES, is_long, table_bytes};

/// Most bits of a state: 32 lines. Longer tables would not stay in the cache.
pub(super) const MAX_TABLE_BITS: usize = 5;

/// Sums of a column that are added to by turns.
const CHAINS: usize = 4;

/// A subtree and its table.
#[derive(Clone, Debug)]
pub(super) struct Subtree {
    /// What has to hold for each bit of a state, the lowest first.
    pub(super) bits: Vec<Vec<Condition>>,
    /// The columns that the contributions go to.
    pub(super) columns: Vec<u32>,
    /// A line for each state, a number in it for each of `columns`.
    pub(super) table: Vec<f64>,
}

/// One decision that a row has to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    pub(super) question: Question,
    pub(super) left: bool,
}

/// All subtrees of a forest, those of few columns first.
#[derive(Clone, Debug, Default)]
pub(super) struct Subtrees {
    n_codes: usize,
    n_columns: usize,
    steps: Vec<Step>,
    groups: Vec<Group>,
}

/// One condition of each of the subtrees of a group.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Place of the code that is asked for. A byte is enough where codes are looked up in registers.
    places: [u32; LANES],
    table_places: [u8; LANES],
    mask: [i8; LANES],
    threshold: [i8; LANES],
    /// The bits that stay where the answer is right, and where it is left.
    right: [u8; LANES],
    left: [u8; LANES],
}

/// Up to [`LANES`] subtrees.
#[derive(Clone, Debug)]
struct Group {
    /// Where the steps of each bit end.
    end_steps: [u32; MAX_TABLE_BITS],
    /// Numbers in a line, of all its tables.
    width: usize,
    /// Of each subtree, where its table begins, in lines.
    first_lines: Vec<u32>,
    /// `width` of each subtree; one more than there are stands where a line has fewer.
    columns: Vec<u32>,
    /// The tables.
    values: Vec<f64>,
}

impl Subtrees {
    /// For rows of `n_codes` codes, and contributions of `n_columns` columns.
    pub(super) fn new(mut subtrees: Vec<Subtree>, n_codes: usize, n_columns: usize) -> Self {
        subtrees.sort_by_key(|subtree| subtree.columns.len());
        let mut all = Subtrees { n_codes, n_columns, ..Subtrees::default() };
        subtrees.chunks(LANES).for_each(|subtrees| all.add_group(subtrees));
        all
    }

    fn add_group(&mut self, subtrees: &[Subtree]) {
        let mut end_steps = [0; MAX_TABLE_BITS];
        for (bit, end) in end_steps.iter_mut().enumerate() {
            let conditions = |subtree: &Subtree| subtree.bits.get(bit).map_or(0, Vec::len);
            let n_steps = subtrees.iter().map(conditions).max().unwrap_or(0);
            self.steps.extend((0..n_steps).map(|at| Step::new(subtrees, bit, at)));
            *end = self.steps.len() as u32;
        }
        let width = subtrees.iter().map(|subtree| subtree.columns.len()).max().unwrap_or(0);
        let (mut first_lines, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for subtree in subtrees {
            let missing = width - subtree.columns.len();
            first_lines.push((values.len() / width.max(1)) as u32);
            columns.extend(subtree.columns.iter().copied().chain(repeat_n(self.n_columns as u32, missing)));
            for line in subtree.table.chunks(subtree.columns.len().max(1)) {
                values.extend(line.iter().copied().chain(repeat_n(0.0, missing)));
            }
        }
        self.groups.push(Group { end_steps, width, first_lines, columns, values });
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Adds the subtrees' contributions for rows of `width` codes to rows of sums, one a column.
    pub(super) fn add(&self, codes: &[i8], width: usize, out: &mut [f64]) {
        if self.groups.is_empty() {
            return;
        }
        let rows = codes.chunks(width.max(1));
        let chain = self.n_columns + 1;
        let mut sums = vec![0.0; out.len() / self.n_columns * CHAINS * chain];
        dispatch!(Level::new(), simd => match table_bytes(self.n_codes) {
            None => self.add_to_chains(rows.map(|codes| Loads { simd, codes }), &mut sums),
            Some(_) if is_long(self.n_codes) => {
                self.add_to_chains(rows.map(|codes| Long(CodeTable::new(simd, codes))), &mut sums);
            }
            Some(_) => self.add_to_chains(rows.map(|codes| CodeTable::new(simd, codes)), &mut sums),
        });
        for (out, sums) in out.chunks_mut(self.n_columns).zip(sums.chunks(CHAINS * chain)) {
            for chain in sums.chunks(chain) {
                out.iter_mut().zip(chain).for_each(|(out, sum)| *out += sum);
            }
        }
    }

    /// All rows to a group, since its tables then stay in the cache.
    #[inline(always)]
    fn add_to_chains(&self, rows: impl Iterator<Item = impl Codes>, sums: &mut [f64]) {
        let (rows, mut first_step) = (rows.collect::<Vec<_>>(), 0);
        for group in &self.groups {
            let ends = group.end_steps.map(|end| end as usize - first_step);
            let steps = &self.steps[first_step..][..ends[MAX_TABLE_BITS - 1]];
            for (codes, sums) in rows.iter().zip(sums.chunks_mut(CHAINS * (self.n_columns + 1))) {
                group.add(states(codes, steps, ends), sums);
            }
            first_step += steps.len();
        }
    }
}

impl Group {
    /// Adds the line of each subtree. Its length is known where it is compiled, so that no end of a line is guessed
    /// wrongly.
    #[inline(always)]
    fn add(&self, states: [u8; LANES], sums: &mut [f64]) {
        match self.width {
            1 => self.add_lines::<1>(states, sums),
            2 => self.add_lines::<2>(states, sums),
            3 => self.add_lines::<3>(states, sums),
            4 => self.add_lines::<4>(states, sums),
            _ => self.add_lines::<MAX_TABLE_BITS>(states, sums),
        }
    }

    /// Neighbours share columns: so that none waits for the sum of the one before, they add by turns to the chains of
    /// sums.
    #[inline(always)]
    fn add_lines<const W: usize>(&self, states: [u8; LANES], sums: &mut [f64]) {
        let (lines, columns) = (self.values.as_chunks::<W>().0, self.columns.as_chunks::<W>().0);
        let n_sums = sums.len() / CHAINS;
        for (turn, ((columns, first), state)) in columns.iter().zip(&self.first_lines).zip(states).enumerate()
        {
            let sums = &mut sums[turn % CHAINS * n_sums..][..n_sums];
            let line = &lines[*first as usize + usize::from(state)];
            columns.iter().zip(line).for_each(|(&column, part)| sums[column as usize] += part);
        }
    }
}

/// The state of each subtree of a group.
#[inline(always)]
fn states<C: Codes>(codes: &C, steps: &[Step], ends: [usize; MAX_TABLE_BITS]) -> [u8; LANES] {
    let simd = codes.simd();
    let (mut states, mut start) = (u8x64::splat(simd, 0), 0);
    for end in ends {
        let mut held = u8x64::splat(simd, if start < end { u8::MAX } else { 0 });
        for step in &steps[start..end] {
            let asked = codes.of(step) & i8x64::from_slice(simd, &step.mask);
            let goes_right = asked.simd_gt(i8x64::from_slice(simd, &step.threshold));
            let (right, left) = (u8x64::from_slice(simd, &step.right), u8x64::from_slice(simd, &step.left));
            held &= goes_right.select(right, left);
        }
        states |= held;
        start = end;
    }
    states.into()
}

impl Step {
    /// The condition `at` of a bit of each of the subtrees; it changes nothing for those that have no such condition, but a
    /// bit without any is not set.
    fn new(subtrees: &[Subtree], bit: usize, at: usize) -> Self {
        let nothing = if at == 0 { 0 } else { u8::MAX };
        let mut step = Step {
            places: [0; LANES],
            table_places: [0; LANES],
            mask: [0; LANES],
            threshold: [0; LANES],
            right: [nothing; LANES],
            left: [nothing; LANES],
        };
        for (lane, subtree) in subtrees.iter().enumerate() {
            if let Some(condition) = subtree.bits.get(bit).and_then(|conditions| conditions.get(at)) {
                step.ask(lane, *condition, 1 << bit);
            }
        }
        step
    }

    fn ask(&mut self, lane: usize, Condition { question, left }: Condition, bit: u8) {
        self.places[lane] = question.place as u32;
        self.table_places[lane] = question.place as u8;
        self.mask[lane] = question.mask;
        self.threshold[lane] = question.threshold;
        (self.right[lane], self.left[lane]) = if left { (0, bit) } else { (bit, 0) };
    }
}

/// The codes of a row.
trait Codes {
    type Simd: Simd;

    fn simd(&self) -> Self::Simd;

    /// What the conditions of a step ask for.
    fn of(&self, step: &Step) -> i8x64<Self::Simd>;
}

impl<S: Simd> Codes for CodeTable<S> {
    type Simd = S;

    #[inline(always)]
    fn simd(&self) -> S {
        self.simd
    }

    #[inline(always)]
    fn of(&self, step: &Step) -> i8x64<S> {
        self.look_up(u8x64::from_slice(self.simd, &step.table_places))
    }
}

/// As many codes as take the longer way.
struct Long<S: Simd>(CodeTable<S>);

impl<S: Simd> Codes for Long<S> {
    type Simd = S;

    #[inline(always)]
    fn simd(&self) -> S {
        self.0.simd
    }

    #[inline(always)]
    fn of(&self, step: &Step) -> i8x64<S> {
        self.0.look_up_long(u8x64::from_slice(self.0.simd, &step.table_places))
    }
}

/// Codes that are loaded one by one.
struct Loads<'a, S> {
    simd: S,
    codes: &'a [i8],
}

impl<S: Simd> Codes for Loads<'_, S> {
    type Simd = S;

    #[inline(always)]
    fn simd(&self) -> S {
        self.simd
    }

    #[inline(always)]
    fn of(&self, step: &Step) -> i8x64<S> {
        i8x64::from_slice(self.simd, &step.places.map(|place| self.codes[place as usize]))
    }
}
