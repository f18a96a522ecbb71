//! Health from calibrated risk: a scale on which 50 is usual, and the edges of the bands.

use serde::{Deserialize, Serialize};

use super::Band;
use crate::explain::{Outcome, by_dimension};
use crate::model::{Contributions, sigmoid};
use crate::schema::Schema;

/// Turns the contributions of an account into health, sub-scores and band.
///
/// With `L` the calibrated log-odds of an account, `m` their mean and `s` their standard deviation over the training
/// accounts (at least 1), health is `100 / (1 + exp((L - m) / s))`: 50 is usual, 27 is one standard deviation worse.
/// Where the model tells accounts apart badly, `s` stays 1 and health stays near 50. The sub-score of a dimension is the
/// same of its own part of `L - m`, so `logit(health / 100)` is the sum of `logit(sub-score / 100)` over all dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HealthScale {
    /// Mean contributions of each dimension over the training accounts.
    usual: [f64; 8],
    /// What log-odds are multiplied by: one over their spread, negative where the outcome is good for us (expansion).
    factor: f64,
    /// Health below which an account is red, and below which it is amber.
    edges: [f64; 2],
}

impl HealthScale {
    /// Finds what is usual from the training accounts' contributions, and the edges from their
    /// out-of-fold log-odds, so that `red` and `amber` (shares of the accounts) fall into the bands.
    pub(super) fn fit(
        schema: &Schema,
        outcome: Outcome,
        contributions: &Contributions,
        out_of_fold: &[f64],
        shares: [f64; 2],
    ) -> Self {
        let usual = usual_by_dimension(schema, contributions);
        let sign = if outcome == Outcome::Churn { 1.0 } else { -1.0 };
        let mean = contributions.base + usual.iter().sum::<f64>();
        let factor = sign / spread(out_of_fold).max(1.0);
        let mut health: Vec<f64> =
            out_of_fold.iter().map(|log_odds| score(factor * (log_odds - mean))).collect();
        health.sort_by(f64::total_cmp);
        let edge = |share: f64| health[((share * health.len() as f64) as usize).min(health.len() - 1)];
        HealthScale { usual, factor, edges: [edge(shares[0]), edge(shares[0] + shares[1])] }
    }

    /// Health and the eight sub-scores, 0 to 100, from the `d` contributions of an account.
    pub(super) fn of(&self, schema: &Schema, contributions: &[f64]) -> (f64, [f64; 8]) {
        let sums = by_dimension(schema, contributions);
        let parts: [f64; 8] = std::array::from_fn(|at| self.factor * (sums[at] - self.usual[at]));
        (score(parts.iter().sum()), parts.map(score))
    }

    pub(super) fn band(&self, health: f64) -> Band {
        match health {
            health if health < self.edges[0] => Band::Red,
            health if health < self.edges[1] => Band::Amber,
            _ => Band::Green,
        }
    }

    pub(super) fn edges(&self) -> [f64; 2] {
        self.edges
    }
}

/// Standard deviation.
fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt()
}

fn score(excess: f64) -> f64 {
    100.0 * sigmoid(-excess)
}

fn usual_by_dimension(schema: &Schema, contributions: &Contributions) -> [f64; 8] {
    let n_rows = contributions.values.len() / contributions.n_features;
    let mut usual = [0.0; 8];
    for row in 0..n_rows {
        let sums = by_dimension(schema, contributions.row(row));
        usual.iter_mut().zip(sums).for_each(|(mean, sum)| *mean += sum / n_rows as f64);
    }
    usual
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Kind, Signal};

    fn schema() -> Schema {
        let signal = |name: &str, dimension| Signal::new(name, dimension, Kind::Number);
        let signals = vec![signal("logins", Dimension::Usage), signal("nps", Dimension::Sentiment)];
        Schema { signals, ..Schema::default() }
    }

    fn scale(outcome: Outcome) -> HealthScale {
        let contributions = Contributions {
            base: -2.0,
            values: vec![1.0, 0.5, -1.0, 0.5, 0.6, 0.5, -0.6, 0.5],
            n_features: 2,
        };
        HealthScale::fit(&schema(), outcome, &contributions, &[-0.5, -2.5, -0.9, -2.1], [0.25, 0.25])
    }

    fn logit(health: f64) -> f64 {
        (health / (100.0 - health)).ln()
    }

    #[test]
    fn fifty_is_usual_and_parts_add_up() {
        let scale = scale(Outcome::Churn);
        assert_eq!(scale.of(&schema(), &[0.0, 0.5]).0, 50.0);
        let (health, parts) = scale.of(&schema(), &[1.2, -0.3]);
        assert!((logit(health) - parts.iter().map(|&part| logit(part)).sum::<f64>()).abs() < 1e-12);
        assert!(parts[0] < 50.0 && parts[3] > 50.0 && parts[1] == 50.0);
    }

    #[test]
    fn a_wide_spread_is_drawn_together_and_a_narrow_one_left() {
        let contributions = Contributions { base: 0.0, values: vec![3.0, 0.0, -3.0, 0.0], n_features: 2 };
        let fit =
            |said: &[f64]| HealthScale::fit(&schema(), Outcome::Churn, &contributions, said, [0.25, 0.25]);
        assert!((logit(fit(&[3.0, -3.0]).of(&schema(), &[3.0, 0.0]).0) + 1.0).abs() < 1e-12);
        assert!((logit(fit(&[0.1, -0.1]).of(&schema(), &[0.1, 0.0]).0) + 0.1).abs() < 1e-12);
    }

    #[test]
    fn more_risk_is_less_health_and_more_growth_is_more() {
        let health = |outcome, contribution| scale(outcome).of(&schema(), &[contribution, 0.5]).0;
        assert!(health(Outcome::Churn, 1.0) < health(Outcome::Churn, 0.0));
        assert!(health(Outcome::Expansion, 1.0) > health(Outcome::Expansion, 0.0));
    }

    #[test]
    fn bands_hold_the_shares_asked_for() {
        let scale = scale(Outcome::Churn);
        let bands: Vec<Band> =
            [1.0, -1.0, 0.6, -0.6].map(|part| scale.band(scale.of(&schema(), &[part, 0.5]).0)).into();
        assert_eq!(bands, [Band::Red, Band::Green, Band::Amber, Band::Green]);
    }
}
