//! What a tree reads: borrowed columns, with nothing known of schema or frame.

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;
/// The code of a category that training did not see.
pub const UNSEEN_CODE: u32 = u32::MAX - 1;

/// One borrowed column of `n` rows.
#[derive(Clone, Copy, Debug)]
pub enum ColumnView<'a> {
    /// Numbers; NaN is missing.
    F64(&'a [f64]),
    /// Numbers; NaN is missing.
    F32(&'a [f32]),
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
            ColumnView::Category { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
