//! One named input and everything that is known of it besides its values.

use serde::{Deserialize, Serialize};

/// The side of an account that a signal speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// What is done with the product: logins, seats used, features adopted.
    Usage,
    /// How the account deals with us: meetings, milestones, replies.
    Engagement,
    /// What was agreed: term, tenure, renewal, price.
    Contract,
    /// How they feel: NPS, CSAT, effort, tone of tickets.
    Sentiment,
    /// Tickets and how they were handled.
    Support,
    /// Invoices and payments.
    Billing,
    /// What they reached with the product.
    Outcome,
    /// Who they are: size, industry, region.
    Profile,
}

impl Dimension {
    /// Every dimension: first the four that are blended into health's sub-scores, then the others.
    pub const ALL: [Dimension; 8] = [
        Dimension::Usage,
        Dimension::Engagement,
        Dimension::Contract,
        Dimension::Sentiment,
        Dimension::Support,
        Dimension::Billing,
        Dimension::Outcome,
        Dimension::Profile,
    ];

    /// The word used in TOML, tables and sentences.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Usage => "usage",
            Dimension::Engagement => "engagement",
            Dimension::Contract => "contract",
            Dimension::Sentiment => "sentiment",
            Dimension::Support => "support",
            Dimension::Billing => "billing",
            Dimension::Outcome => "outcome",
            Dimension::Profile => "profile",
        }
    }
}

/// What a signal's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any finite number.
    Number,
    /// A whole number from 0.
    Count,
    /// A part of a whole, 0 to 1 (above 1 is let through: seats can be oversubscribed).
    Share,
    /// True or false.
    Flag,
    /// One of several texts.
    Category,
    /// A civil date; enters a model as whole days before the row's `as_of`.
    Date,
}

/// Whether more of a signal keeps accounts. A direction holds a model monotone in that signal for churn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More of it goes with staying: never raises churn risk.
    Keeps,
    /// More of it goes with leaving: never lowers churn risk.
    Loses,
    /// Not said: the data decides.
    #[default]
    Unknown,
}

/// What an empty cell of a signal means. Absent is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Nobody knows the value. It stays missing and the models learn from that.
    #[default]
    Unknown,
    /// There was nothing to count: the value is 0.
    Zero,
}

/// One named input of a schema.
///
/// In TOML, one `[[signal]]` table; only `name`, `dimension` and `kind` have to be there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The name in every output; units and windows stand in it: `active_days_28d`.
    pub name: String,
    /// The column it is read from; the name unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The side of the account it speaks of.
    pub dimension: Dimension,
    /// What its values are.
    pub kind: Kind,
    /// Unit shown behind a value: "days", "EUR". Shares are shown in per cent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether more of it keeps accounts.
    #[serde(default)]
    pub direction: Direction,
    /// What an empty cell means.
    #[serde(default)]
    pub missing: Missing,
    /// Whether anybody can move it (seat use: yes; industry: no).
    #[serde(default)]
    pub movable: bool,
    /// How it is called in a sentence: "seat utilisation"; the name with spaces unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The sentence that explains it, with `{title}`, `{value}`, `{usual}` and `{effect}` filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
}

impl Signal {
    /// A signal with nothing said but what it must have.
    pub fn new(name: impl Into<String>, dimension: Dimension, kind: Kind) -> Self {
        Signal {
            name: name.into(),
            column: None,
            dimension,
            kind,
            unit: None,
            direction: Direction::Unknown,
            missing: Missing::Unknown,
            movable: false,
            title: None,
            sentence: None,
        }
    }

    /// Reads it from a column of another name.
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// Unit shown behind a value. Default: none.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Whether more of it keeps accounts. Default: [`Direction::Unknown`].
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// What an empty cell means. Default: [`Missing::Unknown`].
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Whether anybody can move it. Default: no.
    pub fn movable(mut self, movable: bool) -> Self {
        self.movable = movable;
        self
    }

    /// How it is called in a sentence. Default: the name with spaces.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The sentence that explains it. Default: a sentence made of title, value, usual and effect.
    pub fn sentence(mut self, sentence: impl Into<String>) -> Self {
        self.sentence = Some(sentence.into());
        self
    }

    /// The column it is read from.
    pub fn source(&self) -> &str {
        self.column.as_deref().unwrap_or(&self.name)
    }
}
