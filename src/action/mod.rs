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
mod learned;
mod learned_for;
mod money;
mod nearest;
mod plan;
mod playbook;
mod sentence;

pub use assignment::{Assignment, AssignmentLog, Matured};
pub use capacity::Capacity;
pub use effect::{Change, Effect, EffectSource, Scale};
pub use learned::{
    ArmReport, Average, Basis, Candidate, EffectModel, EffectModelParams, Evidence, LearnedEffects, Overlap,
};
pub use learned_for::LearnedOn;
pub use money::Gain;
pub use plan::{Bound, BudgetUse, LeftOut, Plan, PoolUse, Recommendation, Recommended};
pub use playbook::{Action, Goal, Playbook, Pool, Touch};

#[cfg(test)]
mod tests;
