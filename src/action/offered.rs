//! From options to offers: what each account could get, alone or several together, and what that uses.

use std::collections::HashMap;
use std::sync::Arc;

use super::assign::{Offer, Problem, Uses};
use super::capacity::Capacity;
use super::one_action::Action;
use super::options::Options;
use super::playbook::Playbook;

/// No action, in a bundle of fewer than three.
const NONE: u16 = u16::MAX;

/// Up to three actions that one account gets together, in the playbook's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bundle([u16; 3]);

impl Bundle {
    /// One action.
    pub fn of(action: usize) -> Self {
        Bundle([action as u16, NONE, NONE])
    }

    /// The positions of its actions.
    pub fn actions(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.0.iter().filter(|at| **at != NONE).map(|at| usize::from(*at))
    }

    /// With one more action.
    pub fn with(&self, action: usize) -> Self {
        let mut bundle = *self;
        bundle.0[self.actions().count()] = action as u16;
        bundle.0.sort_unstable();
        bundle
    }
}

/// What every plan by a playbook under a capacity keeps to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Terms {
    pub actions: Vec<Arc<Action>>,
    /// What doing each action once takes of the pools and of the budget, which stands behind them.
    uses: Vec<Uses>,
    /// What there is of each pool, then of the budget; infinite where there is no limit.
    limits: Vec<f64>,
    /// Whether two actions exclude each other, `k × k`.
    excluded: Vec<bool>,
    max_actions: usize,
}

impl Terms {
    /// Of a playbook under a capacity.
    pub fn new(playbook: &Playbook, capacity: &Capacity) -> Self {
        let unlimited = f64::INFINITY;
        let units = |pool: &super::Pool| capacity.units(&pool.name).unwrap_or(unlimited);
        let budget = capacity.budget_cents().map_or(unlimited, |cents| cents as f64);
        let k = playbook.actions.len();
        let names = |a: usize, b: usize| playbook.actions[a].excludes.contains(&playbook.actions[b].name);
        Terms {
            actions: playbook.actions.iter().cloned().map(Arc::new).collect(),
            uses: playbook.actions.iter().map(|action| uses(playbook, action)).collect(),
            limits: playbook.pools.iter().map(units).chain([budget]).collect(),
            excluded: (0..k * k).map(|at| names(at / k, at % k) || names(at % k, at / k)).collect(),
            max_actions: playbook.max_actions,
        }
    }

    fn goes_with(&self, bundle: &Bundle, action: usize) -> bool {
        bundle.actions().all(|other| other != action && !self.excluded[other * self.actions.len() + action])
    }

    fn uses_of(&self, bundle: &Bundle) -> Uses {
        let mut sum: Uses = Vec::new();
        for (resource, units) in bundle.actions().flat_map(|action| self.uses[action].iter().copied()) {
            match sum.iter_mut().find(|(known, _)| *known == resource) {
                Some((_, more)) => *more += units,
                None => sum.push((resource, units)),
            }
        }
        sum
    }

    /// What the actions of a bundle cost together, in minor units.
    fn cost_cents(&self, bundle: &Bundle) -> f64 {
        bundle.actions().map(|action| self.actions[action].cost_cents() as f64).sum()
    }

    /// What an account gains by a bundle, all of it together.
    pub fn gain(&self, options: &Options, row: usize, bundle: &Bundle) -> f64 {
        let mut actions = bundle.actions();
        match (actions.next(), actions.next()) {
            (Some(only), None) => options.worth(row, only).map_or(0.0, |worth| worth.gain.mean),
            _ => {
                let parts = bundle.actions().filter_map(|action| options.worth(row, action));
                options.stake(row).map_or(0.0, |stake| stake.together(parts, self.cost_cents(bundle)))
            }
        }
    }

    /// Takes what a bundle uses, `times` times, from what is left of the pools and the budget.
    pub fn take(&self, bundle: &Bundle, left: &mut [f64], times: f64) {
        self.uses_of(bundle).iter().for_each(|(resource, units)| left[*resource] -= times * units);
    }

    /// Whether enough is left for a bundle.
    pub fn fits(&self, bundle: &Bundle, left: &[f64]) -> bool {
        let dust = |resource: usize| 1e-9 * self.limits[resource].abs().max(1.0);
        let enough = |(resource, units): &(usize, f64)| *units <= left[*resource] + dust(*resource);
        self.uses_of(bundle).iter().all(enough)
    }

