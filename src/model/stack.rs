//! Weights of a blend's members: non-negative, on out-of-fold log-odds.
//!
//! Stacked regressions (Breiman 1996, §3) with log loss in place of squared error. A ridge of 20 rows' worth
//! towards equal weights decides where the data does not.

use super::calibration::softplus;
use super::sigmoid;

/// How many rows' worth of evidence stands for equal weights.
const RIDGE_ROWS: f64 = 20.0;
/// A member below this weight is left out: it would cost its time and change nothing.
const SMALLEST_WEIGHT: f64 = 0.02;
/// By how many nats a member beyond the basic ones has to lower the summed loss.
const WORTH: f64 = 4.0;
const MOST_STEPS: usize = 50;

/// The weights of `k` members from their out-of-fold log-odds (`n` each), minimising the weighted log loss of
/// their sum. A weight of 0 means that the member does not help.
///
/// The first `n_basic` are weighed together. Each of the others joins them only where it lowers the summed loss by
/// [`WORTH`] rows' nats: what is gained by less is as likely chance, and is paid for with every row that is scored.
pub(crate) fn stack_weights(
    members: &[Vec<f64>],
    n_basic: usize,
    y: &[bool],
    sample_weight: Option<&[f64]>,
) -> Vec<f64> {
    let mut stack = Stack::of((0..n_basic.min(members.len())).collect(), members, y, sample_weight);
    // In units of the mean weight, so that it counts rows.
    let worth = WORTH * sample_weight.map_or(1.0, |weights| weights.iter().sum::<f64>() / y.len() as f64);
    while let Some(larger) = stack.with_best_other(members, y, sample_weight) {
        if stack.loss - larger.loss < worth {
            break;
        }
        stack = larger;
    }
    let mut weights = vec![0.0; members.len()];
    stack.places.into_iter().zip(stack.weights).for_each(|(place, weight)| weights[place] = weight);
    weights
}

/// Some of the members, weighed.
struct Stack {
    /// Which members, one place each.
    places: Vec<usize>,
    weights: Vec<f64>,
    /// Summed log loss, the ridge aside.
    loss: f64,
}

impl Stack {
    fn of(places: Vec<usize>, members: &[Vec<f64>], y: &[bool], sample_weight: Option<&[f64]>) -> Self {
        let chosen = places.iter().map(|&place| members[place].as_slice()).collect();
        let problem = Problem::new(chosen, y, sample_weight);
        let mut weights = problem.minimum(vec![true; places.len()]);
        let helps: Vec<bool> = weights.iter().map(|&weight| weight >= SMALLEST_WEIGHT).collect();
        if helps.contains(&false) && helps.contains(&true) {
            weights = problem.minimum(helps);
        }
        let loss = problem.log_loss(&weights);
        Stack { places, weights, loss }
    }

    /// This stack and the one of the other members that lowers the loss most; `None` where there is no other.
    fn with_best_other(
        &self,
        members: &[Vec<f64>],
        y: &[bool],
        sample_weight: Option<&[f64]>,
    ) -> Option<Stack> {
        let others = (0..members.len()).filter(|place| !self.places.contains(place));
        let larger = others
            .map(|other| Stack::of([self.places.as_slice(), &[other]].concat(), members, y, sample_weight));
        larger.min_by(|a, b| a.loss.total_cmp(&b.loss))
    }
}

struct Problem<'a> {
    members: Vec<&'a [f64]>,
    y: &'a [bool],
    sample_weight: Option<&'a [f64]>,
    ridge: f64,
}

/// Gradient and Hessian of the objective, `k` and `k × k`.
struct Slope {
    gradient: Vec<f64>,
    hessian: Vec<Vec<f64>>,
}

impl<'a> Problem<'a> {
    fn new(members: Vec<&'a [f64]>, y: &'a [bool], sample_weight: Option<&'a [f64]>) -> Self {
        let mass = sample_weight.map_or(y.len() as f64, |weights| weights.iter().sum());
        // In units of the mean weight, so that the ridge counts rows.
        let ridge = RIDGE_ROWS * mass / y.len() as f64;
        Problem { members, y, sample_weight, ridge }
    }

    fn equal(&self) -> f64 {
        1.0 / self.members.len() as f64
    }

    fn weight(&self, row: usize) -> f64 {
        self.sample_weight.map_or(1.0, |weights| weights[row])
    }

    fn log_odds(&self, weights: &[f64], row: usize) -> f64 {
        weights.iter().zip(&self.members).map(|(weight, member)| weight * member[row]).sum()
    }

    /// What is minimised.
    fn loss(&self, weights: &[f64]) -> f64 {
        let distance: f64 = weights.iter().map(|weight| (weight - self.equal()).powi(2)).sum();
        self.log_loss(weights) + 0.5 * self.ridge * distance
    }

    fn log_loss(&self, weights: &[f64]) -> f64 {
        let of_row = |row: usize| {
            let sign = if self.y[row] { -1.0 } else { 1.0 };
            self.weight(row) * softplus(sign * self.log_odds(weights, row))
        };
        (0..self.y.len()).map(of_row).sum()
    }

