//! What plans truly earn, and what none can earn more than.

use keepwell::action::{Plan, Playbook};
use keepwell::health::Scored;
use keepwell::simulate::{EffectAccounts, EffectWorld, TrueEffect};

/// Money of each account by each action, by what the table tells and by each account's hidden states. In whole units.
pub struct Truth<'a> {
    playbook: &'a Playbook,
    /// `n` rows of one amount an action.
    expected: Vec<Vec<f64>>,
    true_ones: Vec<Vec<f64>>,
    risk: Vec<f64>,
    /// The largest fall of each account's churn.
    most_fall: Vec<f64>,
    /// What there is of each pool.
    limits: Vec<f64>,
}

impl<'a> Truth<'a> {
    pub fn new(playbook: &'a Playbook, accounts: &EffectAccounts<'_>, plan: &Plan) -> Self {
        assert_eq!(
            playbook.actions.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
            EffectWorld::actions()
        );
        let effects = accounts.expected();
        let money = |row: usize, action: usize, effect: &TrueEffect| {
            let a_year = accounts.value_cents()[row] as f64 / 100.0 * playbook.value_months;
            let changed = effect.churn_fall + playbook.expansion_value * effect.expansion_rise;
            changed * a_year - playbook.actions[action].cost
        };
        let k = playbook.actions.len();
        let expected = |row: usize| (0..k).map(|a| money(row, a, &effects[row][a])).collect();
        let true_one = |row: usize| (0..k).map(|a| money(row, a, &accounts.truth(row, Some(a)))).collect();
        let fall = |row: usize| effects[row].iter().map(|effect| effect.churn_fall).fold(0.0, f64::max);
        let n = accounts.n_rows();
        Truth {
            playbook,
            expected: (0..n).map(expected).collect(),
            true_ones: (0..n).map(true_one).collect(),
            risk: (0..n).map(|row| effects[row][0].churn_probability).collect(),
            most_fall: (0..n).map(fall).collect(),
            limits: plan.pools.iter().map(|pool| pool.capacity.unwrap_or(f64::INFINITY)).collect(),
        }
    }

    fn action(&self, name: &str) -> usize {
        self.playbook.actions.iter().position(|action| action.name == name).unwrap_or(0)
    }

    fn sum(&self, plan: &Plan, of: &[Vec<f64>]) -> f64 {
        plan.to_do().map(|(row, todo)| of[row][self.action(&todo.action.name)]).sum()
    }

    /// What a plan earns on average over all accounts that the table shows as it shows these.
    pub fn earned(&self, plan: &Plan) -> f64 {
        self.sum(plan, &self.expected)
    }

    /// What a plan earns with just these accounts.
    pub fn truly_earned(&self, plan: &Plan) -> f64 {
        self.sum(plan, &self.true_ones)
    }

    /// No plan that sees the table only earns more than this.
    pub fn bound(&self) -> f64 {
        self.lagrangian(&self.expected)
    }

    /// No plan at all earns more than this.
    pub fn clairvoyant_bound(&self) -> f64 {
        self.lagrangian(&self.true_ones)
    }

    /// The pool of an action and the units that it takes.
    fn draw(&self, action: usize) -> Option<(usize, f64)> {
        let action = &self.playbook.actions[action];
        let at = self.playbook.pools.iter().position(|pool| Some(&pool.name) == action.pool.as_ref())?;
        Some((at, action.effort))
    }