    /// What a bundle is called in a log: its actions' names, joined by `+`.
    pub fn label(&self, bundle: &Bundle) -> String {
        let names: Vec<&str> = bundle.actions().map(|action| self.actions[action].name.as_str()).collect();
        names.join("+")
    }
}

/// What doing an action once takes of its pools and of the budget, which stands behind the pools.
fn uses(playbook: &Playbook, action: &Action) -> Uses {
    let place = |name: &str| playbook.pools.iter().position(|pool| pool.name == name);
    let mut uses: Uses = action.draws().filter_map(|(pool, units)| Some((place(pool)?, units))).collect();
    if action.cost_cents() > 0 {
        uses.push((playbook.pools.len(), action.cost_cents() as f64));
    }
    uses
}

/// A problem, and the bundle that stands behind each kind of its offers; an account's best offer is its first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offered {
    pub problem: Problem,
    bundles: Vec<Bundle>,
}

impl Offered {
    /// What brings something: alone, and together where several are allowed.
    pub fn new(terms: &Terms, options: &Options) -> Self {
        Offered::drawn(terms, options, &vec![0.0; terms.actions.len()])
    }

    /// As [`new`](Self::new), with every action's gains `z` standard deviations from their means.
    pub fn drawn(terms: &Terms, options: &Options, z: &[f64]) -> Self {
        let mut making =
            Making { terms, options, z, kind_of: HashMap::new(), bundles: Vec::new(), found: Vec::new() };
        let mut problem =
            Problem { starts: vec![0], offers: Vec::new(), kinds: Vec::new(), limits: terms.limits.clone() };
        for row in 0..options.n_rows() {
            making.offers_of(row, &mut problem.offers);
            problem.starts.push(problem.offers.len());
        }
        problem.kinds = making.bundles.iter().map(|bundle| terms.uses_of(bundle)).collect();
        Offered { problem, bundles: making.bundles }
    }

    /// What stands behind an offer.
    pub fn bundle(&self, offer: usize) -> Bundle {
        self.bundles[self.problem.offers[offer].kind as usize]
    }

    /// The offers of an account.
    pub fn of(&self, row: usize) -> std::ops::Range<usize> {
        self.problem.starts[row]..self.problem.starts[row + 1]
    }
}

struct Making<'a> {
    terms: &'a Terms,
    options: &'a Options,
    z: &'a [f64],
    kind_of: HashMap<Bundle, u32>,
    bundles: Vec<Bundle>,
    /// Of one account, with their gains.
    found: Vec<(Bundle, f64)>,
}

impl Making<'_> {
    fn offers_of(&mut self, row: usize, offers: &mut Vec<Offer>) {
        let own = self.options.of(row).iter().map(|(at, worth)| (*at, worth.gain.at(self.z[*at])));
        let singles: Vec<(usize, f64)> = own.filter(|(_, gain)| *gain > 0.0).collect();
        self.found.clear();
        self.found.extend(singles.iter().map(|(action, gain)| (Bundle::of(*action), *gain)));
        let mut from = 0;
        for _ in 1..self.terms.max_actions {
            from = self.widen(row, &singles, from);
        }
        self.found.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (bundle, gain) in &self.found {
            let next = self.bundles.len() as u32;
            let kind = *self.kind_of.entry(*bundle).or_insert(next);
            if kind == next {
                self.bundles.push(*bundle);
            }
            offers.push(Offer { gain: *gain, kind });
        }
    }

    /// Adds every action to the bundles found last, where the two together bring more; gives where the new ones begin.
    fn widen(&mut self, row: usize, singles: &[(usize, f64)], from: usize) -> usize {
        let until = self.found.len();
        for at in from..until {
            let (bundle, gain) = self.found[at];
            let last = bundle.actions().last().unwrap_or(0);
            for (action, _) in singles.iter().filter(|(action, _)| *action > last) {
                if !self.terms.goes_with(&bundle, *action) {
                    continue;
                }
                let wider = bundle.with(*action);
                let together = self.terms.gain(self.options, row, &wider) + self.drawn_off(row, &wider);
                if together > gain {
                    self.found.push((wider, together));
                }
            }
        }
        until
    }

    /// By how much the draw moves what the actions of a bundle bring.
    fn drawn_off(&self, row: usize, bundle: &Bundle) -> f64 {
        let off = |action: usize| {
            let gain = self.options.worth(row, action)?.gain;
            Some(gain.at(self.z[action]) - gain.mean)
        };
        bundle.actions().filter_map(off).sum()
    }
}
