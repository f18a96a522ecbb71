//! Accounts whose actions' true effects are known: to learn from an experiment, and to hold plans against the truth.
//!
//! An account has six hidden states. The table shows noisy measures of them, some missing; its size alone is seen as it
//! is. The states drive churn and expansion in one way, and what actions change in another: an action helps as far as
//! the account has the need that it answers and can be reached, and somewhat bothers everybody. So the riskiest, who can
//! hardly be reached, are not those whom actions help most. All strengths are drawn by the seed.
//!
//! Two truths can be asked for. What an action truly changes for an account ([`EffectAccounts::truth`]) rests on its
//! hidden states. What it changes on average over accounts that show the same ([`EffectAccounts::expected`]) is the best
//! that anybody could know who sees no more than the table.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use super::hidden::normal;
use crate::error::Result;
use crate::frame::{Categories, Column, Table};
use crate::metric::sigmoid;
use crate::schema::{Dimension, Kind, Schema, Signal, Value};

const ADOPTION: usize = 0;
const SATISFACTION: usize = 1;
const ENGAGEMENT: usize = 2;
const TROUBLE: usize = 3;
const BUDGET: usize = 4;
const SIZE: usize = 5;
const N_STATES: usize = 6;

/// Half of the draws over what the states may be; the other half are their mirror images.
const HALF_DRAWS: usize = 64;

type States = [f64; N_STATES];

/// A noisy look at one state.
struct Measure {
    name: &'static str,
    dimension: Dimension,
    kind: Kind,
    state: usize,
    /// Standard deviation of the noise; the state's own is 1.
    noise: f64,
    /// Share of accounts of which it is missing.
    missing: f64,
    /// A rising map to the unit that is shown.
    shown: fn(f64) -> f64,
}

const MEASURES: [Measure; 9] = [
    measure("seat_utilisation", Dimension::Usage, Kind::Share, ADOPTION, 0.5, 0.0, |x| {
        sigmoid(0.4 + 0.9 * x)
    }),
    measure("feature_depth", Dimension::Usage, Kind::Share, ADOPTION, 0.8, 0.1, |x| sigmoid(0.7 * x - 0.3)),
    measure("nps", Dimension::Sentiment, Kind::Number, SATISFACTION, 0.6, 0.3, |x| 20.0 + 35.0 * x),
    measure("ticket_tone", Dimension::Sentiment, Kind::Number, SATISFACTION, 0.7, 0.0, |x| 0.1 + 0.3 * x),
    measure("reply_rate", Dimension::Engagement, Kind::Share, ENGAGEMENT, 0.5, 0.0, |x| sigmoid(x - 0.2)),
    measure("meeting_hours", Dimension::Engagement, Kind::Number, ENGAGEMENT, 0.9, 0.0, |x| (0.6 * x).exp()),
    measure("ticket_hours", Dimension::Support, Kind::Number, TROUBLE, 0.5, 0.0, |x| (2.0 + 0.8 * x).exp()),
    measure("days_past_due", Dimension::Billing, Kind::Number, BUDGET, 0.8, 0.0, |x| (1.0 - 0.7 * x).exp()),
    measure("seats", Dimension::Profile, Kind::Number, SIZE, 0.0, 0.0, |x| (2.5 + 1.1 * x).exp()),
];

const fn measure(
    name: &'static str,
    dimension: Dimension,
    kind: Kind,
    state: usize,
    noise: f64,
    missing: f64,
    shown: fn(f64) -> f64,
) -> Measure {
    Measure { name, dimension, kind, state, noise, missing, shown }
}

/// What an action works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Works {
    /// On staying.
    Churn,
    /// On growing.
    Expansion,
}

/// How an action works: by `strength · ln(1 + exp(need + reach)) − bother` in log-odds, so that where there is neither
/// need nor reach it only bothers.
#[derive(Clone, Copy, Debug)]
struct Way {
    name: &'static str,
    works: Works,
    strength: f64,
    /// The state whose lack (−1) or presence (1) it answers; 0 for all alike.
    need: (usize, f64),
    /// Whether it is of use only to those who deal with us.
    reach: bool,
    bother: f64,
}

