//! What an action is worth for an account: expected incremental money, with its range.

use super::accounts::Accounts;
use super::effect::Effect;
use super::learned_for::{LearnedFor, LearnedOn};
use super::one_action::Action;
use super::planning::Planning;
use super::playbook::Playbook;
use crate::model::ProbabilityInterval;
use crate::schema::Money;

/// The 95th percentile of a standard normal.
pub(super) const Z_90: f64 = 1.644_853_626_951_472_7;

/// Expected incremental money of an action for an account, its cost taken off.
///
/// The range is from the 5th to the 95th percentile. In it are how unsure the effect is, how unsure the score is where
/// [`Planning`] has its intervals (an effect that is assumed as a share of the probability rests on it; one that was
/// learned in points does not), and how unsure the value is where the playbook gives its ranges. They are taken as
/// independent: each alone at its ends, the distances added as squares.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    /// At the mean of everything.
    pub expected: Money,
    /// The 5th percentile.
    pub low: Money,
    /// The 95th percentile.
    pub high: Money,
    /// What was taken off: the cost of doing it once.
    pub cost: Money,
    /// Probability that it brings more than it costs, 0 to 1.
    pub probability_positive: f64,
}

/// [`Gain`] in minor units, before rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GainCents {
    pub low: f64,
    pub mean: f64,
    pub high: f64,
}

impl GainCents {
    /// As money.
    pub fn money(self, cost_cents: i64, currency: &Money) -> Gain {
        let of = |cents: f64| Money { cents: cents.round() as i64, currency: currency.currency.clone() };
        Gain {
            expected: of(self.mean),
            low: of(self.low),
            high: of(self.high),
            cost: Money { cents: cost_cents, currency: currency.currency.clone() },
            probability_positive: self.probability_positive(),
        }
    }

    /// Of two halves of normals that meet at the mean.
    pub fn probability_positive(self) -> f64 {
        let side = if self.mean > 0.0 { self.mean - self.low } else { self.high - self.mean };
        match side {
            side if side > 0.0 => normal_cdf(self.mean * Z_90 / side),
            _ if self.mean > 0.0 => 1.0,
            _ => 0.0,
        }
    }

    /// The gain at `z` standard deviations from its mean.
    pub fn at(self, z: f64) -> f64 {
        let side = if z < 0.0 { self.mean - self.low } else { self.high - self.mean };
        self.mean + z * side / Z_90
    }
}

/// The standard normal's distribution: Abramowitz & Stegun 26.2.17, right to 7.5e-8.
fn normal_cdf(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let terms = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let tail = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let beyond = tail * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z > 0.0 { 1.0 - beyond } else { beyond }
}

/// By how much an action changes a probability of an account, in points: .05 is from 20 % to 15 %, or to 25 %.
///
/// The range is from the 5th to the 95th percentile of the effect itself, however sure the score is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Points {
    /// The 5th percentile.
    pub low: f64,
    /// What is expected.
    pub expected: f64,
    /// The 95th percentile.
    pub high: f64,
}

/// What an action changes for an account, and what that is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worth {
    /// Of churn probability.
    pub fall: Points,
    /// Of expansion probability.
    pub rise: Points,
    pub gain: GainCents,
}

/// What is at stake with an account, at the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stake {
    churn: f64,
    expansion: f64,
    /// Minor units that all of the churn probability is worth, and all of the expansion probability.
    kept: f64,
    grown: f64,
}

impl Stake {
    /// What several actions bring together, their costs taken off. Of what the one leaves of the risk, the other takes
    /// its share: `p (1 − Π (1 − fall / p))`, and as much for what is left to grow. Where an effect that was learned is
    /// larger than the score, there is taken to be as much as it takes.
    pub fn together<'a>(&self, parts: impl Iterator<Item = &'a Worth> + Clone, cost_cents: f64) -> f64 {
        let risk = parts.clone().fold(self.churn, |risk, part| risk.max(part.fall.expected));
        let room = parts.clone().fold(1.0 - self.expansion, |room, part| room.max(part.rise.expected));
        let (mut stays_at_risk, mut stays_small) = (1.0, 1.0);
        for part in parts {
            if risk > 0.0 {
                stays_at_risk *= 1.0 - part.fall.expected / risk;
            }
            if room > 0.0 {
                stays_small *= 1.0 - part.rise.expected / room;
            }
        }
        let fall = (risk * (1.0 - stays_at_risk)).max(risk - 1.0);
        let rise = (room * (1.0 - stays_small)).max(room - 1.0);
        fall * self.kept + rise * self.grown - cost_cents
    }
}

