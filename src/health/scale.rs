//! Health from calibrated risk within a segment: a scale on which 50 is usual for the account's kind.

use serde::{Deserialize, Serialize};

use super::{Band, BandEdges, apart};
use crate::explain::Outcome;
use crate::model::sigmoid;

/// Turns how much riskier an account is than is usual in its segment into health, sub-scores and band.
///
/// With `x` the parts that its signals add to the calibrated log-odds beyond what is usual in its segment, and `s` the
/// standard deviation of their sum within segments (at least 1), health is `100 / (1 + exp(Σx / s))`: 50 is usual, 27 is
/// one standard deviation worse. Where the model tells accounts apart badly, `s` stays 1 and health stays near 50. The
/// sub-score of a dimension is the same of its own signals' parts, so `logit(health / 100)` is the sum of
/// `logit(sub-score / 100)` over all dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HealthScale {
    /// What log-odds are multiplied by: one over their spread, negative where the outcome is good for us (expansion).
    factor: f64,
    edges: Edges,
}

/// Below which an account is red, and below which it is amber.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Edges {
    Health([f64; 2]),
    /// From which log-odds an account is red, and from which it is amber.
    Risk([f64; 2]),
}

impl HealthScale {
    /// The scale of training accounts from how much riskier each was than is usual in its segment, as told of accounts
    /// left out, and the edges so that the bands are far apart, that the shares fall into them, or that care pays.
    pub(super) fn fit(outcome: Outcome, training: &Training<'_>, bands: BandEdges) -> Self {
        let sign = if outcome == Outcome::Churn { 1.0 } else { -1.0 };
        let factor = sign / spread(training.excess).max(1.0);
        let by_share = |red: f64, amber: f64| {
            let mut health: Vec<f64> = training.excess.iter().map(|excess| score(factor * excess)).collect();
            health.sort_by(f64::total_cmp);
            let edge = |share: f64| health[((share * health.len() as f64) as usize).min(health.len() - 1)];
            Edges::Health([edge(red), edge(red + amber)])
        };
        let edges = match bands {
            BandEdges::Apart { .. } if outcome == Outcome::Expansion => by_share(0.1, 0.2),
            BandEdges::Apart { times } => Edges::Risk(training.apart(times)),
            BandEdges::Share { red, amber } => by_share(red, amber),
            BandEdges::Cost { red_care, amber_care, loss } => {
                let log_odds = |care: f64| (care / (loss - care)).ln();
                Edges::Risk([log_odds(red_care), log_odds(amber_care)])
            }
        };
        HealthScale { factor, edges }
    }

    /// 0 to 100, from how much riskier an account is than is usual in its segment, in log-odds.
    pub(super) fn health(&self, excess: f64) -> f64 {
        score(self.factor * excess)
    }

    /// Its band, from what is usual in its segment and how much riskier than that it is, in log-odds.
    pub(super) fn band(&self, usual: f64, excess: f64) -> Band {
        let [red, amber] = match self.edges {
            Edges::Health(edges) => edges.map(|edge| self.health(excess) < edge),
            Edges::Risk(edges) => edges.map(|edge| usual + excess >= edge),
        };
        match (red, amber) {
            (true, _) => Band::Red,
            (_, true) => Band::Amber,
            _ => Band::Green,
        }
    }

    /// Health below which an account is red, and below which it is amber, in a segment with that usual risk.
    pub(super) fn edges(&self, usual: f64) -> [f64; 2] {
        match self.edges {
            Edges::Health(edges) => edges,
            Edges::Risk(edges) => edges.map(|edge| self.health(edge - usual)),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        let (Edges::Health(edges) | Edges::Risk(edges)) = self.edges;
        self.factor.is_finite() && edges.iter().all(|edge| edge.is_finite())
    }
}

/// What a scale is fitted to, one each a training account.
pub(super) struct Training<'a> {
    /// How much riskier it was than is usual in its segment, in log-odds.
    pub excess: &'a [f64],
    /// Its log-odds.
    pub log_odds: &'a [f64],
    /// What came of it; `None` where the log-odds were said of accounts that were learned from.
    pub happened: Option<&'a [bool]>,
}

impl Training<'_> {
    /// Edges so many times apart, or where there are none the usual shares.
    fn apart(&self, times: f64) -> [f64; 2] {
        let apart = self.happened.and_then(|happened| apart::edges(self.log_odds, happened, times));
        apart.unwrap_or_else(|| apart::usual_edges(self.log_odds))
    }
}