const WAYS: [Way; 8] = [
    way("csm_call", Works::Churn, 1.1, (SATISFACTION, -1.0), true, 0.08),
    way("workshop", Works::Churn, 1.1, (ADOPTION, -1.0), true, 0.05),
    way("ticket_sweep", Works::Churn, 1.0, (TROUBLE, 1.0), true, 0.05),
    way("payment_plan", Works::Churn, 1.0, (BUDGET, -1.0), true, 0.0),
    way("executive_visit", Works::Churn, 1.4, (SIZE, 1.0), true, 0.1),
    way("checkin_email", Works::Churn, 0.2, (SATISFACTION, 0.0), false, 0.0),
    way("gift", Works::Churn, 0.0, (SATISFACTION, 0.0), false, 0.0),
    way("growth_call", Works::Expansion, 1.1, (ADOPTION, 1.0), true, 0.1),
];

const fn way(
    name: &'static str,
    works: Works,
    strength: f64,
    need: (usize, f64),
    reach: bool,
    bother: f64,
) -> Way {
    Way { name, works, strength, need, reach, bother }
}

impl Way {
    fn log_odds(&self, states: &States) -> f64 {
        let need = self.need.1 * states[self.need.0];
        let reach = if self.reach { 1.2 * states[ENGAGEMENT] } else { 0.0 };
        self.strength * (need + reach).exp().ln_1p() - self.bother
    }
}

/// What an action changes, in points of probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrueEffect {
    /// Probability that the account leaves if nothing is done.
    pub churn_probability: f64,
    /// Probability that it stays and grows if nothing is done.
    pub expansion_probability: f64,
    /// By how much the first falls.
    pub churn_fall: f64,
    /// By how much the second rises.
    pub expansion_rise: f64,
}

/// What came of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueOutcome {
    /// Whether it left.
    pub churned: bool,
    /// Whether it stayed and grew.
    pub expanded: bool,
}

/// A business whose actions' true effects are known.
#[derive(Clone, Debug)]
pub struct EffectWorld {
    ways: Vec<Way>,
    /// Log-odds of churn and of growing: the constant, then a weight a state.
    risk: [f64; N_STATES + 1],
    growth: [f64; N_STATES + 1],
    random_state: u64,
}

/// Accounts of an [`EffectWorld`].
#[derive(Clone, Debug)]
pub struct EffectAccounts<'a> {
    world: &'a EffectWorld,
    cohort: u64,
    table: Table,
    value_cents: Vec<i64>,
    states: Vec<States>,
    /// Mean and standard deviation of each state, as far as the table tells.
    told: Vec<[(f64, f64); N_STATES]>,
}

