//! Plans, recommendations and money as sentences. Wherever money is shown, its effect's source is.

use std::collections::BTreeSet;
use std::fmt;

use super::money::Gain;
use super::plan::{Bound, BudgetUse, LeftOut, Plan, PoolUse, Recommendation, Recommended};

impl fmt::Display for Gain {
    /// "EUR 1,240 expected (EUR 310 to EUR 2,800)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected ({} to {})", self.expected, self.low, self.high)
    }
}

impl fmt::Display for Recommended {
    /// "Call by the success manager: EUR 1,240 expected (EUR 310 to EUR 2,800) after EUR 60 of cost (effect
    /// assumed: ...)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_money(f)?;
        self.write_source(f)
    }
}

impl Recommended {
    fn write_money(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action.title, self.gain)?;
        if self.gain.cost.cents > 0 { write!(f, " after {} of cost", self.gain.cost) } else { Ok(()) }
    }

    fn write_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " (effect {})", self.action.effect.source)
    }
}

impl fmt::Display for Bound {
    /// "no success-manager hours left".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::ValueUnknown => f.write_str("its recurring value is not known"),
            Bound::NoneEligible => f.write_str("no action of the playbook is for it"),
            Bound::CoolingDown { title, until } => {
                write!(f, "{title} was done lately; it may be done again from {until}")
            }
            Bound::NoGain => f.write_str("no action would bring more than it costs"),
            Bound::Pool { title, .. } => write!(f, "not enough {title} left"),
            Bound::Budget => f.write_str("not enough budget left"),
        }
    }
}

impl fmt::Display for Recommendation {
    /// "Call by ...: EUR 1,240 expected ... (effect assumed: ...)", or "Nothing: no success-manager hours left".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preferred = self.preferred.as_ref().map(|action| action.title.as_str());
        match (&self.action, &self.bound, preferred) {
            (Some(action), Some(bound), Some(preferred)) => {
                action.write_money(f)?;
                self.write_more(f)?;
                write!(f, "; {preferred} would bring more, but {bound}")?;
                action.write_source(f)
            }
            (Some(action), ..) => {
                action.write_money(f)?;
                self.write_more(f)?;
                action.write_source(f)
            }
            (None, Some(bound), Some(preferred)) => write!(f, "Nothing: {bound} ({preferred} would be best)"),
            (None, Some(bound), None) => write!(f, "Nothing: {bound}"),
            (None, None, _) => f.write_str("Nothing"),
        }
    }
}

impl Recommendation {
    fn write_more(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for more in &self.more {
            f.write_str("; with it ")?;
            more.write_money(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for PoolUse {
    /// "39.5 of 40 success-manager hours, one more would bring about EUR 210".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.capacity {
            Some(capacity) => write!(f, "{} of {capacity} {}", self.used, self.title)?,
            None => write!(f, "{} {} (no limit given)", self.used, self.title)?,
        }
        if self.worth.cents > 0 { write!(f, ", one more would bring about {}", self.worth) } else { Ok(()) }
    }
}

impl fmt::Display for BudgetUse {
    /// "EUR 4,980 of EUR 5,000 of budget, one more EUR would bring about 3.10".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} of budget", self.used, self.budget)?;
        let currency = &self.budget.currency;
        if self.worth > 0.0 {
            write!(f, ", one more {currency} would bring about {:.2}", self.worth)
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for LeftOut {
    /// "Call about a larger plan is left out: its effect is on expansion, which was not scored".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is left out: {}", self.action.title, self.reason)
    }
}

impl fmt::Display for Plan {
    /// What the plan brings and uses, a sentence a line, the last ending in where its effects come from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_acting = self.recommendations.iter().filter(|told| told.action.is_some()).count();
        let n_accounts = self.recommendations.len();
        writeln!(f, "{n_acting} of {n_accounts} accounts get an action")?;
        self.pools.iter().try_for_each(|pool| writeln!(f, "{pool}"))?;
        self.budget.iter().try_for_each(|budget| writeln!(f, "{budget}"))?;
        self.left_out.iter().try_for_each(|left| writeln!(f, "{left}"))?;
        write!(f, "{} after {} of cost; ", self.total, self.total.cost)?;
        write!(f, "no plan under these limits brings more than {}{}", self.bound, self.sources())
    }
}

impl Plan {
    /// " (effects assumed: ...)": the sources of the recommended actions, each once.
    fn sources(&self) -> String {
        let sources: BTreeSet<String> =
            self.to_do().map(|(_, recommended)| recommended.action.effect.source.to_string()).collect();
        let joined: Vec<String> = sources.into_iter().collect();
        if joined.is_empty() { String::new() } else { format!(" (effects {})", joined.join("; ")) }
    }
}
