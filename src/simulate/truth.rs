//! The true probabilities of an account at a date, where they come from, and what actions would truly change.

use super::hidden::Hidden;
use crate::model::sigmoid;

/// What truly drives an account's churn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// How deeply it works with the product; seen in usage.
    Adoption,
    /// How it feels; seen in surveys and the tone of tickets.
    Satisfaction,
    /// What it can spend; hardly seen.
    Budget,
    /// How it deals with us; seen in replies, meetings and answered surveys.
    Engagement,
    /// Whether its champion left in the last half year, and whether an executive stands behind the product.
    People,
    /// Trouble with the product; seen in tickets.
    Support,
    /// Payments that fail.
    Billing,
    /// Whether it can leave within the quarter, and has to say so.
    Renewal,
    /// How the price last changed.
    Price,
    /// How long it has been a customer.
    Tenure,
}

/// The truth about an account at a date, for the quarter that follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Probability that it leaves.
    pub churn_probability: f64,
    /// Probability that it stays and grows.
    pub expansion_probability: f64,
    /// What each cause adds to the log-odds of churn.
    pub causes: Vec<(Cause, f64)>,
}

/// What the truth depends on beside the hidden state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub monthly: bool,
    pub renewal_due: bool,
    pub auto_renew: bool,
    pub price_change: f64,
    pub tenure_months: f64,
}

/// Log-odds of churn of an account with no cause at all, set so that 6 to 10 % leave in a quarter.
const CHURN_BASE: f64 = -2.95;
/// Log-odds of expansion of a usual account that stays, set so that 8 to 12 % grow in a quarter.
const EXPANSION_BASE: f64 = -2.7;

impl Truth {
    pub(super) fn of(hidden: &Hidden, circumstances: &Circumstances) -> Self {
        let causes = causes(hidden, circumstances);
        let churn_probability = sigmoid(CHURN_BASE + causes.iter().map(|(_, part)| part).sum::<f64>());
        let growth = 1.05 * hidden.adoption + 0.5 * hidden.satisfaction + 0.3 * hidden.budget;
        let grows = sigmoid(EXPANSION_BASE + growth + 0.3 * hidden.engagement);
        Truth { churn_probability, expansion_probability: (1.0 - churn_probability) * grows, causes }
    }

    /// Probability that it grows if it stays.
    pub(super) fn grows(&self) -> f64 {
        self.expansion_probability / (1.0 - self.churn_probability)
    }

    /// What a cause adds to the log-odds of churn.
    pub fn cause(&self, cause: Cause) -> f64 {
        self.causes.iter().find(|(other, _)| *other == cause).map_or(0.0, |(_, part)| *part)
    }

    /// The causes that raise churn, strongest first.
    pub fn reasons(&self) -> Vec<(Cause, f64)> {
        let mut raising: Vec<(Cause, f64)> =
            self.causes.iter().copied().filter(|(_, part)| *part > 0.0).collect();
        raising.sort_by(|a, b| b.1.total_cmp(&a.1));
        raising
    }

    /// By what share an action of the B2B SaaS starter playbook truly lowers this account's churn probability;
    /// negative where it does harm, `None` for an action that the simulation does not know.
    ///
    /// An action helps as far as the cause that it addresses is there; a call wakes accounts that do not deal
    /// with us but are content.
    pub fn churn_reduction(&self, action: &str) -> Option<f64> {
        let much = |cause| sigmoid(2.0 * self.cause(cause) - 1.0);
        let present = |cause| if self.cause(cause) > 0.5 { 1.0 } else { 0.05 };
        let asleep = self.cause(Cause::Engagement) > 0.5 && self.cause(Cause::Satisfaction) < 0.0;
        Some(match action {
            "csm_call" if asleep => -0.1,
            "csm_call" => 0.05 + 0.2 * much(Cause::Satisfaction),
            "executive_visit" => 0.05 + 0.15 * much(Cause::Satisfaction) + 0.2 * present(Cause::People),
            "renewal_talk" => 0.25 * present(Cause::Renewal),
            "adoption_workshop" => 0.35 * much(Cause::Adoption),
            "onboarding_session" => 0.1 + 0.3 * much(Cause::Adoption),
            "ticket_sweep" => 0.3 * much(Cause::Support),
            "payment_help" => 0.35 * present(Cause::Billing),
            "checkin_email" => 0.01,
            "seat_growth_call" | "upgrade_email" => 0.0,
            _ => return None,
        })
    }

    /// By what share an action truly raises this account's expansion probability, as
    /// [`churn_reduction`](Self::churn_reduction).
    pub fn expansion_increase(&self, action: &str) -> Option<f64> {
        let well_used = sigmoid(-2.0 * self.cause(Cause::Adoption));
        match action {
            "seat_growth_call" => Some(0.4 * well_used),
            "upgrade_email" => Some(0.08 * well_used),
            other => self.churn_reduction(other).map(|_| 0.0),
        }
    }
}

fn causes(hidden: &Hidden, circumstances: &Circumstances) -> Vec<(Cause, f64)> {
    let flag = |yes: bool| f64::from(u8::from(yes));
    let renewal = match (circumstances.monthly, circumstances.renewal_due) {
        (true, _) => 0.5,
        (_, true) => 1.0,
        _ => -1.3,
    };
    let champion = if hidden.since_champion_left < 2 { 0.9 } else { 0.0 };
    vec![
        (Cause::Adoption, -1.05 * hidden.adoption),
        (Cause::Satisfaction, -0.8 * hidden.satisfaction),
        (Cause::Budget, -0.25 * hidden.budget),
        (Cause::Engagement, -0.5 * hidden.engagement),
        (Cause::People, champion - 0.35 * flag(hidden.sponsor)),
        (Cause::Support, 0.35 * hidden.burden),
        (Cause::Billing, 1.1 * flag(hidden.cannot_pay)),
        (Cause::Renewal, renewal - 0.5 * flag(circumstances.auto_renew)),
        (Cause::Price, 5.0 * circumstances.price_change),
        (Cause::Tenure, 0.35 - 0.45 * (circumstances.tenure_months / 12.0).ln_1p()),
    ]
}