impl EffectWorld {
    /// The world of a seed.
    ///
    /// ```
    /// use keepwell::simulate::EffectWorld;
    ///
    /// let world = EffectWorld::new(7);
    /// let accounts = world.accounts(1_000, 0)?;
    /// let call = EffectWorld::actions().iter().position(|name| *name == "csm_call").unwrap();
    /// let helped = (0..1_000).filter(|&row| accounts.truth(row, Some(call)).churn_fall > 0.0).count();
    /// assert!(helped > 500 && helped < 1_000);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn new(random_state: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(random_state ^ 0xACC0_0F75);
        let mut about = |value: f64| value * (0.25 * normal(&mut rng)).exp();
        let ways = WAYS.map(|way| Way { strength: about(way.strength), bother: about(way.bother), ..way });
        let risk = [-1.4, -0.4, -0.5, -0.9, 0.3, -0.3, -0.1].map(&mut about);
        let growth = [-2.2, 0.8, 0.4, 0.3, -0.1, 0.4, 0.1].map(&mut about);
        EffectWorld { ways: ways.to_vec(), risk, growth, random_state }
    }

    /// With what its actions do multiplied in log-odds, the good and the bad of it. Default: 1.
    pub fn strength(mut self, strength: f64) -> Self {
        for way in &mut self.ways {
            (way.strength, way.bother) = (way.strength * strength, way.bother * strength);
        }
        self
    }

    /// The names of the actions, in the order of their numbers.
    pub fn actions() -> Vec<&'static str> {
        WAYS.map(|way| way.name).to_vec()
    }

    /// The numbers of the actions that work on expansion; the others work on churn.
    pub fn on_expansion() -> Vec<usize> {
        (0..WAYS.len()).filter(|at| WAYS[*at].works == Works::Expansion).collect()
    }

    /// What the columns of the accounts mean.
    pub fn schema() -> Schema {
        let roles = Schema::new().id("account_id").churn("churned").expansion("expanded");
        let signals = MEASURES.iter().map(|m| Signal::new(m.name, m.dimension, m.kind));
        let region = Signal::new("region", Dimension::Profile, Kind::Category);
        signals.chain([region]).fold(roles.value(Value::new("mrr")), Schema::signal)
    }

    /// `n` accounts up for renewal; another `cohort` has others, independent of them.
    ///
    /// # Errors
    /// None that is known.
    pub fn accounts(&self, n: usize, cohort: u64) -> Result<EffectAccounts<'_>> {
        let mut rng =
            StdRng::seed_from_u64(self.random_state ^ (cohort + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let states: Vec<States> = (0..n).map(|_| std::array::from_fn(|_| normal(&mut rng))).collect();
        let (mut told, mut columns) = (vec![[(0.0, 1.0); N_STATES]; n], Vec::new());
        for measure in &MEASURES {
            let shown = (0..n).map(|row| measure.look(&states[row], &mut told[row], &mut rng)).collect();
            columns.push((measure.name.to_owned(), Column::Number(shown)));
        }
        let regions = (0..n).map(|_| Some(["EMEA", "AMER", "APAC"][rng.random_range(0..3)]));
        columns.push(("region".into(), Column::Category(Categories::from_texts(regions))));
        let per_seat = |rng: &mut StdRng| 30.0 * (0.4 * normal(rng)).exp();
        let value_cents: Vec<i64> = states
            .iter()
            .map(|states| ((2.5 + 1.1 * states[SIZE]).exp() * per_seat(&mut rng) * 100.0).round() as i64)
            .collect();
        columns.push(("mrr".into(), Column::Number(value_cents.iter().map(|c| *c as f64 / 100.0).collect())));
        let ids: Vec<String> = (0..n).map(|row| format!("C{cohort}-{row:06}")).collect();
        let ids = Categories::from_texts(ids.iter().map(|id| Some(id.as_str())));
        columns.insert(0, ("account_id".into(), Column::Category(ids)));
        let table = Table::new(n, columns)?;
        Ok(EffectAccounts { world: self, cohort, table, value_cents, states, told })
    }

    fn effect(&self, states: &States, action: Option<usize>) -> TrueEffect {
        let weigh = |weights: &[f64; N_STATES + 1]| {
            weights[0] + weights[1..].iter().zip(states).map(|(w, z)| w * z).sum::<f64>()
        };
        let works = |works: Works| {
            let way = action.map(|at| &self.ways[at]).filter(|way| way.works == works);
            way.map_or(0.0, |way| way.log_odds(states))
        };
        let (risk, growth) = (weigh(&self.risk), weigh(&self.growth));
        let churn = [sigmoid(risk), sigmoid(risk - works(Works::Churn))];
        let grows = [sigmoid(growth), sigmoid(growth + works(Works::Expansion))];
        let expansion_probability = (1.0 - churn[0]) * grows[0];
        TrueEffect {
            churn_probability: churn[0],
            expansion_probability,
            churn_fall: churn[0] - churn[1],
            expansion_rise: (1.0 - churn[1]) * grows[1] - expansion_probability,
        }
    }
}

