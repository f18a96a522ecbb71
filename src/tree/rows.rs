//! The rows that a tree is grown on, and what it asks of each.

use std::ops::Range;

/// Rows of a table, ascending, none twice.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// The first so many.
    First(usize),
    /// These.
    Listed(&'a [u32]),
}

/// Gradient and hessian of every row of a table: computed when they are asked for, so that nobody has to keep them.
pub trait Derivatives: Sync {
    /// Those of some `rows` up to the last that a tree is grown on, as many as there are places: finite, hessians not
    /// negative, the same whenever asked.
    fn fill(&self, rows: RowPart<'_>, gradients: &mut [f32], hessians: &mut [f32]);
}

/// Some of the [`Rows`].
#[derive(Clone, Debug)]
pub enum RowPart<'a> {
    /// Neighbours.
    Run(Range<usize>),
    /// Others.
    Listed(&'a [u32]),
}

impl<'a> Rows<'a> {
    /// How many.
    pub fn len(self) -> usize {
        match self {
            Rows::First(n) => n,
            Rows::Listed(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The row at a place.
    #[inline(always)]
    pub fn at(self, place: usize) -> u32 {
        match self {
            Rows::First(_) => place as u32,
            Rows::Listed(rows) => rows[place],
        }
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = u32> + Clone + use<'a> {
        (0..self.len()).map(move |place| self.at(place))
    }

    /// Those at some places, at least one.
    pub(super) fn part(self, places: Range<usize>) -> RowPart<'a> {
        let (first, last) = (self.at(places.start) as usize, self.at(places.end - 1) as usize);
        match self {
            Rows::Listed(rows) if last + 1 - first > places.len() => RowPart::Listed(&rows[places]),
            _ => RowPart::Run(first..last + 1),
        }
    }
}

impl<'a> From<&'a [u32]> for Rows<'a> {
    fn from(rows: &'a [u32]) -> Self {
        Rows::Listed(rows)
    }
}

/// Gradients and hessians of all rows that were computed before.
impl Derivatives for (&[f32], &[f32]) {
    fn fill(&self, rows: RowPart<'_>, gradients: &mut [f32], hessians: &mut [f32]) {
        for (places, values) in [(gradients, self.0), (hessians, self.1)] {
            match &rows {
                RowPart::Run(run) => places.copy_from_slice(&values[run.clone()]),
                RowPart::Listed(rows) => {
                    places.iter_mut().zip(*rows).for_each(|(place, &row)| *place = values[row as usize]);
                }
            }
        }
    }
}
