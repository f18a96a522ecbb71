//! Health 0–100 with bands and sub-scores, and the model that ties scores, health and reasons together.

mod scored;

pub use scored::{Band, Scored};