    /// By a price for each pool, moved one after the other until as much is asked for as there is. Any prices give a
    /// bound; these give a low one.
    fn lagrangian(&self, money: &[Vec<f64>]) -> f64 {
        let draws: Vec<Option<(usize, f64)>> =
            (0..self.playbook.actions.len()).map(|a| self.draw(a)).collect();
        let at = |prices: &[f64]| {
            let mut used = vec![0.0; prices.len()];
            let mut bound: f64 = prices.iter().zip(&self.limits).map(|(price, limit)| price * limit).sum();
            for row in money {
                let net = |a: usize| row[a] - draws[a].map_or(0.0, |(pool, units)| prices[pool] * units);
                let best = (0..row.len())
                    .map(|a| (net(a), a))
                    .fold((0.0, None), |best, (net, a)| if net > best.0 { (net, Some(a)) } else { best });
                bound += best.0;
                if let Some((pool, units)) = best.1.and_then(|a| draws[a]) {
                    used[pool] += units;
                }
            }
            (bound, used)
        };
        let mut prices = vec![0.0; self.limits.len()];
        let mut lowest = at(&prices).0;
        for _ in 0..8 {
            for pool in 0..prices.len() {
                let (mut low, mut high) = (0.0, 20_000.0);
                for _ in 0..24 {
                    prices[pool] = (low + high) / 2.0;
                    let (bound, used) = at(&prices);
                    lowest = lowest.min(bound);
                    if used[pool] > self.limits[pool] { low = prices[pool] } else { high = prices[pool] }
                }
            }
        }
        lowest
    }

    /// Calls by the success manager to those with the highest churn score, until the hours are used up.
    pub fn calling_the_riskiest(&self, scored: &Scored) -> f64 {
        self.going_down(scored, &[self.action("csm_call")])
    }

    /// To those with the highest churn score the action that truly is best on average of those that are left.
    pub fn acting_on_the_riskiest(&self, scored: &Scored) -> f64 {
        let mean = |a: &usize| self.expected.iter().map(|row| row[*a]).sum::<f64>();
        let mut actions: Vec<usize> = (0..self.playbook.actions.len()).filter(|a| mean(a) > 0.0).collect();
        actions.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        self.going_down(scored, &actions)
    }

    fn going_down(&self, scored: &Scored, actions: &[usize]) -> f64 {
        let risk = scored.churn_probability.as_deref().unwrap_or_default();
        let mut rows: Vec<usize> = (0..risk.len()).collect();
        rows.sort_by(|a, b| risk[*b].total_cmp(&risk[*a]));
        let (mut left, mut earned) = (self.limits.clone(), 0.0);
        for row in rows {
            let fits = |a: &&usize| self.draw(**a).is_none_or(|(pool, units)| units <= left[pool]);
            let Some(&action) = actions.iter().find(fits) else { break };
            if let Some((pool, units)) = self.draw(action) {
                left[pool] -= units;
            }
            earned += self.expected[row][action];
        }
        earned
    }

    /// How often the interval of a recommendation holds the truth.
    pub fn coverage(&self, plan: &Plan) -> f64 {
        let holds = |(row, todo): (usize, &keepwell::action::Recommended)| self.holds(row, todo);
        let held: Vec<bool> = plan.to_do().map(holds).collect();
        share(&held)
    }

    /// How often the interval of an option holds the truth, whether it was taken or not.
    pub fn option_coverage(&self, plan: &Plan) -> f64 {
        let of_row = |row: usize| plan.options(row).iter().map(|o| self.holds(row, o)).collect::<Vec<bool>>();
        share(&(0..self.expected.len()).flat_map(of_row).collect::<Vec<bool>>())
    }

    fn holds(&self, row: usize, todo: &keepwell::action::Recommended) -> bool {
        let truth = self.expected[row][self.action(&todo.action.name)];
        let ends = [&todo.gain.low, &todo.gain.high].map(|money| money.cents as f64 / 100.0);
        ends[0] <= truth && truth <= ends[1]
    }

    /// Between the risk of an account and the most that any action takes from it.
    pub fn risk_effect_correlation(&self) -> f64 {
        correlation(&self.risk, &self.most_fall)
    }
}

fn share(held: &[bool]) -> f64 {
    held.iter().filter(|held| **held).count() as f64 / held.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let with = |x: &[f64], of_x: f64, y: &[f64], of_y: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - of_x) * (y - of_y)).sum()
    };
    with(a, of_a, b, of_b) / (with(a, of_a, a, of_a) * with(b, of_b, b, of_b)).sqrt()
}
