//! Two reviews of one account, as data and as text: how it uses the product, and what it gets from it and we from it.

use std::fmt;

use super::model::HealthModel;
use super::scored::Band;
use crate::error::{ErrorKind, Result};
use crate::explain::{usual_text, value_text};
use crate::frame::{Column, Frame};
use crate::schema::{Dimension, Direction, Money, Signal};

/// What a usage signal speaks of, told by the words of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// How much of what was bought is in use: every usage signal that is none of the others.
    Adoption,
    /// How thoroughly: `depth` in the name.
    Depth,
    /// How widely: `breadth`, `integrations` or `features` in the name.
    Breadth,
    /// Where it goes: `trend` or `change` in the name.
    Trend,
}

impl Aspect {
    fn of(signal: &Signal) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| signal.name.contains(word));
        match () {
            () if says(&["trend", "change"]) => Aspect::Trend,
            () if says(&["depth"]) => Aspect::Depth,
            () if says(&["breadth", "integrations", "features"]) => Aspect::Breadth,
            () => Aspect::Adoption,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Aspect::Adoption => "Adoption",
            Aspect::Depth => "Depth",
            Aspect::Breadth => "Breadth",
            Aspect::Trend => "Trend",
        }
    }
}

/// One signal of a review.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewedSignal {
    /// The signal.
    pub name: String,
    /// How it is called in a sentence.
    pub title: String,
    /// What it speaks of; tells something of usage signals only.
    pub aspect: Aspect,
    /// Its value, as shown.
    pub value: String,
    /// What is usual in the account's segment, as shown.
    pub usual: String,
    /// Its value in the snapshot before, as shown, where there was one.
    pub before: Option<String>,
    /// Share of the training accounts that are worse off, by the signal's declared direction (more is better where none
    /// is), 0 to 1; `None` for texts and where it is unknown.
    pub better_than: Option<f64>,
}

impl fmt::Display for ReviewedSignal {
    /// "seat utilisation 31 % (usual 64 %, 40 % before), better than 12 % of accounts".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (usual {}", self.title, self.value, self.usual)?;
        self.before.iter().try_for_each(|before| write!(f, ", {before} before"))?;
        f.write_str(")")?;
        match self.better_than {
            Some(share) => write!(f, ", better than {:.0} % of accounts", 100.0 * share),
            None => Ok(()),
        }
    }
}

/// How an account uses the product, against its segment.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageReview {
    /// The account.
    pub id: String,
    /// The segment it is read within.
    pub segment: String,
    /// Sub-score of usage, 0 to 100; 50 is usual in the segment.
    pub usage: f64,
    /// The signals of usage, by aspect.
    pub signals: Vec<ReviewedSignal>,
}

impl fmt::Display for UsageReview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Usage of {} (within {}): {:.0} of 100, 50 is usual", self.id, self.segment, self.usage)?;
        let mut aspect = None;
        for signal in &self.signals {
            if aspect.replace(signal.aspect) != Some(signal.aspect) {
                write!(f, "\n{}", signal.aspect.title())?;
            }
            write!(f, "\n  {signal}")?;
        }
        Ok(())
    }
}

/// What an account reached with the product, and what is at stake.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueReview {
    /// The account.
    pub id: String,
    /// Its health, 0 to 100.
    pub health: f64,
    /// Its band.
    pub band: Band,
    /// The signals of outcome: goals reached, reviews held.
    pub outcomes: Vec<ReviewedSignal>,
    /// Probability of churn within the horizon; `None` where churn was not trained.
    pub churn_probability: Option<f64>,
    /// What the account is worth in a year: what not renewing would lose. `None` where its value is not known.
    pub yearly_value: Option<Money>,
    /// The yearly value times the probability of churn: what is expected to be lost.
    pub at_stake: Option<Money>,
    /// Length of the horizon, in days.
    pub horizon_days: u32,
}

