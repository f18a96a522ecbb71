//! The most that a retention campaign can be expected to bring by a score, where it is not known how many accept.
//!
//! An offer is made to the accounts with the highest scores. Of those who would leave, a share `γ` accepts and stays;
//! `γ` is thought to be Beta(α, β). With an account's value `Vᵢ`, an offer that costs the share `δ` of it, and `f` for
//! the contact, acting on the first `k` accounts brings
//!
//! > `P(k, γ) = γ Σ_leave (1 − δ) Vᵢ − Σ_leave f − Σ_stay (δ Vᵢ + f)` (Verbraken, Verbeke & Baesens 2013, eq. 10)
//!
//! The measure is `∫ max_k P(k, γ) dBeta(γ) / n`: EMPC where all values are the same, EMPB (Janssens et al. 2022) where
//! each account has its own. `P` is a straight line in `γ`, so the maximum is their upper envelope, and the integral is
//! exact.

use super::check;
use super::distribution::beta_below;
use crate::error::{ErrorKind, Result};

/// What a campaign costs and how many are thought to accept.
///
/// The default is Verbraken's: acceptance Beta(6, 14), an offer worth 5 % of the account's value (10 of 200), a contact
/// that costs 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Campaign {
    /// α of the share that accepts; above 0.
    pub alpha: f64,
    /// β of the share that accepts; above 0.
    pub beta: f64,
    /// What the offer costs, as a share of the account's value: 0 to below 1.
    pub offer: f64,
    /// What a contact costs, 0 or more, in the unit of the values.
    pub contact: f64,
}

impl Default for Campaign {
    fn default() -> Self {
        Campaign { alpha: 6.0, beta: 14.0, offer: 0.05, contact: 1.0 }
    }
}

/// What [`expected_maximum_profit`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaximumProfit {
    /// Expected profit an account of all `n`, in the unit of the values; 0 where no campaign pays.
    pub profit: f64,
    /// Expected share of accounts to act on, 0 to 1.
    pub share: f64,
    /// The lowest score that is worth acting on at the expected acceptance; `None` where none is.
    pub threshold: Option<f64>,
}

/// The expected maximum profit of acting on the highest scores: EMPC, or EMPB by each account's own value.
///
/// `y` is who left without a campaign, `scores` rise with that, `values` holds one value for all accounts or one each
/// (above 0). Published: the eight accounts below.
///
/// # Errors
/// Lengths that differ, a NaN score, one class only, a value or parameter outside its range.
///
/// ```
/// use keepwell::metric::{Campaign, expected_maximum_profit};
///
/// let y = [false, true, false, true, false, true, false, true];
/// let scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9];
/// let found = expected_maximum_profit(&y, &scores, &[200.0], &Campaign::default())?;
/// assert!((found.profit - 23.875593418348124).abs() < 1e-10);
/// # Ok::<(), keepwell::Error>(())
/// ```
pub fn expected_maximum_profit(
    y: &[bool],
    scores: &[f64],
    values: &[f64],
    campaign: &Campaign,
) -> Result<MaximumProfit> {
    check::scores(y, scores, None)?;
    check::both_classes(y, None)?;
    if values.len() != 1 {
        check::same_length("values", values.len(), y.len())?;
    }
    check::all("values", values, "a finite amount above 0", |value| value.is_finite() && value > 0.0)?;
    campaign.check()?;
    let hull = envelope(&lines(y, scores, values, campaign));
    Ok(campaign.integrate(&hull, y.len()))
}

/// The profit of acting on the first `n_rows` accounts: `rise · γ − cost`.
#[derive(Clone, Copy)]
struct Line {
    rise: f64,
    cost: f64,
    n_rows: usize,
    score: Option<f64>,
}

fn lines(y: &[bool], scores: &[f64], values: &[f64], campaign: &Campaign) -> Vec<Line> {
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut lines = vec![Line { rise: 0.0, cost: 0.0, n_rows: 0, score: None }];
    let mut line = lines[0];
    for (at, &row) in order.iter().enumerate() {
        let value = if values.len() == 1 { values[0] } else { values[row] };
        if y[row] {
            line.rise += (1.0 - campaign.offer) * value;
            line.cost += campaign.contact;
        } else {
            line.cost += campaign.offer * value + campaign.contact;
        }
        line = Line { n_rows: at + 1, score: Some(scores[row]), ..line };
        // Accounts of one score are acted on together.
        if order.get(at + 1).is_none_or(|&next| scores[next] != scores[row]) {
            lines.push(line);
        }
    }
    lines
}

/// The lines that are highest somewhere, with the `γ` from which each is. Rises and costs do not fall along `lines`.
fn envelope(lines: &[Line]) -> Vec<(f64, Line)> {
    let mut hull: Vec<(f64, Line)> = vec![(f64::NEG_INFINITY, lines[0])];
    for line in &lines[1..] {
        loop {
            let Some((from, last)) = hull.last().copied() else {
                hull.push((f64::NEG_INFINITY, *line));
                break;
            };
            let (rise, cost) = (line.rise - last.rise, line.cost - last.cost);
            if rise <= 0.0 {
                // Parallel: only the cheaper counts, and of two equal the one that acts on fewer.
                if cost >= 0.0 {
                    break;
                }
                hull.pop();
                continue;
            }
            let meets = cost / rise;
            if meets > from {
                hull.push((meets, *line));
                break;
            }
            hull.pop();
        }
    }
    hull
}

