//! The hidden states of an account and how they move from quarter to quarter.

use rand::RngExt;
use rand::rngs::StdRng;
use rand_distr::StandardNormal;

/// A standard normal number.
pub(super) fn normal(rng: &mut StdRng) -> f64 {
    rng.sample(StandardNormal)
}

/// The hidden state of an account at a date. The numbers are about standard normal over all accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hidden {
    /// How well the product suits it; does not change.
    pub fit: f64,
    /// How deeply it works with the product.
    pub adoption: f64,
    /// How it feels about it.
    pub satisfaction: f64,
    /// What it can spend.
    pub budget: f64,
    /// How it deals with us.
    pub engagement: f64,
    /// How much trouble it has with the product.
    pub burden: f64,
    /// Whether its payments fail.
    pub cannot_pay: bool,
    /// Whether an executive stands behind the product.
    pub sponsor: bool,
    /// Quarters since the champion left; large where none did lately.
    pub since_champion_left: u32,
}

impl Hidden {
    /// An account at its start.
    pub fn draw(rng: &mut StdRng) -> Self {
        let fit = normal(rng);
        Hidden {
            fit,
            adoption: 0.5 * fit + 0.85 * normal(rng),
            satisfaction: 0.35 * fit + 0.9 * normal(rng),
            budget: normal(rng),
            engagement: normal(rng),
            burden: normal(rng),
            cannot_pay: rng.random::<f64>() < 0.05,
            sponsor: rng.random::<f64>() < 0.5,
            since_champion_left: 9,
        }
    }

    /// The state one quarter later.
    pub fn next(&self, rng: &mut StdRng) -> Self {
        let champion_leaves = rng.random::<f64>() < 0.06;
        let loss = if champion_leaves { 0.5 } else { 0.0 };
        let burden = 0.6 * self.burden + 0.8 * normal(rng);
        let budget = 0.85 * self.budget + 0.52 * normal(rng);
        Hidden {
            fit: self.fit,
            adoption: 0.8 * self.adoption + 0.12 * self.fit + 0.5 * normal(rng) - loss,
            satisfaction: 0.65 * self.satisfaction + 0.15 * self.fit - 0.2 * burden + 0.6 * normal(rng),
            budget,
            engagement: 0.75 * self.engagement + 0.65 * normal(rng) - loss,
            burden,
            cannot_pay: rng.random::<f64>()
                < if self.cannot_pay { 0.45 } else { 0.03 + 0.03 * (-budget).max(0.0) },
            sponsor: if rng.random::<f64>() < 0.1 { !self.sponsor } else { self.sponsor },
            since_champion_left: if champion_leaves { 0 } else { self.since_champion_left + 1 },
        }
    }

    /// The state on the way to the next one; what is yes or no is as it will be.
    pub fn towards(&self, next: &Hidden, share: f64) -> Self {
        let between = |from: f64, to: f64| from + share * (to - from);
        Hidden {
            fit: self.fit,
            adoption: between(self.adoption, next.adoption),
            satisfaction: between(self.satisfaction, next.satisfaction),
            budget: between(self.budget, next.budget),
            engagement: between(self.engagement, next.engagement),
            burden: between(self.burden, next.burden),
            ..*next
        }
    }
}