/// Low, mean and high.
type Three = [f64; 3];

/// The reckoning of a playbook for the accounts of one schema.
pub(super) struct Reckoning<'a> {
    accounts: &'a Accounts<'a>,
    learned: &'a LearnedFor<'a>,
    intervals: [Option<&'a [ProbabilityInterval]>; 2],
    /// Recurring values in the months looked at, times margin.
    times: Three,
    expansion_value: Three,
}

impl<'a> Reckoning<'a> {
    /// Reckons with `per_year` recurring values a year.
    pub fn new(
        playbook: &Playbook,
        accounts: &'a Accounts<'a>,
        planning: &Planning<'a>,
        learned: &'a LearnedFor<'a>,
        per_year: f64,
    ) -> Self {
        let three =
            |mean: f64, range: Option<[f64; 2]>| range.map_or([mean; 3], |[low, high]| [low, mean, high]);
        let months = three(playbook.value_months, playbook.value_months_range);
        Reckoning {
            accounts,
            learned,
            intervals: [planning.churn_intervals, planning.expansion_intervals],
            times: months.map(|months| per_year * months / 12.0 * playbook.margin),
            expansion_value: three(playbook.expansion_value, playbook.expansion_value_range),
        }
    }

    /// What is at stake with an account; `None` where its value is not known.
    pub fn stake(&self, row: usize) -> Option<Stake> {
        let kept = self.accounts.value_cents?[row]? as f64 * self.times[1];
        let of = |probability: Option<&[f64]>| probability.map_or(0.0, |values| values[row]);
        let (churn, expansion) = (of(self.accounts.churn), of(self.accounts.expansion));
        Some(Stake { churn, expansion, kept, grown: kept * self.expansion_value[1] })
    }

    /// What an action, `at` its place in the playbook, is worth for an account; `None` where the account's value is
    /// not known.
    pub fn worth(&self, at: usize, action: &Action, row: usize) -> Option<Worth> {
        let value = self.accounts.value_cents?[row]? as f64;
        let cost = action.cost_cents() as f64;
        let share = self.share_left(action);
        let [fall, by_churn] = self.fall(at, &action.effect, row, share);
        let [rise, by_expansion] = self.rise(at, &action.effect, row, share);
        let money = |fall: f64, rise: f64, times: f64, expansion_value: f64| {
            (fall + expansion_value * rise) * value * times - cost
        };
        let ([low_t, times, high_t], [low_v, growth, high_v]) = (self.times, self.expansion_value);
        let mean = money(fall[1], rise[1], times, growth);
        let alone = [
            [money(fall[0], rise[1], times, growth), money(fall[2], rise[1], times, growth)],
            [money(fall[1], rise[0], times, growth), money(fall[1], rise[2], times, growth)],
            [money(by_churn[0], rise[1], times, growth), money(by_churn[2], rise[1], times, growth)],
            [money(fall[1], by_expansion[0], times, growth), money(fall[1], by_expansion[2], times, growth)],
            [money(fall[1], rise[1], low_t, growth), money(fall[1], rise[1], high_t, growth)],
            [money(fall[1], rise[1], times, low_v), money(fall[1], rise[1], times, high_v)],
        ];
        let reach = |side: f64| {
            let far = |ends: &[f64; 2]| ends.iter().fold(0.0_f64, |far, end| far.max(side * (end - mean)));
            alone.iter().map(|ends| far(ends).powi(2)).sum::<f64>().sqrt()
        };
        let gain = GainCents { low: mean - reach(-1.0), mean, high: mean + reach(1.0) };
        let points = |[low, expected, high]: Three| Points { low, expected, high };
        Some(Worth { fall: points(fall), rise: points(rise), gain })
    }