impl Measure {
    /// What is seen of an account's state, by which what is told of the state becomes surer (normal updating).
    fn look(&self, states: &States, told: &mut [(f64, f64); N_STATES], rng: &mut StdRng) -> f64 {
        let seen = states[self.state] + self.noise * normal(rng);
        if rng.random::<f64>() < self.missing {
            return f64::NAN;
        }
        let (mean, deviation) = told[self.state];
        let trust = deviation * deviation / (deviation * deviation + self.noise * self.noise);
        told[self.state] = (mean + trust * (seen - mean), deviation * (1.0 - trust).max(0.0).sqrt());
        (self.shown)(seen)
    }
}

impl EffectAccounts<'_> {
    /// The accounts as they are known: the columns of [`EffectWorld::schema`] but the labels.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The accounts with what came of them as labels.
    ///
    /// # Errors
    /// Not one outcome an account.
    pub fn with_outcomes(&self, outcomes: &[TrueOutcome]) -> Result<Table> {
        let label = |of: fn(&TrueOutcome) -> bool| {
            Column::Number(outcomes.iter().map(|outcome| f64::from(u8::from(of(outcome)))).collect())
        };
        let mut table = self.table.clone();
        table.push("churned".into(), label(|outcome| outcome.churned))?;
        table.push("expanded".into(), label(|outcome| outcome.expanded))?;
        Ok(table)
    }

    /// Number of accounts.
    pub fn n_rows(&self) -> usize {
        self.states.len()
    }

    /// Monthly recurring value of each account in minor units.
    pub fn value_cents(&self) -> &[i64] {
        &self.value_cents
    }

    /// What an action, or nothing, truly changes for an account.
    ///
    /// # Panics
    /// A row or an action that there is not.
    pub fn truth(&self, row: usize, action: Option<usize>) -> TrueEffect {
        self.world.effect(&self.states[row], action)
    }

    /// What each action changes for each account on average over all accounts that the table shows as it shows this one:
    /// `n` rows of one effect an action, by 128 draws of the hidden states.
    pub fn expected(&self) -> Vec<Vec<TrueEffect>> {
        let mut rng = StdRng::seed_from_u64(77);
        let half: Vec<States> = (0..HALF_DRAWS).map(|_| std::array::from_fn(|_| normal(&mut rng))).collect();
        let draws: Vec<States> = half.iter().flat_map(|draw| [*draw, draw.map(|z| -z)]).collect();
        self.told.par_iter().map(|told| self.expected_of(told, &draws)).collect()
    }

    fn expected_of(&self, told: &[(f64, f64); N_STATES], draws: &[States]) -> Vec<TrueEffect> {
        let mut sums = vec![TrueEffect::default(); WAYS.len()];
        for draw in draws {
            let states: States = std::array::from_fn(|at| told[at].0 + told[at].1 * draw[at]);
            for (action, sum) in sums.iter_mut().enumerate() {
                let effect = self.world.effect(&states, Some(action));
                sum.churn_probability += effect.churn_probability;
                sum.expansion_probability += effect.expansion_probability;
                sum.churn_fall += effect.churn_fall;
                sum.expansion_rise += effect.expansion_rise;
            }
        }
        let n = draws.len() as f64;
        sums.iter_mut().for_each(|sum| {
            sum.churn_probability /= n;
            sum.expansion_probability /= n;
            sum.churn_fall /= n;
            sum.expansion_rise /= n;
        });
        sums
    }

    /// What comes of the accounts if these actions are done, one an account or none; the same for the same seed.
    ///
    /// # Panics
    /// Not one action an account, or one that there is not.
    pub fn outcomes(&self, actions: &[Option<usize>], random_state: u64) -> Vec<TrueOutcome> {
        assert_eq!(actions.len(), self.n_rows(), "an action or none for each account");
        let seed = random_state ^ (self.cohort + 1).wrapping_mul(0xD134_2543_DE82_EF95);
        let mut rng = StdRng::seed_from_u64(seed);
        let of_row = |(row, action): (usize, &Option<usize>)| {
            let truth = self.truth(row, *action);
            let churn = truth.churn_probability - truth.churn_fall;
            let grows = (truth.expansion_probability + truth.expansion_rise) / (1.0 - churn);
            let (leaves, would_grow) = (rng.random::<f64>() < churn, rng.random::<f64>() < grows);
            TrueOutcome { churned: leaves, expanded: !leaves && would_grow }
        };
        actions.iter().enumerate().map(of_row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
        values.clone().sum::<f64>() / values.count() as f64
    }

    #[test]
    fn the_riskiest_are_not_those_whom_actions_help_most() {
        for seed in 0..4 {
            let world = EffectWorld::new(seed);
            let accounts = world.accounts(3_000, 0).unwrap();
            let rate = mean((0..3_000).map(|row| accounts.truth(row, None).churn_probability));
            assert!((0.1..0.35).contains(&rate), "{rate}");
            let best = |row: usize| {
                let falls = (0..WAYS.len()).map(|action| accounts.truth(row, Some(action)).churn_fall);
                falls.fold(0.0, f64::max)
            };
            let mut rows: Vec<usize> = (0..3_000).collect();
            let risk = |row: &usize| accounts.truth(*row, None).churn_probability;
            rows.sort_by(|a, b| risk(b).total_cmp(&risk(a)));
            let riskiest = mean(rows[..300].iter().map(|&row| best(row)));
            rows.sort_by(|a, b| best(*b).total_cmp(&best(*a)));
            let most_helped = mean(rows[..300].iter().map(|&row| best(row)));
            assert!(riskiest < 0.75 * most_helped, "{riskiest} {most_helped}");
        }
    }

    #[test]
    fn what_can_be_expected_is_the_mean_of_the_truths() {
        let world = EffectWorld::new(3);
        let accounts = world.accounts(8_000, 1).unwrap();
        let expected = accounts.expected();
        // Among those expected to gain much, and among those expected to gain little.
        for (low, high) in [(-1.0, 0.03), (0.03, 0.06), (0.06, 1.0)] {
            let rows = (0..8_000).filter(|&row| (low..high).contains(&expected[row][0].churn_fall));
            let rows: Vec<usize> = rows.collect();
            let told = mean(rows.iter().map(|&row| expected[row][0].churn_fall));
            let true_ones = mean(rows.iter().map(|&row| accounts.truth(row, Some(0)).churn_fall));
            assert!(rows.len() > 200 && (told - true_ones).abs() < 0.004, "{told} {true_ones}");
        }
    }

    #[test]
    fn outcomes_come_as_often_as_the_truth_says() {
        let world = EffectWorld::new(5);
        let accounts = world.accounts(20_000, 2).unwrap();
        for action in [None, Some(0), Some(7)] {
            let outcomes = accounts.outcomes(&vec![action; 20_000], 9);
            assert!(outcomes == accounts.outcomes(&vec![action; 20_000], 9));
            let truth = |row: usize| accounts.truth(row, action);
            let churn = mean((0..20_000).map(|row| truth(row).churn_probability - truth(row).churn_fall));
            let expansion =
                mean((0..20_000).map(|row| truth(row).expansion_probability + truth(row).expansion_rise));
            let came =
                |of: fn(&TrueOutcome) -> bool| mean(outcomes.iter().map(|o| f64::from(u8::from(of(o)))));
            assert!((came(|o| o.churned) - churn).abs() < 0.01);
            assert!((came(|o| o.expanded) - expansion).abs() < 0.01);
        }
    }

    #[test]
    fn the_table_is_one_of_its_schema() {
        let world = EffectWorld::new(1);
        let accounts = world.accounts(200, 4).unwrap();
        let outcomes = accounts.outcomes(&vec![None; 200], 1);
        let table = accounts.with_outcomes(&outcomes).unwrap();
        let frame = crate::frame::Frame::from_table(&table, &EffectWorld::schema()).unwrap();
        assert_eq!((frame.n_rows(), frame.signals().names().len()), (200, 10));
        let region = |cohort| world.accounts(200, cohort).unwrap().table().column("region").cloned();
        assert_eq!(region(4), region(4));
        assert_ne!(region(4), region(5));
    }
}
