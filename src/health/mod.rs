//! Health 0–100 with bands and sub-scores, and the model that ties scores, health and reasons together.

mod model;
mod quality;
mod scale;
mod scored;
mod segment_rate;

pub use model::{HealthModel, HealthModelParams};
pub use quality::Quality;
pub use scored::{Band, Scored};
pub use segment_rate::SegmentRate;
