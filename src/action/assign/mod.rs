//! At most one option an account under several limits: Lagrangian prices, greedy repair, a proven bound.
//!
//! The multiple-choice multidimensional knapsack is relaxed by a price for each limited resource. For any
//! prices λ ≥ 0, `D(λ) = Σ λ C + Σ_i max(0, max_o gain − λ·use)` bounds every feasible plan from above (Fisher,
//! "The Lagrangian relaxation method", 1981, eq. 2). Prices that make the bound low are found by Newton's method
//! on a smoothed `D` ([`prices`]), then by subgradient steps; a greedy pass at the prices makes a feasible
//! choice, and improvements are made until none fits. Sequential and without randomness: the same always.

mod prices;

/// One thing that could be done for an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Offer {
    /// What it brings, above 0.
    pub gain: f64,
    /// The two resources it may use, and how much of them; a use of 0 stands for none.
    pub uses: [(usize, f64); 2],
}

/// Offers of `n` accounts under `k` limits.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The offers of account `i` are `offers[starts[i]..starts[i + 1]]`; `n + 1` long.
    pub starts: Vec<usize>,
    /// All offers, account by account.
    pub offers: Vec<Offer>,
    /// What there is of each resource; infinite where there is no limit.
    pub limits: Vec<f64>,
}

/// A feasible choice with its bound.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Solution {
    /// Position in `offers` of what is chosen for each account.
    pub chosen: Vec<Option<usize>>,
    /// What is used of each resource.
    pub used: Vec<f64>,
    /// What one more unit of each resource would bring, about.
    pub prices: Vec<f64>,
    /// Sum of gains.
    pub value: f64,
    /// No choice can bring more than this.
    pub bound: f64,
}

impl Solution {
    /// Whether an offer would still fit for an account once its present choice is given up.
    pub fn fits(&self, problem: &Problem, account: usize, offer: usize) -> [bool; 2] {
        let released = self.chosen[account].map(|at| problem.offers[at]);
        problem.offers[offer].uses.map(|(resource, units)| {
            let back: f64 = released.iter().flat_map(|old| old.uses).map(|u| of_resource(u, resource)).sum();
            within(self.used[resource] - back + units, problem.limits[resource])
        })
    }
}

fn of_resource((resource, units): (usize, f64), wanted: usize) -> f64 {
    if resource == wanted { units } else { 0.0 }
}

/// Sums of decimal units do not add up exactly; what is over by less than this is not over.
fn within(used: f64, limit: f64) -> bool {
    used <= limit + 1e-9 * limit.abs().max(1.0)
}

/// Solves a problem.
pub(super) fn solve(problem: &Problem) -> Solution {
    let free = problem.choose(&vec![0.0; problem.limits.len()]);
    if free.used.iter().zip(&problem.limits).all(|(used, limit)| within(*used, *limit)) {
        return Solution { bound: free.value, ..free };
    }
    let (possible, kept) = problem.possible();
    let prices = prices::find(&possible);
    let mut solution = possible.polish(prices);
    solution.chosen.iter_mut().flatten().for_each(|offer| *offer = kept[*offer]);
    solution
}

impl Problem {
    /// Without the offers that alone take more than there is, and where the others stood.
    fn possible(&self) -> (Problem, Vec<usize>) {
        let fits =
            |offer: &Offer| offer.uses.iter().all(|(resource, units)| within(*units, self.limits[*resource]));
        let mut possible = Problem { starts: vec![0], offers: Vec::new(), limits: self.limits.clone() };
        let mut kept = Vec::new();
        for account in 0..self.n_accounts() {
            kept.extend(self.of(account).filter(|offer| fits(&self.offers[*offer])));
            possible.offers.extend(kept[possible.offers.len()..].iter().map(|offer| self.offers[*offer]));
            possible.starts.push(kept.len());
        }
        (possible, kept)
    }

    fn n_accounts(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, account: usize) -> std::ops::Range<usize> {
        self.starts[account]..self.starts[account + 1]
    }

    /// What an offer brings once its resources are paid at these prices.
    fn reduced(&self, offer: usize, prices: &[f64]) -> f64 {
        let offer = &self.offers[offer];
        offer.gain - offer.uses[0].1 * prices[offer.uses[0].0] - offer.uses[1].1 * prices[offer.uses[1].0]
    }

    /// The account's best offer at these prices and what it brings; the first of equals.
    fn best(&self, account: usize, prices: &[f64]) -> Option<(usize, f64)> {
        let priced = self.of(account).map(|offer| (offer, self.reduced(offer, prices)));
        priced.filter(|(_, reduced)| *reduced > 0.0).reduce(|a, b| if b.1 > a.1 { b } else { a })
    }

    /// Everybody's best at these prices, whether there is enough or not; `bound` is D(λ).
    fn choose(&self, prices: &[f64]) -> Solution {
        let mut solution = self.nothing(prices.to_vec());
        solution.bound = prices.iter().zip(&self.limits).filter(|(p, _)| **p > 0.0).map(|(p, l)| p * l).sum();
        for account in 0..self.n_accounts() {
            if let Some((offer, reduced)) = self.best(account, prices) {
                solution.bound += reduced;
                self.take(&mut solution, account, offer);
            }
        }
        solution
    }

