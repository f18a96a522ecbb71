//! The list of what can be done: actions, the pools they draw on, and how their money is reckoned.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::eligibility::{Fault, Rule, check_grammar};
use super::nearest::hint;
use crate::error::{ErrorKind, Result};
use crate::schema::Schema;

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
    /// Who it is for, as an expression over signals, scores and segment keys:
    /// `churn_probability >= 20 % and (seat_utilisation < 50 % or nps is missing)`. Default: everybody.
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

    /// Cost in minor units.
    pub(super) fn cost_cents(&self) -> i64 {
        (self.cost * 100.0).round() as i64
    }

    fn fault(&self, problem: impl std::fmt::Display) -> crate::Error {
        ErrorKind::Playbook(format!("action `{}`: {problem}", self.name)).into()
    }

    fn check(&self, pools: &[Pool]) -> Result<()> {
        if !(self.cost.is_finite() && self.cost >= 0.0) {
            return Err(self.fault(format!("cost is {}, expected 0 or more", self.cost)));
        }
        self.check_effort(pools)?;
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
        if !pools.iter().any(|pool| pool.name == *name) {
            let known = pools.iter().map(|pool| pool.name.as_str());
            let problem = format!("pool `{name}` is not declared by a [[pool]]; {}", hint(name, known));
            return Err(self.fault(problem));
        }
        if !(self.effort.is_finite() && self.effort > 0.0) {
            let problem = format!("effort is {}, expected units of `{name}` above 0", self.effort);
            return Err(self.fault(problem));
        }
        Ok(())
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

    /// Its eligibility bound to a schema; `None` for everybody.
    fn rule(&self, schema: &Schema) -> Result<Option<Rule>> {
        let bound = self.eligible.as_ref().map(|text| Rule::bind(text, schema));
        bound.transpose().map_err(|fault| self.eligibility_fault(&fault))
    }
}

/// The actions there are, and how their money is reckoned.
///
/// What an action is expected to bring for an account is
///
/// > (fall of churn probability + rise of expansion probability × `expansion_value`) × recurring value of
/// > `value_months` × `margin` − cost
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// What the playbook is called.
    pub name: String,
    /// ISO 4217 code of all its money; the schema's value and the budget must be in it. Default: "EUR".
    #[serde(default = "euro")]
    pub currency: String,
    /// Months of recurring value that a kept account is worth. Range: above 0, at most 120. Default: 12.
    #[serde(default = "a_year")]
    pub value_months: f64,
    /// Share of the recurring value that is earned once its own costs are paid. Range: above 0, at most 1.
    /// Default: 1, which reckons in revenue.
    #[serde(default = "whole")]
    pub margin: f64,
    /// What an expansion adds, as a share of the account's recurring value. Range: above 0, at most 10.
    /// Default: .2.
    #[serde(default = "a_fifth")]
    pub expansion_value: f64,
    /// The pools that actions draw on.
    #[serde(default, rename = "pool", skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// The actions.
    #[serde(default, rename = "action")]
    pub actions: Vec<Action>,
}

fn euro() -> String {
    "EUR".into()
}

fn a_year() -> f64 {
    12.0
}

fn whole() -> f64 {
    1.0
}

fn a_fifth() -> f64 {
    0.2
}

impl Playbook {
    /// A playbook with the default reckoning and no pools.
    pub fn new(name: impl Into<String>, actions: Vec<Action>) -> Self {
        Playbook {
            name: name.into(),
            currency: euro(),
            value_months: a_year(),
            margin: whole(),
            expansion_value: a_fifth(),
            pools: Vec::new(),
            actions,
        }
    }

    /// A starter for B2B SaaS over the signals of `Schema::b2b_saas()`. Its effects are assumed: replace them.
    ///
    /// ```
    /// let playbook = keepwell::action::Playbook::b2b_saas();
    /// assert!(playbook.actions.iter().any(|action| action.name == "csm_call"));
    /// ```
    pub fn b2b_saas() -> Self {
        Playbook::from_toml(include_str!("b2b_saas.toml")).expect("the starter is tested to be well formed")
    }

