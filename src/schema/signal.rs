//! One named input and everything that is known of it besides its values.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

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

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dimension {
    type Err = Error;

    /// Reads the word of [`name`](Dimension::name).
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Dimension::ALL.into_iter().find(|dimension| dimension.name() == text);
        found.ok_or_else(|| {
            let names = Dimension::ALL.map(Dimension::name).join(", ");
            ErrorKind::Schema(format!("`{text}` is no dimension; they are {names}")).into()
        })
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

impl Kind {
    /// The word used in TOML and messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Count => "count",
            Kind::Share => "share",
            Kind::Flag => "flag",
            Kind::Category => "category",
            Kind::Date => "date",
        }
    }

    /// Whether its values are numbers in a frame: all but categories are.
    pub fn is_numeric(self) -> bool {
        self != Kind::Category
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether more of a signal keeps accounts. A direction holds churn scores monotone in that signal, all else equal.
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

impl Direction {
    /// The word used in TOML and messages.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Keeps => "keeps",
            Direction::Loses => "loses",
            Direction::Unknown => "unknown",
        }
    }
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

impl Missing {
    /// The word used in TOML and messages.
    pub fn name(self) -> &'static str {
        match self {
            Missing::Unknown => "unknown",
            Missing::Zero => "zero",
        }
    }
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

    /// How it is called in a sentence: its title, or its name with spaces for underscores.
    pub fn title_text(&self) -> Cow<'_, str> {
        match &self.title {
            Some(title) => Cow::Borrowed(title),
            None => Cow::Owned(self.name.replace('_', " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_name_with_spaces_unless_said() {
        let signal = Signal::new("active_days_28d", Dimension::Usage, Kind::Count);
        assert_eq!(signal.title_text(), "active days 28d");
        assert_eq!(signal.title("active days").title_text(), "active days");
    }

    #[test]
    fn every_dimension_reads_its_own_name() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.to_string().parse::<Dimension>().unwrap(), dimension);
        }
        assert_eq!(
            "mood".parse::<Dimension>().unwrap_err().to_string(),
            "schema: `mood` is no dimension; they are usage, engagement, contract, sentiment, support, billing, \
             outcome, profile"
        );
    }
}