    /// Whether there are probabilities that the effect could change.
    pub fn can_see(&self, effect: &Effect) -> bool {
        let churn = effect.churn_reduction.is_some() && self.accounts.churn.is_some();
        let expansion = effect.expansion_increase.is_some() && self.accounts.expansion.is_some();
        churn || expansion
    }

    /// The share of the horizon that is left when an action begins to work.
    pub fn share_left(&self, action: &Action) -> f64 {
        let horizon = f64::from(self.accounts.horizon_days.max(1));
        (1.0 - f64::from(action.lead_days) / horizon).max(0.0)
    }

    /// By how much the probability of churn falls: by the effect's ends, and by the score's.
    fn fall(&self, at: usize, effect: &Effect, row: usize, share: f64) -> [Three; 2] {
        let (Some(change), Some(churn)) = (effect.churn_reduction, self.accounts.churn) else {
            return [[0.0; 3]; 2];
        };
        let p = churn[row];
        let [low, high] = self.ends(0, row, p);
        if let Some(learned) = self.learned.points(at, row, LearnedOn::Churn, [low, p, high]) {
            return [learned, [learned[1]; 3]];
        }
        let points = |p: f64| change.points(p, p).map(|points| points * share);
        [points(p), [points(low)[1], points(p)[1], points(high)[1]]]
    }

    /// As [`fall`](Self::fall), by how much the probability of expansion rises.
    fn rise(&self, at: usize, effect: &Effect, row: usize, share: f64) -> [Three; 2] {
        let (Some(change), Some(expansion)) = (effect.expansion_increase, self.accounts.expansion) else {
            return [[0.0; 3]; 2];
        };
        let p = expansion[row];
        let [low, high] = self.ends(1, row, p);
        if let Some(learned) = self.learned.points(at, row, LearnedOn::Expansion, [low, p, high]) {
            return [learned, [learned[1]; 3]];
        }
        let points = |p: f64| change.points(p, 1.0 - p).map(|points| points * share);
        [points(p), [points(low)[1], points(p)[1], points(high)[1]]]
    }

    fn ends(&self, outcome: usize, row: usize, p: f64) -> [f64; 2] {
        self.intervals[outcome].map_or([p; 2], |intervals| [intervals[row].lower, intervals[row].upper])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_of_a_gain_is_that_of_a_normal() {
        let gain = |low: f64, mean: f64, high: f64| GainCents { low, mean, high }.probability_positive();
        assert!((gain(0.0, 10.0, 30.0) - 0.95).abs() < 1e-6);
        assert!((gain(-30.0, -10.0, 0.0) - 0.05).abs() < 1e-6);
        assert_eq!((gain(5.0, 5.0, 5.0), gain(-5.0, -5.0, -5.0), gain(0.0, 0.0, 0.0)), (1.0, 0.0, 0.0));
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (40.0, 1.0)] {
            assert!((normal_cdf(z) - p).abs() < 1e-6, "{z}");
        }
    }

    #[test]
    fn two_actions_share_what_there_is() {
        let stake = Stake { churn: 0.4, expansion: 0.1, kept: 1_000.0, grown: 100.0 };
        let gain = GainCents { low: 0.0, mean: 0.0, high: 0.0 };
        let points = |expected: f64| Points { expected, ..Points::default() };
        let half = Worth { fall: points(0.2), rise: points(0.0), gain };
        let grows = Worth { fall: points(0.0), rise: points(0.45), gain };
        assert!((stake.together([&half].into_iter(), 10.0) - 190.0).abs() < 1e-9);
        assert!((stake.together([&half, &half].into_iter(), 20.0) - 280.0).abs() < 1e-9);
        assert!((stake.together([&grows, &grows].into_iter(), 0.0) - 67.5).abs() < 1e-9);
        // Learned of more than the score says that there is: two of them take no more than the larger.
        let more = Worth { fall: points(0.5), rise: points(0.0), gain };
        assert!((stake.together([&more].into_iter(), 0.0) - 500.0).abs() < 1e-9);
        assert!((stake.together([&more, &half].into_iter(), 0.0) - 500.0).abs() < 1e-9);
    }
}
