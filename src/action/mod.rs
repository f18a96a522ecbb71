//! What to do about it: a playbook of actions, what each is worth for an account in money, and a plan of the
//! best action or none for every account under capacity and budget.
//!
//! A playbook is written in TOML ([`Playbook::from_toml`]) or in code ([`Playbook::new`]). Its effects are
//! *assumed* until they are learned from outcomes ([`EffectModel`]), and say so wherever they or their money are shown.

mod accounts;
mod assign;
mod assignment;
mod capacity;
mod effect;
mod eligibility;
mod explore;
mod history;
mod learned;
mod learned_for;
mod log_file;
mod money;
mod nearest;
mod offered;
mod one_action;
mod options;
mod plan;
mod planner;
mod planning;
mod playbook;
mod reading;
mod sentence;
mod whole;

pub use assignment::{Assignment, AssignmentLog, Came, Event, Matured};
pub use capacity::Capacity;
pub use effect::{Change, Effect, EffectSource, Scale};
pub use explore::Exploration;
pub use history::History;
pub use learned::{
    ArmReport, Average, Basis, Candidate, EffectModel, EffectModelParams, Evidence, LearnedEffects, Overlap,
};
pub use learned_for::LearnedOn;
pub use money::{Gain, Points};
pub use one_action::{Action, Goal, Pool, Touch};
pub use plan::{Bound, BudgetUse, LeftOut, Plan, PoolUse, Recommendation, Recommended};
pub use planning::Planning;
pub use playbook::Playbook;
pub use reading::{Attribution, Lessons, Measured, Reading};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_terms;