/// Standard deviation.
fn spread(excess: &[f64]) -> f64 {
    let n = excess.len().max(1) as f64;
    let mean = excess.iter().sum::<f64>() / n;
    (excess.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt()
}

fn score(excess: f64) -> f64 {
    100.0 * sigmoid(-excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTERS: BandEdges = BandEdges::Share { red: 0.25, amber: 0.25 };

    fn fit(outcome: Outcome, excess: &[f64], bands: BandEdges) -> HealthScale {
        HealthScale::fit(outcome, &Training { excess, log_odds: excess, happened: None }, bands)
    }

    fn logit(health: f64) -> f64 {
        (health / (100.0 - health)).ln()
    }

    #[test]
    fn fifty_is_usual_and_parts_add_up() {
        let scale = fit(Outcome::Churn, &[1.5, -0.5, 1.1, -0.1], QUARTERS);
        assert_eq!(scale.health(0.0), 50.0);
        let sum = logit(scale.health(1.2)) + logit(scale.health(-0.3));
        assert!((logit(scale.health(0.9)) - sum).abs() < 1e-12);
    }

    #[test]
    fn a_wide_spread_is_drawn_together_and_a_narrow_one_left() {
        let fit = |excess: &[f64]| fit(Outcome::Churn, excess, QUARTERS);
        assert!((logit(fit(&[3.0, -3.0]).health(3.0)) + 1.0).abs() < 1e-12);
        assert!((logit(fit(&[0.1, -0.1]).health(0.1)) + 0.1).abs() < 1e-12);
    }

    #[test]
    fn more_risk_is_less_health_and_more_growth_is_more() {
        let health = |outcome, excess| fit(outcome, &[1.0, -1.0], QUARTERS).health(excess);
        assert!(health(Outcome::Churn, 1.0) < health(Outcome::Churn, 0.0));
        assert!(health(Outcome::Expansion, 1.0) > health(Outcome::Expansion, 0.0));
    }

    #[test]
    fn bands_hold_the_shares_asked_for() {
        let excess = [1.5, -0.5, 1.1, -0.1];
        let scale = fit(Outcome::Churn, &excess, QUARTERS);
        assert_eq!(
            excess.map(|excess| scale.band(-2.0, excess)),
            [Band::Red, Band::Green, Band::Amber, Band::Green]
        );
    }

    #[test]
    fn without_accounts_left_out_the_riskiest_tenth_is_red() {
        let excess: Vec<f64> = (0..100).map(|row| f64::from(row) / 100.0).collect();
        let scale = fit(Outcome::Churn, &excess, BandEdges::Apart { times: 3.0 });
        let count = |wanted: Band| excess.iter().filter(|&&x| scale.band(0.0, x) == wanted).count();
        assert_eq!([Band::Red, Band::Amber, Band::Green].map(count), [10, 20, 70]);
        // Of growth, those that grow least beside their segment.
        let scale = fit(Outcome::Expansion, &excess, BandEdges::Apart { times: 3.0 });
        assert_eq!([0.0, 0.15, 0.9].map(|x| scale.band(0.0, x)), [Band::Red, Band::Amber, Band::Green]);
    }

    #[test]
    fn bands_by_cost_begin_where_care_pays_whatever_the_segment() {
        let costs = BandEdges::Cost { red_care: 300.0, amber_care: 100.0, loss: 1_000.0 };
        let scale = fit(Outcome::Churn, &[1.0, -1.0], costs);
        let band = |usual: f64, probability: f64| {
            scale.band(usual, (probability / (1.0 - probability)).ln() - usual)
        };
        for usual in [-3.0, 0.0] {
            assert_eq!(
                [0.31, 0.29, 0.11, 0.09].map(|p| band(usual, p)),
                [Band::Red, Band::Amber, Band::Amber, Band::Green]
            );
            let [red, amber] = scale.edges(usual);
            assert!(red < amber);
        }
    }

    #[test]
    fn edges_that_make_no_sense_are_refused() {
        let refused = |bands: BandEdges| bands.check().unwrap_err().to_string();
        assert_eq!(
            refused(BandEdges::Share { red: 0.6, amber: 0.4 }),
            "`amber_share` is 0.4, expected above 0 and, with red_share, below 1"
        );
        assert_eq!(
            refused(BandEdges::Cost { red_care: 10.0, amber_care: 1.0, loss: 5.0 }),
            "`red_care` is 10, expected above 0 and below loss"
        );
        assert_eq!(
            refused(BandEdges::Cost { red_care: 10.0, amber_care: 10.0, loss: 50.0 }),
            "`amber_care` is 10, expected above 0 and below red_care"
        );
        assert_eq!(refused(BandEdges::Apart { times: f64::NAN }), "`bands_apart` is NaN, expected 1 to 10");
        assert_eq!(
            refused(BandEdges::Cost { red_care: 10.0, amber_care: 1.0, loss: f64::NAN }),
            "`loss` is NaN, expected a number above 0"
        );
    }
}
