//! What a tree reads: borrowed columns, with nothing known of schema or frame.

use std::fmt;
use std::ops::Range;

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;
/// The code of a category that training did not see.
pub const UNSEEN_CODE: u32 = u32::MAX - 1;
/// Rows of a column that are read at a time where it is no slice.
const STRETCH: usize = 1024;

/// Writes the numbers of rows `start..start + out.len()` into `out`: `read(start, out)`; NaN is missing.
pub type ReadRows<'a> = dyn Fn(usize, &mut [f64]) + Send + Sync + 'a;

/// One borrowed column of `n` rows.
#[derive(Clone, Copy)]
pub enum ColumnView<'a> {
    /// Numbers; NaN is missing.
    F64(&'a [f64]),
    /// Numbers; NaN is missing.
    F32(&'a [f32]),
    /// Numbers that are no slice, such as a column of a row-major matrix: read where they stand, some rows at a time.
    Read {
        /// Number of rows.
        n_rows: usize,
        /// Never asked for rows beyond the last.
        read: &'a ReadRows<'a>,
    },
    /// Category codes below `n_levels`, or [`MISSING_CODE`], or [`UNSEEN_CODE`].
    Category {
        /// One code a row.
        codes: &'a [u32],
        /// Number of levels that training saw.
        n_levels: usize,
    },
}

impl ColumnView<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            ColumnView::F64(values) => values.len(),
            ColumnView::F32(values) => values.len(),
            ColumnView::Read { n_rows, .. } => *n_rows,
            ColumnView::Category { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for ColumnView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            ColumnView::F64(_) => "F64",
            ColumnView::F32(_) => "F32",
            ColumnView::Read { .. } => "Read",
            ColumnView::Category { .. } => "Category",
        };
        write!(f, "{kind}({} rows)", self.len())
    }
}

/// Calls `take` with the numbers of one stretch of `rows` after the other.
pub(super) fn for_stretches(rows: Range<usize>, read: &ReadRows<'_>, mut take: impl FnMut(&[f64])) {
    let mut numbers = [0.0; STRETCH];
    for start in rows.clone().step_by(STRETCH) {
        let numbers = &mut numbers[..STRETCH.min(rows.end - start)];
        read(start, numbers);
        take(numbers);
    }
}
