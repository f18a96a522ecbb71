//! One thing that can be done: who it is for, what it takes, what it changes, and when it may be done again.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::eligibility::{Fault, Names, Rule, check_grammar};
use super::nearest::hint;
use super::whole;
use crate::error::{ErrorKind, Result};

/// What an action is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// To keep the account.
    Retain,
    /// To grow it.
    Grow,
    /// To bring it to its first value.
    Onboard,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// A person.
    Human,
    /// A machine.
    Digital,
}

/// A capacity that actions draw on: hours of people, sends of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The name that actions and [`Capacity`](super::Capacity) use: `csm_hours`.
    pub name: String,
    /// Its units in a sentence: "success-manager hours". Default: the name with spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Pool {
    /// Its units in a sentence.
    pub fn title(&self) -> String {
        self.title.clone().unwrap_or_else(|| self.name.replace('_', " "))
    }
}

/// Something that can be done for an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Its name in every output: `csm_call`.
    pub name: String,
    /// How it is called in a sentence: "Call by the success manager".
    pub title: String,
    /// What it is for.
    pub goal: Goal,
    /// The way it reaches the account: "call", "e-mail", "in app".
    pub channel: String,
    /// Who acts.
    pub touch: Touch,
    /// Who it is for, as an expression over signals, scores, segment keys and what was done before:
    /// `churn_probability >= 20 % and (seat_utilisation < 50 % or nps is missing) and times_csm_call < 3`; the days
    /// since an action was last done are `days_since_csm_call`, missing where it never was. Default: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligible: Option<String>,
    /// What doing it once costs, in whole units of the playbook's currency. Range: 0 and above. Default: 0.
    #[serde(default)]
    pub cost: f64,
    /// The pool it draws on. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Units of the pool that doing it once takes. Range: above 0 where there is a pool. Default: 0.
    #[serde(default)]
    pub effort: f64,
    /// Units of further pools that doing it once takes, where several roles work together: `{ trainer_hours = 2 }`.
    /// Range: above 0. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub efforts: BTreeMap<String, f64>,
    /// Days after it was done for an account in which it is not done again for that account. Default: 0.
    #[serde(default, deserialize_with = "whole::days", skip_serializing_if = "is_zero")]
    pub cool_down_days: u32,
    /// Actions that are not done for the same account in one plan with it; one of the two naming the other will do.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Days until it works. An assumed effect is taken in proportion to what is left of the horizon then; a learned one
    /// has them in it. An action that takes the whole horizon is left out. Default: 0.
    #[serde(default, deserialize_with = "whole::days", skip_serializing_if = "is_zero")]
    pub lead_days: u32,
    /// Days in which a recommendation of it is to be followed; the plan tells the last one. Range: 1 and above.
    /// Default: for ever.
    #[serde(default, deserialize_with = "whole::days_if_any", skip_serializing_if = "Option::is_none")]
    pub expiry_days: Option<u32>,
    /// The last day on which it can be done at all. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// Share of its recommendations that [`Plan::assign`](super::Plan::assign) keeps out at random. Range: 0 to 0.5.
    /// Default: none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_out: Option<f64>,
    /// What it is expected to change.
    pub effect: Effect,
}

impl Action {
    /// An action for everybody that costs nothing and draws on no pool: set what is different.
    pub fn new(name: impl Into<String>, title: impl Into<String>, goal: Goal, effect: Effect) -> Self {
        Action {
            name: name.into(),
            title: title.into(),
            goal,
            channel: "any".into(),
            touch: Touch::Human,
            eligible: None,
            cost: 0.0,
            pool: None,
            effort: 0.0,
            efforts: BTreeMap::new(),
            cool_down_days: 0,
            excludes: Vec::new(),
            lead_days: 0,
            expiry_days: None,
            last_day: None,
            kept_out: None,
            effect,
        }
    }

