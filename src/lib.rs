//! Predictive account health in process: calibrated churn and expansion probabilities, health and reasons in plain
//! words, the next best action with its money, a plan under capacity.
//!
//! ```text
//! records → snapshots → Frame → logistic + gradient trees → blend → calibrated scores
//!         → contributions → health, reasons → recommendation → plan
//! ```
//!
//! ```
//! use keepwell::prelude::*;
//!
//! // What the columns mean. `Schema::from_toml` and `Schema::infer` are the other two ways.
//! let schema = Schema::new()
//!     .id("account_id")
//!     .churn("churned")
//!     .value("mrr")
//!     .signal(Signal::new("seat_utilisation", Dimension::Usage, Kind::Share).direction(Direction::Keeps))
//!     .signal(Signal::new("plan", Dimension::Contract, Kind::Category));
//!
//! // Accounts whose outcome is known: those that use few of their seats leave.
//! let mut csv = "account_id,mrr,seat_utilisation,plan,churned\n".to_string();
//! for row in 0..200 {
//!     let (seats, plan) = (row % 100, if row % 3 == 0 { "free" } else { "team" });
//!     csv += &format!("A{row},500,{:.2},{plan},{}\n", f64::from(seats) / 100.0, u8::from(seats + row % 7 < 30));
//! }
//! let past = Frame::from_csv_reader(csv.as_bytes(), &schema)?;
//! let model = HealthModel::params(&schema).horizon_days(90).random_state(7).fit(&past)?;
//!
//! // Today's accounts, their reasons, and what to do about them.
//! let csv = "account_id,mrr,seat_utilisation,plan\nB1,900,0.04,team\nB2,900,0.95,team\n";
//! let today = Frame::from_csv_reader(csv.as_bytes(), &schema)?;
//! let scored = model.score(&today)?;
//! assert!(scored.health[0] < 50.0 && scored.health[1] > 50.0);
//! let reason = &scored.reasons[0][0];
//! assert_eq!(reason.sentence, "seat utilisation 4 %, usual 49 %: raises churn risk");
//!
//! let capacity = Capacity::new().pool("csm_hours", 1.0).budget(Money::eur(500));
//! let plan = Playbook::any_business().plan(&scored, &capacity)?;
//! assert!(plan.recommendations[0].to_string().contains("(effect assumed"));
//! # Ok::<(), keepwell::Error>(())
//! ```
//!
//! Rooms, from the top of the house down: [`action`] and [`health`] on [`explain`] on [`model`] on [`tree`], and
//! [`frame`], [`schema`] and [`metric`] beneath them. A room uses rooms below it only.

pub mod action;
pub mod error;
pub mod explain;
pub mod frame;
pub mod health;
pub mod metric;
pub mod model;
pub mod monitor;
mod random;
pub mod revenue;
pub mod schema;
pub mod simulate;
pub mod timeline;
pub mod tree;

pub use error::{Error, ErrorKind, Result};

/// What most programs need, by one `use`.
pub mod prelude {
    pub use crate::action::{Capacity, Plan, Playbook};
    pub use crate::error::{Error, ErrorKind, Result};
    pub use crate::frame::{Frame, InferOptions, RawTable, Table};
    pub use crate::health::{Band, HealthModel, Scored};
    pub use crate::model::{
        BlendClassifier, Classifier, Effort, GradientTreesClassifier, LogisticClassifier, ModelFile,
    };
    pub use crate::schema::{Dimension, Direction, Kind, Missing, Money, Schema, Signal};
}