impl Campaign {
    fn check(&self) -> Result<()> {
        let refuse = |name, value: f64, expected| {
            Err(ErrorKind::Parameter { name, value: value.to_string(), expected }.into())
        };
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match *self {
            Campaign { alpha, .. } if !positive(alpha) => refuse("alpha", alpha, "a finite number above 0"),
            Campaign { beta, .. } if !positive(beta) => refuse("beta", beta, "a finite number above 0"),
            Campaign { offer, .. } if !(0.0..1.0).contains(&offer) => {
                refuse("offer", offer, "a share from 0 to below 1")
            }
            Campaign { contact, .. } if !(contact.is_finite() && contact >= 0.0) => {
                refuse("contact", contact, "a finite amount, 0 or more")
            }
            _ => Ok(()),
        }
    }

    fn integrate(&self, hull: &[(f64, Line)], n_rows: usize) -> MaximumProfit {
        let (alpha, beta) = (self.alpha, self.beta);
        let mean = alpha / (alpha + beta);
        let (mut profit, mut share) = (0.0, 0.0);
        for (at, (from, line)) in hull.iter().enumerate() {
            let to = hull.get(at + 1).map_or(1.0, |next| next.0);
            let chance = beta_below(to, alpha, beta) - beta_below(*from, alpha, beta);
            // ∫ γ dBeta(α, β) = E γ · ∫ dBeta(α + 1, β)
            let accepted = mean * (beta_below(to, alpha + 1.0, beta) - beta_below(*from, alpha + 1.0, beta));
            profit += line.rise * accepted - line.cost * chance;
            share += line.n_rows as f64 * chance;
        }
        let at_mean = hull.iter().rev().find(|(from, _)| *from <= mean);
        let n = n_rows as f64;
        MaximumProfit {
            profit: profit / n,
            share: share / n,
            threshold: at_mean.and_then(|(_, line)| line.score),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Y: [bool; 8] = [false, true, false, true, false, true, false, true];
    const SCORES: [f64; 8] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9];

    /// The definition: the best cut-off at each of many shares that accept, weighed by the beta's density.
    fn by_quadrature(y: &[bool], scores: &[f64], values: &[f64], campaign: &Campaign) -> f64 {
        let lines = lines(y, scores, values, campaign);
        let n = 200_000;
        let (mut sum, mut mass) = (0.0, 0.0);
        for step in 0..n {
            let gamma = (f64::from(step) + 0.5) / f64::from(n);
            let density = gamma.powf(campaign.alpha - 1.0) * (1.0 - gamma).powf(campaign.beta - 1.0);
            let best = lines.iter().map(|line| line.rise * gamma - line.cost).fold(f64::MIN, f64::max);
            sum += density * best;
            mass += density;
        }
        sum / mass / y.len() as f64
    }

    #[test]
    fn it_is_the_published_value_and_the_definition() {
        let found = expected_maximum_profit(&Y, &SCORES, &[200.0], &Campaign::default()).unwrap();
        assert!((found.profit - 23.875_593_418_348_124).abs() < 1e-10, "{found:?}");
        assert!((found.profit - by_quadrature(&Y, &SCORES, &[200.0], &Campaign::default())).abs() < 1e-5);
        assert_eq!(found.threshold, Some(0.2));
        assert!((0.86..0.88).contains(&found.share), "{found:?}");
    }

    #[test]
    fn each_account_has_its_own_value() {
        let values = [100.0, 900.0, 50.0, 200.0, 3000.0, 40.0, 800.0, 120.0];
        let campaign = Campaign { contact: 15.0, ..Campaign::default() };
        let found = expected_maximum_profit(&Y, &SCORES, &values, &campaign).unwrap();
        assert!((found.profit - by_quadrature(&Y, &SCORES, &values, &campaign)).abs() < 1e-4, "{found:?}");
        let same = expected_maximum_profit(&Y, &SCORES, &[200.0; 8], &campaign).unwrap();
        assert_eq!(same, expected_maximum_profit(&Y, &SCORES, &[200.0], &campaign).unwrap());
    }

    #[test]
    fn a_campaign_that_never_pays_is_not_run_and_ties_are_acted_on_together() {
        let dear = Campaign { contact: 1000.0, ..Campaign::default() };
        let found = expected_maximum_profit(&Y, &SCORES, &[200.0], &dear).unwrap();
        assert!(found.profit.abs() < 1e-12 && found.share < 1e-12 && found.threshold.is_none(), "{found:?}");
        let flat = expected_maximum_profit(&Y, &[0.5; 8], &[200.0], &Campaign::default()).unwrap();
        assert_eq!(flat.threshold, Some(0.5));
        // Half of them leave: 4 × 190 × .3 − 8 × 1 − 4 × 10, a little more where fewer than 6 % accept.
        assert!((flat.profit - (228.0 - 48.0) / 8.0).abs() < 0.01, "{flat:?}");
    }

    #[test]
    fn bad_input_is_named() {
        let text = |values: &[f64], campaign: Campaign| {
            expected_maximum_profit(&Y, &SCORES, values, &campaign).unwrap_err().to_string()
        };
        assert_eq!(text(&[200.0, 0.0], Campaign::default()), "number of values: found 2, expected 8");
        assert_eq!(
            text(&[0.0], Campaign::default()),
            "values, row 1: found 0, expected a finite amount above 0"
        );
        assert_eq!(
            text(&[1.0], Campaign { offer: 1.0, ..Campaign::default() }),
            "`offer` is 1, expected a share from 0 to below 1"
        );
        assert_eq!(
            text(&[1.0], Campaign { alpha: f64::NAN, ..Campaign::default() }),
            "`alpha` is NaN, expected a finite number above 0"
        );
    }
}