    fn slope(&self, weights: &[f64]) -> Slope {
        let k = weights.len();
        let mut gradient: Vec<f64> =
            weights.iter().map(|weight| self.ridge * (weight - self.equal())).collect();
        let mut hessian: Vec<Vec<f64>> =
            (0..k).map(|a| (0..k).map(|b| if a == b { self.ridge } else { 0.0 }).collect()).collect();
        for row in 0..self.y.len() {
            let probability = sigmoid(self.log_odds(weights, row));
            let residual = self.weight(row) * (probability - f64::from(u8::from(self.y[row])));
            let curvature = self.weight(row) * probability * (1.0 - probability);
            for a in 0..k {
                gradient[a] += residual * self.members[a][row];
                for (b, cell) in hessian[a].iter_mut().enumerate() {
                    *cell += curvature * self.members[a][row] * self.members[b][row];
                }
            }
        }
        Slope { gradient, hessian }
    }

    /// Newton's method on the weights that are free, each kept at or above 0.
    fn minimum(&self, free: Vec<bool>) -> Vec<f64> {
        let mut weights: Vec<f64> = free.iter().map(|&free| if free { self.equal() } else { 0.0 }).collect();
        let mut loss = self.loss(&weights);
        for _ in 0..MOST_STEPS {
            let target = self.slope(&weights).constrained_minimum(&weights, &free);
            let Some((better, lower)) = self.towards(&weights, &target, loss) else { break };
            let gain = loss - lower;
            (weights, loss) = (better, lower);
            if gain < 1e-10 * loss.abs() {
                break;
            }
        }
        weights
    }

    /// The first of the whole, half, quarter … step that lowers the loss.
    fn towards(&self, from: &[f64], target: &[f64], loss: f64) -> Option<(Vec<f64>, f64)> {
        (0..20).map(|halvings| 0.5f64.powi(halvings)).find_map(|part| {
            let at: Vec<f64> = from.iter().zip(target).map(|(from, to)| from + part * (to - from)).collect();
            let lower = self.loss(&at);
            (lower < loss).then_some((at, lower))
        })
    }
}

impl Slope {
    /// Minimum of the quadratic model over non-negative weights, by coordinate descent.
    fn constrained_minimum(&self, at: &[f64], free: &[bool]) -> Vec<f64> {
        let mut weights = at.to_vec();
        for _ in 0..200 {
            for k in (0..weights.len()).filter(|&k| free[k]) {
                let moved: f64 = (0..weights.len()).map(|j| self.hessian[k][j] * (weights[j] - at[j])).sum();
                let slope = self.gradient[k] + moved;
                weights[k] = (weights[k] - slope / self.hessian[k][k]).max(0.0);
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose true log-odds are `strength × z`, decided by a fixed sequence.
    fn rows(n: usize, strength: f64) -> (Vec<f64>, Vec<bool>) {
        let part = |at: usize, by: f64| (at as f64 * by).fract();
        let z: Vec<f64> = (0..n).map(|at| 4.0 * part(at, 0.618_033_988_75) - 2.0).collect();
        let y = (0..n).map(|at| part(at, 0.414_213_562_37) < sigmoid(strength * z[at])).collect();
        (z, y)
    }

    #[test]
    fn a_member_that_tells_the_truth_gets_its_strength() {
        let (z, y) = rows(20_000, 1.5);
        let weights = stack_weights(&[z], 1, &y, None);
        assert!((weights[0] - 1.5).abs() < 0.06, "{weights:?}");
    }

    #[test]
    fn what_does_not_help_gets_nothing() {
        let (z, y) = rows(20_000, 1.0);
        let noise: Vec<f64> = (0..z.len()).map(|at| (at as f64 * 0.732_050_807_57).fract() - 0.5).collect();
        let against: Vec<f64> = z.iter().map(|z| -z).collect();
        let weights = stack_weights(&[z, against, noise], 3, &y, None);
        assert!(weights[1] == 0.0 && weights[2] < 0.25, "{weights:?}");
    }

    #[test]
    fn twins_share_and_few_rows_stay_near_equal() {
        let (z, y) = rows(2_000, 1.0);
        let twins = stack_weights(&[z.clone(), z], 2, &y, None);
        assert!((twins[0] - twins[1]).abs() < 1e-6, "{twins:?}");
        let few = stack_weights(&[vec![0.1, -0.1], vec![0.2, -0.1]], 2, &[true, false], None);
        assert!(few.iter().all(|weight| (weight - 0.5).abs() < 0.05), "{few:?}");
    }

    #[test]
    fn a_further_member_has_to_earn_its_place() {
        let (z, y) = rows(4_000, 1.5);
        let part: Vec<f64> = z.iter().map(|z| if *z > 0.0 { *z } else { 0.0 }).collect();
        let twin = stack_weights(&[z.clone(), z.clone()], 1, &y, None);
        assert!(twin[0] > 1.0 && twin[1] == 0.0, "{twin:?}");
        let earned = stack_weights(&[part, z], 1, &y, None);
        assert!(earned[1] > 0.5, "{earned:?}");
    }

    #[test]
    fn weights_of_rows_count_as_repeated_rows() {
        let (z, y) = rows(500, 1.0);
        let twice: Vec<f64> = (0..500).map(|at| if at % 3 == 0 { 2.0 } else { 1.0 }).collect();
        let repeat = |at: usize| std::iter::repeat_n(at, twice[at] as usize);
        let order: Vec<usize> = (0..500).flat_map(repeat).collect();
        let repeated = stack_weights(
            &[order.iter().map(|&at| z[at]).collect()],
            1,
            &order.iter().map(|&at| y[at]).collect::<Vec<_>>(),
            None,
        );
        let weighted = stack_weights(&[z], 1, &y, Some(&twice));
        assert!((repeated[0] - weighted[0]).abs() < 0.02, "{repeated:?} {weighted:?}");
    }
}