    fn nothing(&self, prices: Vec<f64>) -> Solution {
        let (chosen, used) = (vec![None; self.n_accounts()], vec![0.0; self.limits.len()]);
        Solution { chosen, used, prices, value: 0.0, bound: 0.0 }
    }

    /// Gives an account an offer in place of what it has.
    fn take(&self, solution: &mut Solution, account: usize, offer: usize) {
        if let Some(old) = solution.chosen[account].replace(offer) {
            solution.value -= self.offers[old].gain;
            self.offers[old].uses.iter().for_each(|(resource, units)| solution.used[*resource] -= units);
        }
        solution.value += self.offers[offer].gain;
        self.offers[offer].uses.iter().for_each(|(resource, units)| solution.used[*resource] += units);
    }

    /// Subgradient steps on all prices together (Polyak's length), keeping the best bound and the best choice.
    fn polish(&self, mut prices: Vec<f64>) -> Solution {
        let mut best = self.repair(&prices);
        best.bound = f64::INFINITY;
        let n_steps = (4_000_000 / self.offers.len().max(1)).clamp(8, 200);
        let n_repairs = (400_000 / self.offers.len().max(1)).clamp(1, n_steps);
        for step in 0..n_steps {
            let relaxed = self.choose(&prices);
            if relaxed.bound < best.bound {
                (best.bound, best.prices) = (relaxed.bound, prices.clone());
            }
            if step % n_steps.div_ceil(n_repairs) == 0 {
                self.keep_better(&mut best, &prices);
            }
            if best.bound - best.value <= 1e-9 * best.bound || !self.step(&mut prices, &relaxed, &best) {
                break;
            }
        }
        let prices = best.prices.clone();
        self.keep_better(&mut best, &prices);
        best
    }

    fn keep_better(&self, best: &mut Solution, prices: &[f64]) {
        let found = self.repair(prices);
        if found.value > best.value {
            (best.chosen, best.used, best.value) = (found.chosen, found.used, found.value);
        }
    }

    /// Moves the prices towards what is short, each in shares of its limit; false where nothing is to move.
    fn step(&self, prices: &mut [f64], relaxed: &Solution, best: &Solution) -> bool {
        let short = |resource: usize| {
            let limit = self.limits[resource];
            let excess = (relaxed.used[resource] - limit) / limit.max(1e-9);
            if limit.is_finite() && (excess > 0.0 || prices[resource] > 0.0) { excess } else { 0.0 }
        };
        let direction: Vec<f64> = (0..prices.len()).map(short).collect();
        let length: f64 = direction.iter().map(|d| d * d).sum();
        if length == 0.0 {
            return false;
        }
        let scale = 0.5 * (relaxed.bound - best.value) / length;
        for (resource, price) in prices.iter_mut().enumerate().filter(|(r, _)| self.limits[*r].is_finite()) {
            *price = (*price + scale * direction[resource] / self.limits[resource].max(1e-9)).max(0.0);
        }
        true
    }

    /// A feasible choice at these prices: those with most to lose choose first, then whatever still fits.
    fn repair(&self, prices: &[f64]) -> Solution {
        let mut solution = self.nothing(prices.to_vec());
        for (_, account) in self.by_regret(prices) {
            let mut offers: Vec<(f64, usize)> =
                self.of(account).map(|offer| (self.reduced(offer, prices), offer)).collect();
            offers.retain(|(reduced, _)| *reduced >= 0.0);
            offers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let fitting = offers.iter().find(|(_, offer)| self.fits(&solution, account, *offer));
            if let Some((_, offer)) = fitting {
                self.take(&mut solution, account, *offer);
            }
        }
        while self.improve(&mut solution, prices) {}
        solution
    }

    fn fits(&self, solution: &Solution, account: usize, offer: usize) -> bool {
        solution.fits(self, account, offer) == [true, true]
    }

    /// The accounts that have something to choose, by what they lose if their best does not fit.
    fn by_regret(&self, prices: &[f64]) -> Vec<(f64, usize)> {
        let regret = |account: usize| {
            let (mut first, mut second) = (0.0_f64, 0.0_f64);
            for offer in self.of(account) {
                let reduced = self.reduced(offer, prices);
                (first, second) =
                    if reduced > first { (reduced, first) } else { (first, second.max(reduced)) };
            }
            (first - second, account)
        };
        let with_offers = (0..self.n_accounts()).filter(|account| !self.of(*account).is_empty());
        let mut order: Vec<(f64, usize)> = with_offers.map(regret).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order
    }

    /// Takes every better offer that fits, the best for its price first; whether there was one.
    fn improve(&self, solution: &mut Solution, prices: &[f64]) -> bool {
        let mut better = self.better_that_fit(solution, prices);
        better.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut any = false;
        for (_, offer, account) in better {
            if self.is_better(solution, account, offer) && self.fits(solution, account, offer) {
                self.take(solution, account, offer);
                any = true;
            }
        }
        any
    }

