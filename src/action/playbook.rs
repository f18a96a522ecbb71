//! The list of what can be done: actions, the pools they draw on, and how their money is reckoned.

use serde::{Deserialize, Serialize};

use super::eligibility::{Names, Rule};
use super::one_action::{Action, Pool};
use super::whole;
use crate::error::{ErrorKind, Result};
use crate::schema::Schema;

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
    /// The 5th and 95th percentile of what `value_months` may come to, so that intervals of money tell how unsure it is.
    /// Default: just `value_months`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_months_range: Option<[f64; 2]>,
    /// The 5th and 95th percentile of what `expansion_value` may come to. Default: just `expansion_value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansion_value_range: Option<[f64; 2]>,
    /// The most actions that one account gets in one plan. Range: 1 to 3. Default: 1.
    #[serde(default = "one", deserialize_with = "whole::actions", skip_serializing_if = "is_one")]
    pub max_actions: usize,
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

fn one() -> usize {
    1
}

fn is_one(most: &usize) -> bool {
    *most == 1
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
            value_months_range: None,
            expansion_value_range: None,
            max_actions: one(),
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

    /// The 5th and 95th percentile of what `value_months` may come to. Default: no range.
    pub fn value_months_range(mut self, low: f64, high: f64) -> Self {
        self.value_months_range = Some([low, high]);
        self
    }

    /// The 5th and 95th percentile of what `expansion_value` may come to. Default: no range.
    pub fn expansion_value_range(mut self, low: f64, high: f64) -> Self {
        self.expansion_value_range = Some([low, high]);
        self
    }

    /// The most actions that one account gets in one plan. Range: 1 to 3. Default: 1.
    pub fn max_actions(mut self, most: usize) -> Self {
        self.max_actions = most;
        self
    }

    /// Reads a playbook and checks all that can be checked without a schema; [`from_toml_for`](Self::from_toml_for)
    /// checks the names in its eligibilities too.
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

    /// Reads a playbook and checks all of it against the schema of the accounts that it is for.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml) and [`check`](Self::check).
    pub fn from_toml_for(text: &str, schema: &Schema) -> Result<Self> {
        let playbook = Playbook::from_toml(text)?;
        playbook.check(schema).map(|()| playbook)
    }

    /// As [`from_toml`](Self::from_toml), from JSON of the same keys: `{"name": ..., "pool": [...], "action": [...]}`.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml).
    ///
    /// ```
    /// use keepwell::action::Playbook;
    ///
    /// let text = r#"{"name": "calls", "action": [{"name": "call", "title": "Call", "goal": "retain", "channel": "call",
    ///     "touch": "human", "cost": 20, "effect": {"churn_reduction": 0.1, "source": "a guess"}}]}"#;
    /// assert_eq!(Playbook::from_json(text)?.actions[0].cost, 20.0);
    /// assert!(Playbook::from_json("{}").is_err());
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        let playbook: Playbook =
            serde_json::from_str(text).map_err(|error| ErrorKind::Playbook(error.to_string()))?;
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
        let names = self.action_names();
        self.actions.iter().map(|action| action.rule(Names { schema, actions: &names })).collect()
    }

    fn check_itself(&self) -> Result<()> {
        if self.actions.is_empty() {
            return Err(ErrorKind::Playbook("it has no actions; add at least one [[action]]".into()).into());
        }
        self.check_names()?;
        check_range("value_months", self.value_months, 120.0)?;
        check_range("margin", self.margin, 1.0)?;
        check_range("expansion_value", self.expansion_value, 10.0)?;
        check_around("value_months_range", self.value_months_range, self.value_months, 120.0)?;
        check_around("expansion_value_range", self.expansion_value_range, self.expansion_value, 10.0)?;
        if !(1..=3).contains(&self.max_actions) {
            let text = format!("max_actions is {}, expected 1 to 3", self.max_actions);
            return Err(ErrorKind::Playbook(text).into());
        }
        let names = self.action_names();
        self.actions.iter().try_for_each(|action| action.check(&self.pools, &names))
    }

    /// The names of all actions, in their order.
    pub(super) fn action_names(&self) -> Vec<&str> {
        self.actions.iter().map(|action| action.name.as_str()).collect()
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

fn check_around(name: &str, range: Option<[f64; 2]>, mean: f64, most: f64) -> Result<()> {
    match range {
        Some([low, high]) if !(0.0 <= low && low <= mean && mean <= high && high <= most) => {
            let text =
                format!("{name} is {low} to {high}, expected to hold {mean} and to lie from 0 to {most}");
            Err(ErrorKind::Playbook(text).into())
        }
        _ => Ok(()),
    }
}