    /// The way it reaches the account. Default: "any".
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = channel.into();
        self
    }

    /// Who acts. Default: [`Touch::Human`].
    pub fn touch(mut self, touch: Touch) -> Self {
        self.touch = touch;
        self
    }

    /// Who it is for, as an expression. Default: everybody.
    pub fn eligible(mut self, expression: impl Into<String>) -> Self {
        self.eligible = Some(expression.into());
        self
    }

    /// What doing it once costs, in whole units of the playbook's currency. Range: 0 and above. Default: 0.
    pub fn cost(mut self, cost: f64) -> Self {
        self.cost = cost;
        self
    }

    /// The pool it draws on, and the units of it that doing it once takes (above 0). Default: none.
    pub fn pool(mut self, pool: impl Into<String>, effort: f64) -> Self {
        (self.pool, self.effort) = (Some(pool.into()), effort);
        self
    }

    /// Units of one more pool that doing it once takes (above 0). Default: none.
    pub fn effort(mut self, pool: impl Into<String>, units: f64) -> Self {
        self.efforts.insert(pool.into(), units);
        self
    }

    /// Days after which it may be done again for an account. Default: 0.
    pub fn cool_down_days(mut self, days: u32) -> Self {
        self.cool_down_days = days;
        self
    }

    /// An action that is not done for the same account in one plan with it. Default: none.
    pub fn excludes(mut self, action: impl Into<String>) -> Self {
        self.excludes.push(action.into());
        self
    }

    /// Days until it works. Default: 0.
    pub fn lead_days(mut self, days: u32) -> Self {
        self.lead_days = days;
        self
    }

    /// Days in which a recommendation of it is to be followed. Range: 1 and above. Default: for ever.
    pub fn expiry_days(mut self, days: u32) -> Self {
        self.expiry_days = Some(days);
        self
    }

    /// The last day on which it can be done at all. Default: for ever.
    pub fn last_day(mut self, day: Date) -> Self {
        self.last_day = Some(day);
        self
    }

    /// Share of its recommendations that is kept out at random. Range: 0 to 0.5. Default: none of its own.
    pub fn kept_out(mut self, share: f64) -> Self {
        self.kept_out = Some(share);
        self
    }

    /// The pools it draws on with the units of each.
    pub(super) fn draws(&self) -> impl Iterator<Item = (&str, f64)> {
        let first = self.pool.as_deref().map(|pool| (pool, self.effort));
        first.into_iter().chain(self.efforts.iter().map(|(pool, units)| (pool.as_str(), *units)))
    }

    /// Cost in minor units.
    pub(super) fn cost_cents(&self) -> i64 {
        (self.cost * 100.0).round() as i64
    }

    fn fault(&self, problem: impl std::fmt::Display) -> crate::Error {
        ErrorKind::Playbook(format!("action `{}`: {problem}", self.name)).into()
    }

    /// Checks what needs no schema; `names` are those of all actions.
    pub(super) fn check(&self, pools: &[Pool], names: &[&str]) -> Result<()> {
        if self.name == "none" || self.name.contains('+') {
            return Err(self.fault(
                "its name means something else in a log; give one that is not `none` and has no `+`",
            ));
        }
        if !(self.cost.is_finite() && self.cost >= 0.0) {
            return Err(self.fault(format!("cost is {}, expected 0 or more", self.cost)));
        }
        self.check_effort(pools)?;
        self.check_efforts(pools)?;
        self.check_terms(names)?;
        self.check_effect()?;
        match &self.eligible {
            Some(text) => check_grammar(text).map_err(|fault| self.eligibility_fault(&fault)),
            None => Ok(()),
        }
    }

    fn check_effort(&self, pools: &[Pool]) -> Result<()> {
        let Some(name) = &self.pool else {
            let problem = format!("effort is {}, but no pool is named that it is taken from", self.effort);
            return if self.effort == 0.0 { Ok(()) } else { Err(self.fault(problem)) };
        };
        self.check_pool(name, self.effort, pools)
    }

    fn check_pool(&self, name: &str, effort: f64, pools: &[Pool]) -> Result<()> {
        if !pools.iter().any(|pool| pool.name == *name) {
            let known = pools.iter().map(|pool| pool.name.as_str());
            let problem = format!("pool `{name}` is not declared by a [[pool]]; {}", hint(name, known));
            return Err(self.fault(problem));
        }
        if !(effort.is_finite() && effort > 0.0) {
            let problem = format!("effort is {effort}, expected units of `{name}` above 0");
            return Err(self.fault(problem));
        }
        Ok(())
    }

    fn check_efforts(&self, pools: &[Pool]) -> Result<()> {
        for (name, units) in &self.efforts {
            if self.pool.as_ref() == Some(name) {
                return Err(self.fault(format!("pool `{name}` stands in `efforts` too; give its units once")));
            }
            self.check_pool(name, *units, pools)?;
        }
        Ok(())
    }

    fn check_terms(&self, names: &[&str]) -> Result<()> {
        for other in &self.excludes {
            if *other == self.name {
                return Err(self.fault("it excludes itself; name other actions in `excludes`"));
            }
            if !names.contains(&other.as_str()) {
                let near = hint(other, names.iter().copied());
                return Err(self.fault(format!("excludes `{other}`, which is no action; {near}")));
            }
        }
        if self.expiry_days == Some(0) {
            return Err(self.fault("expiry_days is 0, expected 1 or more"));
        }
        match self.kept_out {
            Some(share) if !(0.0..=0.5).contains(&share) => {
                Err(self.fault(format!("kept_out is {share}, expected a share from 0 to 0.5")))
            }
            _ => Ok(()),
        }
    }

    fn check_effect(&self) -> Result<()> {
        if self.effect.changes().next().is_none() {
            let problem = "its effect changes nothing; give `churn_reduction` or `expansion_increase`";
            return Err(self.fault(problem));
        }
        match self.effect.changes().find_map(|(name, change)| Some((name, change.fault()?))) {
            Some((name, fault)) => Err(self.fault(format!("effect `{name}` is {fault}"))),
            None => Ok(()),
        }
    }

    fn eligibility_fault(&self, fault: &Fault) -> crate::Error {
        self.fault(format!("eligible, character {}: {}", fault.at, fault.problem))
    }

    /// Its eligibility bound to the names that can be asked for; `None` for everybody.
    pub(super) fn rule(&self, names: Names<'_>) -> Result<Option<Rule>> {
        let bound = self.eligible.as_ref().map(|text| Rule::bind(text, names));
        bound.transpose().map_err(|fault| self.eligibility_fault(&fault))
    }
}

fn is_zero(days: &u32) -> bool {
    *days == 0
}