    fn better_that_fit(&self, solution: &Solution, prices: &[f64]) -> Vec<(f64, usize, usize)> {
        let all =
            (0..self.n_accounts()).flat_map(|account| self.of(account).map(move |offer| (offer, account)));
        let fitting = all.filter(|(offer, account)| {
            self.is_better(solution, *account, *offer) && self.fits(solution, *account, *offer)
        });
        let price = |offer: usize| self.reduced(offer, prices);
        let rise = |(offer, account): (usize, usize)| {
            (price(offer) - solution.chosen[account].map_or(0.0, price), offer, account)
        };
        fitting.map(rise).collect()
    }

    fn is_better(&self, solution: &Solution, account: usize, offer: usize) -> bool {
        self.offers[offer].gain > solution.chosen[account].map_or(0.0, |at| self.offers[at].gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn random_problem(n_accounts: usize, n_offers: usize, n_pools: usize, share: f64, seed: u64) -> Problem {
        let mut rng = StdRng::seed_from_u64(seed);
        let budget = n_pools;
        let (mut starts, mut offers, mut limits) = (vec![0], Vec::new(), vec![0.0; n_pools + 1]);
        for _ in 0..n_accounts {
            let value = rng.random_range(0.1..10.0_f64).powi(2);
            for at in 0..n_offers {
                let effort = rng.random_range(0.2..3.0);
                let cost = rng.random_range(0.0..20.0);
                limits[at % n_pools] += share * effort / n_offers as f64;
                limits[budget] += share * cost / n_offers as f64;
                let gain = value * rng.random_range(0.1..1.0);
                offers.push(Offer { gain, uses: [(at % n_pools, effort), (budget, cost)] });
            }
            starts.push(offers.len());
        }
        Problem { starts, offers, limits }
    }

    fn assert_feasible(problem: &Problem, solution: &Solution) {
        let mut again = problem.nothing(Vec::new());
        for (account, chosen) in solution.chosen.iter().enumerate() {
            if let Some(offer) = chosen {
                assert!(problem.of(account).contains(offer));
                problem.take(&mut again, account, *offer);
            }
        }
        assert!((again.value - solution.value).abs() < 1e-6 * again.value.max(1.0));
        assert!(again.used.iter().zip(&problem.limits).all(|(used, limit)| within(*used, *limit)));
        assert!(solution.bound >= solution.value * (1.0 - 1e-9));
    }

    /// The best of every possible choice.
    fn exhaustive(problem: &Problem, account: usize, solution: &mut Solution) -> f64 {
        if account == problem.n_accounts() {
            return solution.value;
        }
        let mut best = exhaustive(problem, account + 1, solution);
        for offer in problem.of(account) {
            if problem.fits(solution, account, offer) {
                let before = solution.clone();
                problem.take(solution, account, offer);
                best = best.max(exhaustive(problem, account + 1, solution));
                *solution = before;
            }
        }
        best
    }

    #[test]
    fn the_bound_holds_and_the_choice_is_near_the_best_of_all() {
        let mut kept = 0.0;
        for seed in 0..20 {
            let problem = random_problem(7, 3, 2, 0.5, seed);
            let solution = solve(&problem);
            assert_feasible(&problem, &solution);
            let best = exhaustive(&problem, 0, &mut problem.nothing(Vec::new()));
            assert!(solution.value <= best + 1e-9 && best <= solution.bound + 1e-9, "seed {seed}");
            kept += solution.value / best / 20.0;
        }
        assert!(kept > 0.97, "{kept}");
    }

    #[test]
    fn the_gap_is_small_with_many_accounts() {
        for (share, seed) in [(0.1, 1), (0.4, 2), (0.8, 3)] {
            let problem = random_problem(3_000, 6, 3, share, seed);
            let solution = solve(&problem);
            assert_feasible(&problem, &solution);
            let gap = (solution.bound - solution.value) / solution.bound;
            assert!(gap < 0.003, "share {share}: {gap}");
        }
    }

    #[test]
    fn what_is_not_limited_is_chosen_freely() {
        let mut problem = random_problem(50, 4, 2, 1.0, 5);
        problem.limits = vec![f64::INFINITY; 3];
        let solution = solve(&problem);
        assert_eq!(solution.value, solution.bound);
        assert_eq!(solution.prices, [0.0; 3]);
        assert!(solution.chosen.iter().all(Option::is_some));
    }

    #[test]
    fn without_capacity_nothing_is_chosen() {
        let mut problem = random_problem(50, 4, 2, 1.0, 5);
        problem.limits = vec![0.0, 0.0, f64::INFINITY];
        let solution = solve(&problem);
        assert_feasible(&problem, &solution);
        assert_eq!((solution.value, solution.chosen.iter().flatten().count()), (0.0, 0));
        assert_eq!(solution.bound, 0.0);
    }

    #[test]
    fn a_second_run_gives_the_same() {
        let problem = random_problem(500, 5, 2, 0.3, 9);
        assert_eq!(solve(&problem), solve(&problem));
    }
}
