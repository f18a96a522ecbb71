//! One tree from gradients: bins, histogram, split, grow, predict, contributions.
//! Knows slices; knows no loss, schema or frame.

mod bins;
mod block;
mod bundles;
mod cells;
mod codes;
mod column;
mod contributions;
mod copies;
mod cutter;
mod deep;
mod descent;
mod fill;
mod flat;
mod given;
mod grow;
mod histogram;
mod interactions;
mod leaves;
mod lookup;
mod pairs;
mod partition;
mod parts;
mod pass;
mod predict;
mod row;
mod rows;
mod split;
mod tabulated;
mod vector;

pub use bins::{Binning, MAX_BINS, MISSING_BIN};
pub use cells::Bins;
pub use column::{ColumnView, MISSING_CODE, ReadRows, UNSEEN_CODE};
pub use given::{GivenNode, GivenTest};
pub use grow::{GrowParams, Grower, GrownTree};
pub use predict::{Forest, Tree, UNSEEN_LEVEL, level_number};
pub use rows::{Derivatives, RowPart, Rows};
pub(crate) use vector::vectorized;
