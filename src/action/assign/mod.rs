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
    /// Position in [`Problem::kinds`] of what it uses.
    pub kind: u32,
}

/// Units of each resource that an offer uses, each resource once.
pub(super) type Uses = Vec<(usize, f64)>;

/// Offers of `n` accounts under `k` limits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    /// The offers of account `i` are `offers[starts[i]..starts[i + 1]]`; `n + 1` long.
    pub starts: Vec<usize>,
    /// All offers, account by account.
    pub offers: Vec<Offer>,
    /// What each kind of offer uses.
    pub kinds: Vec<Uses>,
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
    /// The first resource of which there is not enough left for an offer once the account's present choice is given up.
    pub fn short_of(&self, problem: &Problem, account: usize, offer: usize) -> Option<usize> {
        let released = self.chosen[account].map_or(&[][..], |old| problem.uses(old));
        let back =
            |resource: usize| released.iter().find(|(r, _)| *r == resource).map_or(0.0, |(_, units)| *units);
        let short = |(resource, units): &(usize, f64)| {
            !within(self.used[*resource] - back(*resource) + units, problem.limits[*resource])
        };
        problem.uses(offer).iter().find(|of| short(of)).map(|(resource, _)| *resource)
    }
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
        let fits = |uses: &Uses| uses.iter().all(|(resource, units)| within(*units, self.limits[*resource]));
        let kind_fits: Vec<bool> = self.kinds.iter().map(fits).collect();
        let mut possible = self.without_offers();
        let mut kept = Vec::new();
        for account in 0..self.n_accounts() {
            kept.extend(self.of(account).filter(|offer| kind_fits[self.offers[*offer].kind as usize]));
            possible.offers.extend(kept[possible.offers.len()..].iter().map(|offer| self.offers[*offer]));
            possible.starts.push(kept.len());
        }
        (possible, kept)
    }

    /// The same kinds and limits, and nobody.
    fn without_offers(&self) -> Problem {
        let (kinds, limits) = (self.kinds.clone(), self.limits.clone());
        Problem { starts: vec![0], offers: Vec::new(), kinds, limits }
    }

    fn uses(&self, offer: usize) -> &[(usize, f64)] {
        &self.kinds[self.offers[offer].kind as usize]
    }

    /// What each kind costs at these prices.
    fn costs(&self, prices: &[f64]) -> Vec<f64> {
        let cost = |uses: &Uses| uses.iter().map(|(resource, units)| units * prices[*resource]).sum();
        self.kinds.iter().map(cost).collect()
    }

    fn n_accounts(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, account: usize) -> std::ops::Range<usize> {
        self.starts[account]..self.starts[account + 1]
    }

    /// What an offer brings once its resources are paid, at these costs of the kinds.
    fn reduced(&self, offer: usize, costs: &[f64]) -> f64 {
        let offer = &self.offers[offer];
        offer.gain - costs[offer.kind as usize]
    }

    /// The account's best offer at these costs and what it brings; the first of equals.
    fn best(&self, account: usize, costs: &[f64]) -> Option<(usize, f64)> {
        let priced = self.of(account).map(|offer| (offer, self.reduced(offer, costs)));
        priced.filter(|(_, reduced)| *reduced > 0.0).reduce(|a, b| if b.1 > a.1 { b } else { a })
    }

    /// Everybody's best at these prices, whether there is enough or not; `bound` is D(λ).
    fn choose(&self, prices: &[f64]) -> Solution {
        let mut solution = self.nothing(prices.to_vec());
        solution.bound = prices.iter().zip(&self.limits).filter(|(p, _)| **p > 0.0).map(|(p, l)| p * l).sum();
        let costs = self.costs(prices);
        for account in 0..self.n_accounts() {
            if let Some((offer, reduced)) = self.best(account, &costs) {
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
            self.uses(old).iter().for_each(|(resource, units)| solution.used[*resource] -= units);
        }
        solution.value += self.offers[offer].gain;
        self.uses(offer).iter().for_each(|(resource, units)| solution.used[*resource] += units);
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
        let (mut solution, costs) = (self.nothing(prices.to_vec()), self.costs(prices));
        let mut offers: Vec<(f64, usize)> = Vec::new();
        for (_, account) in self.by_regret(&costs) {
            offers.clear();
            offers.extend(self.of(account).map(|offer| (self.reduced(offer, &costs), offer)));
            offers.retain(|(reduced, _)| *reduced >= 0.0);
            offers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let fitting = offers.iter().find(|(_, offer)| self.fits(&solution, account, *offer));
            if let Some((_, offer)) = fitting {
                self.take(&mut solution, account, *offer);
            }
        }
        while self.improve(&mut solution, &costs) {}
        solution
    }

    fn fits(&self, solution: &Solution, account: usize, offer: usize) -> bool {
        solution.short_of(self, account, offer).is_none()
    }

    /// The accounts that have something to choose, by what they lose if their best does not fit.
    fn by_regret(&self, costs: &[f64]) -> Vec<(f64, usize)> {
        let regret = |account: usize| {
            let (mut first, mut second) = (0.0_f64, 0.0_f64);
            for offer in self.of(account) {
                let reduced = self.reduced(offer, costs);
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
    fn improve(&self, solution: &mut Solution, costs: &[f64]) -> bool {
        let mut better = self.better_that_fit(solution, costs);
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

    fn better_that_fit(&self, solution: &Solution, costs: &[f64]) -> Vec<(f64, usize, usize)> {
        let all =
            (0..self.n_accounts()).flat_map(|account| self.of(account).map(move |offer| (offer, account)));
        let fitting = all.filter(|(offer, account)| {
            self.is_better(solution, *account, *offer) && self.fits(solution, *account, *offer)
        });
        let price = |offer: usize| self.reduced(offer, costs);
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
        let mut kinds = Vec::new();
        for _ in 0..n_accounts {
            let value = rng.random_range(0.1..10.0_f64).powi(2);
            for at in 0..n_offers {
                let effort = rng.random_range(0.2..3.0);
                let cost = rng.random_range(0.0..20.0);
                limits[at % n_pools] += share * effort / n_offers as f64;
                limits[budget] += share * cost / n_offers as f64;
                let gain = value * rng.random_range(0.1..1.0);
                offers.push(Offer { gain, kind: kinds.len() as u32 });
                kinds.push(vec![(at % n_pools, effort), (budget, cost)]);
            }
            starts.push(offers.len());
        }
        Problem { starts, offers, kinds, limits }
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
