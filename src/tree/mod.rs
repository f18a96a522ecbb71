//! One tree from gradients: bins, histogram, split, grow, predict, contributions.
//! Knows slices; knows no loss, schema or frame.

mod column;

pub use column::{ColumnView, MISSING_CODE, UNSEEN_CODE};