    /// A starter for any schema with a value: it asks for scores only. Its effects are assumed: replace them.
    ///
    /// ```
    /// let playbook = keepwell::action::Playbook::any_business();
    /// assert!(playbook.actions.len() >= 4);
    /// ```
    pub fn any_business() -> Self {
        Playbook::from_toml(include_str!("any_business.toml"))
            .expect("the starter is tested to be well formed")
    }

    /// Declares a pool that actions draw on, with its units in a sentence.
    pub fn pool(mut self, name: impl Into<String>, title: impl Into<String>) -> Self {
        self.pools.push(Pool { name: name.into(), title: Some(title.into()) });
        self
    }

    /// ISO 4217 code of all its money. Default: "EUR".
    pub fn currency(mut self, currency: impl Into<String>) -> Self {
        self.currency = currency.into();
        self
    }

    /// Months of recurring value that a kept account is worth. Range: above 0, at most 120. Default: 12.
    pub fn value_months(mut self, value_months: f64) -> Self {
        self.value_months = value_months;
        self
    }

    /// Share of the recurring value that is earned. Range: above 0, at most 1. Default: 1.
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// What an expansion adds, as a share of the recurring value. Range: above 0, at most 10. Default: .2.
    pub fn expansion_value(mut self, expansion_value: f64) -> Self {
        self.expansion_value = expansion_value;
        self
    }

    /// Reads a playbook and checks all that can be checked without a schema.
    ///
    /// # Errors
    /// TOML that is not well formed, unknown keys, and everything that [`check`](Self::check) names but names
    /// of signals.
    pub fn from_toml(text: &str) -> Result<Self> {
        let playbook: Playbook =
            toml::from_str(text).map_err(|error| ErrorKind::Playbook(error.to_string().trim_end().into()))?;
        playbook.check_itself()?;
        Ok(playbook)
    }

    /// Writes it as TOML that [`from_toml`](Self::from_toml) reads back the same.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml), so that nothing is written that cannot be read.
    pub fn to_toml(&self) -> Result<String> {
        self.check_itself()?;
        toml::to_string_pretty(self).map_err(|error| ErrorKind::Playbook(error.to_string()).into())
    }

    /// Checks the playbook against a schema: ranges, names, pools, currency, and that every eligibility asks
    /// only for signals, scores and segment keys there are, with values of their type.
    ///
    /// # Errors
    /// The first fault, naming the action, the place and known names near a misspelt one.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        self.rules(schema).map(|_| ())
    }

    /// Checks, and binds the eligibility of each action; `None` for everybody.
    pub(super) fn rules(&self, schema: &Schema) -> Result<Vec<Option<Rule>>> {
        self.check_itself()?;
        self.check_currency(schema)?;
        self.actions.iter().map(|action| action.rule(schema)).collect()
    }

    fn check_itself(&self) -> Result<()> {
        if self.actions.is_empty() {
            return Err(ErrorKind::Playbook("it has no actions; add at least one [[action]]".into()).into());
        }
        self.check_names()?;
        check_range("value_months", self.value_months, 120.0)?;
        check_range("margin", self.margin, 1.0)?;
        check_range("expansion_value", self.expansion_value, 10.0)?;
        self.actions.iter().try_for_each(|action| action.check(&self.pools))
    }

    fn check_names(&self) -> Result<()> {
        check_distinct("action", self.actions.iter().map(|action| action.name.as_str()))?;
        check_distinct("pool", self.pools.iter().map(|pool| pool.name.as_str()))
    }

    fn check_currency(&self, schema: &Schema) -> Result<()> {
        match &schema.value {
            Some(value) if value.currency != self.currency => Err(ErrorKind::Playbook(format!(
                "its money is in {}, but the schema's value column `{}` is in {}; use one currency",
                self.currency, value.column, value.currency
            ))
            .into()),
            _ => Ok(()),
        }
    }
}

fn check_distinct<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if name.is_empty() {
            return Err(ErrorKind::Playbook(format!("{what} without a name; give each its own")).into());
        }
        if !seen.insert(name) {
            let text = format!("{what} `{name}` stands twice; give each its own name");
            return Err(ErrorKind::Playbook(text).into());
        }
    }
    Ok(())
}

fn check_range(name: &str, value: f64, most: f64) -> Result<()> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    Err(ErrorKind::Playbook(format!("{name} is {value}, expected above 0 and at most {most}")).into())
}