impl fmt::Display for ValueReview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value of {}: health {:.0} ({})", self.id, self.health, self.band)?;
        if let Some(value) = &self.yearly_value {
            write!(f, "\nNot renewing would lose {value} a year")?;
        }
        if let (Some(probability), Some(money)) = (self.churn_probability, &self.at_stake) {
            let percent = 100.0 * probability;
            write!(
                f,
                "; at {percent:.1} % within {} days, {money} is expected to be lost",
                self.horizon_days
            )?;
        }
        if self.outcomes.is_empty() {
            return write!(f, "\nNo signal tells what it reached");
        }
        f.write_str("\nReached")?;
        self.outcomes.iter().try_for_each(|signal| write!(f, "\n  {signal}"))
    }
}

impl HealthModel {
    /// How one account of a frame uses the product, against its segment and, where there is one, the snapshot before.
    ///
    /// # Errors
    /// A frame of another schema, a row that is not in it.
    pub fn usage_review(&self, accounts: &Frame, row: usize, before: Option<&Frame>) -> Result<UsageReview> {
        let one = self.one(accounts, row)?;
        let scored = self.score_with_reasons(&one, 0)?;
        let mut signals = self.reviewed(&one, before, Dimension::Usage)?;
        signals.sort_by_key(|signal| signal.aspect);
        Ok(UsageReview {
            id: one.ids()[0].clone(),
            segment: scored.segment[0].to_string(),
            usage: scored.sub_scores[0][Dimension::Usage as usize],
            signals,
        })
    }

    /// What one account of a frame reached with the product, and what is at stake.
    ///
    /// # Errors
    /// As [`usage_review`](Self::usage_review).
    pub fn value_review(&self, accounts: &Frame, row: usize, before: Option<&Frame>) -> Result<ValueReview> {
        let one = self.one(accounts, row)?;
        let scored = self.score_with_reasons(&one, 0)?;
        let churn_probability = scored.churn_probability.as_ref().map(|probability| probability[0]);
        let yearly = yearly_cents(&one);
        let money = |cents: f64| {
            let currency = &one.schema().value.as_ref()?.currency;
            Some(Money::new(cents.round() as i64, currency))
        };
        Ok(ValueReview {
            id: one.ids()[0].clone(),
            health: scored.health[0],
            band: scored.band[0],
            outcomes: self.reviewed(&one, before, Dimension::Outcome)?,
            churn_probability,
            yearly_value: yearly.and_then(money),
            at_stake: yearly.zip(churn_probability).and_then(|(yearly, p)| money(yearly * p)),
            horizon_days: self.horizon_days(),
        })
    }

    fn one(&self, accounts: &Frame, row: usize) -> Result<Frame> {
        if row < accounts.n_rows() {
            return Ok(accounts.take(&[row]));
        }
        let what = "row of the account to review".into();
        Err(ErrorKind::Shape { what, found: row, expected: accounts.n_rows() }.into())
    }

    /// The signals of a dimension of one account.
    fn reviewed(
        &self,
        one: &Frame,
        before: Option<&Frame>,
        dimension: Dimension,
    ) -> Result<Vec<ReviewedSignal>> {
        let usual = self.usual_in(self.nodes(one)?[0]);
        let then = before.map(|before| self.nodes(before).map(|_| before)).transpose()?;
        let then = then.and_then(|then| Some((then, then.ids().iter().position(|id| *id == one.ids()[0])?)));
        let signals =
            self.schema().signals.iter().enumerate().filter(|(_, signal)| signal.dimension == dimension);
        let reviewed = |(at, signal): (usize, &Signal)| ReviewedSignal {
            name: signal.name.clone(),
            title: signal.title_text().into(),
            aspect: Aspect::of(signal),
            value: value_text(signal, one.signals(), at, 0),
            usual: usual_text(signal, &usual[at]),
            before: then.map(|(then, row)| value_text(signal, then.signals(), at, row)),
            better_than: self.better_than(at, signal, &one.signals().columns()[at]),
        };
        Ok(signals.map(reviewed).collect())
    }

    fn better_than(&self, at: usize, signal: &Signal, column: &Column) -> Option<f64> {
        let Column::Number(values) = column else { return None };
        let below = self.seen.share_below(at, values[0])?;
        Some(if signal.direction == Direction::Loses { 1.0 - below } else { below })
    }
}

/// What the account is worth in a year, in minor units.
fn yearly_cents(one: &Frame) -> Option<f64> {
    let value = one.schema().value.as_ref()?;
    Some(one.value_cents()?[0]? as f64 * value.per_year)
}
