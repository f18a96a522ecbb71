//! L2-regularised logistic regression along a path of strengths.
//!
//! Minimises `C Σ wᵢ ln(1 + exp(−sᵢ ηᵢ)) + ‖b‖²/2` (s = ±1, η = b₀ + X b; scikit-learn's objective, the intercept free),
//! divided by `C Σ w` so that its scale does not depend on the number of rows.
//!
//! The method is L-BFGS (Nocedal & Wright 2006, alg. 7.4) whose initial matrix is the inverse of an earlier Hessian by
//! Cholesky: near a Newton step at the price of a gradient. When progress is slow the Hessian is taken anew, which
//! makes it Newton's method at worst. Beyond [`DENSE_COEFS`] columns only the Hessian's diagonal is used.

use super::design::DesignMatrix;
use super::linear::{add_scaled, dot, max_abs};
use super::quasi_newton::{Hessian, Memory, Preconditioner};
use crate::error::{ErrorKind, Result};

/// Up to this many coefficients the Hessian is factorised.
const DENSE_COEFS: usize = 800;
/// Steps after which a slow solve gets a new Hessian.
const REFRESH_AFTER: usize = 7;
/// Relative rise of the objective that is put down to rounding.
const ROUNDING: f64 = 4e-14;

/// When to stop.
#[derive(Clone, Copy)]
pub(crate) struct SolverSettings<'a> {
    /// Most steps for each C.
    pub(crate) max_iter: usize,
    /// Stop when the next step would move no coefficient by more than this, relative to the largest (or to 1).
    pub(crate) tol: f64,
    /// Called after the solution for each C; its error ends the work.
    pub(crate) after_each: &'a (dyn Fn() -> Result<()> + Sync),
}

impl SolverSettings<'_> {
    /// Settings that nothing ends early.
    pub(crate) const fn new(max_iter: usize, tol: f64) -> Self {
        SolverSettings { max_iter, tol, after_each: &|| Ok(()) }
    }
}

/// The solution for one C.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathStep {
    /// Inverse strength of regularisation.
    pub(crate) c: f64,
    /// `n_coefs` coefficients.
    pub(crate) coefs: Vec<f64>,
    /// The intercept.
    pub(crate) intercept: f64,
    /// Log-odds of the valid rows.
    pub(crate) valid_log_odds: Vec<f64>,
    /// Steps taken.
    pub(crate) n_iter: usize,
    /// Whether the tolerance was reached.
    pub(crate) converged: bool,
}

/// Solves for every C of `cs` on the rows `train`, each from the solution of the next smaller, and scores `valid`.
///
/// `y` and `weights` are as long as the matrix; the steps come in the order of `cs`. One thread.
///
/// # Errors
/// Training rows of one class only (by weight).
pub(crate) fn path(
    matrix: &DesignMatrix,
    y: &[bool],
    weights: Option<&[f64]>,
    train: &[u32],
    valid: &[u32],
    cs: &[f64],
    settings: &SolverSettings<'_>,
) -> Result<Vec<PathStep>> {
    let mut order: Vec<usize> = (0..cs.len()).collect();
    order.sort_by(|&a, &b| cs[a].total_cmp(&cs[b]));
    let ascending: Vec<f64> = order.iter().map(|&at| cs[at]).collect();
    let walked = walk(matrix, y, weights, train, valid, &ascending, settings, |_| true)?;
    let mut steps: Vec<Option<PathStep>> = vec![None; cs.len()];
    order.into_iter().zip(walked).for_each(|(at, step)| steps[at] = Some(step));
    Ok(steps.into_iter().flatten().collect())
}

/// [`path`] over the ascending `cs` that ends where two steps running have told the valid rows worse than the best
/// before them: the weakest penalties take most of the time and are the least likely to be chosen.
///
/// # Errors
/// Training rows of one class only (by weight).
pub(crate) fn path_past_best(
    matrix: &DesignMatrix,
    y: &[bool],
    weights: Option<&[f64]>,
    train: &[u32],
    valid: &[u32],
    cs: &[f64],
    settings: &SolverSettings,
) -> Result<Vec<PathStep>> {
    let (mut least, mut n_worse) = (f64::INFINITY, 0);
    walk(matrix, y, weights, train, valid, cs, settings, |step| {
        let loss = step.valid_loss(valid, y, weights);
        n_worse = if loss < least { 0 } else { n_worse + 1 };
        least = least.min(loss);
        n_worse < 2
    })
}

/// Steps along ascending strengths for as long as `goes_on` says.
#[allow(clippy::too_many_arguments)] // those of the two above
fn walk(
    matrix: &DesignMatrix,
    y: &[bool],
    weights: Option<&[f64]>,
    train: &[u32],
    valid: &[u32],
    cs: &[f64],
    settings: &SolverSettings,
    mut goes_on: impl FnMut(&PathStep) -> bool,
) -> Result<Vec<PathStep>> {
    let (design, valid_design) = (matrix.take(train), matrix.take(valid));
    let problem = Problem::new(&design, train, y, weights)?;
    let mut solver = Solver::new(&problem);
    let mut steps = Vec::with_capacity(cs.len());
    for &c in cs {
        let (n_iter, converged) = solver.solve(c, settings);
        let (coefs, intercept) = solver.solution();
        let mut valid_log_odds = vec![0.0; valid.len()];
        valid_design.multiply(&solver.theta, &mut valid_log_odds);
        let step = PathStep { c, coefs, intercept, valid_log_odds, n_iter, converged };
        let more = goes_on(&step);
        steps.push(step);
        (settings.after_each)()?;
        if !more {
            break;
        }
    }
    // Strengths that were passed over are done too.
    (steps.len()..cs.len()).try_for_each(|_| (settings.after_each)())?;
    Ok(steps)
}

impl PathStep {
    /// Summed log loss of the valid rows.
    pub(crate) fn valid_loss(&self, valid: &[u32], y: &[bool], weights: Option<&[f64]>) -> f64 {
        let loss = |(&row, &log_odds): (&u32, &f64)| {
            let margin = if y[row as usize] { log_odds } else { -log_odds };
            let loss = (-margin.abs()).exp().ln_1p() + (-margin).max(0.0);
            weights.map_or(1.0, |weights| weights[row as usize]) * loss
        };
        valid.iter().zip(&self.valid_log_odds).map(loss).sum()
    }
}

/// Rows, labels and weights to fit to.
struct Problem<'a> {
    design: &'a DesignMatrix,
    /// 0 or 1.
    y: Vec<f64>,
    /// Weights as shares: they sum to 1.
    shares: Vec<f64>,
    /// Sum of the weights as given.
    weight: f64,
}

impl<'a> Problem<'a> {
    fn new(design: &'a DesignMatrix, rows: &[u32], y: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        let mut shares: Vec<f64> =
            rows.iter().map(|&row| weights.map_or(1.0, |weights| weights[row as usize])).collect();
        let weight: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= weight);
        let y: Vec<f64> = rows.iter().map(|&row| f64::from(u8::from(y[row as usize]))).collect();
        let rate = dot(&shares, &y);
        if rate > 0.0 && y.iter().zip(&shares).any(|(&y, &share)| y == 0.0 && share > 0.0) {
            return Ok(Problem { design, y, shares, weight });
        }
        let class = if rate > 0.0 { "true" } else { "false" };
        Err(ErrorKind::OneClass { label: "y".into(), class, n_rows: rows.len() }.into())
    }

    /// Mean loss at log-odds, and each row's part of its derivative into `residuals`.
    fn loss(&self, log_odds: &[f64], residuals: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for (row, residual) in residuals.iter_mut().enumerate() {
            let (eta, y, share) = (log_odds[row], self.y[row], self.shares[row]);
            let exp = (-eta.abs()).exp();
            let p = if eta >= 0.0 { 1.0 / (1.0 + exp) } else { exp / (1.0 + exp) };
            sum += share * (exp.ln_1p() + eta.max(0.0) - y * eta);
            *residual = share * (p - y);
        }
        sum
    }

    /// `wᵢ pᵢ (1 − pᵢ)`.
    fn curvatures(&self, log_odds: &[f64]) -> Vec<f64> {
        let curvature = |(eta, share): (&f64, &f64)| {
            let exp = (-eta.abs()).exp();
            share * exp / ((1.0 + exp) * (1.0 + exp))
        };
        log_odds.iter().zip(&self.shares).map(curvature).collect()
    }
}

/// Where the minimisation stands.
struct Solver<'a> {
    problem: &'a Problem<'a>,
    /// Coefficients, then the intercept.
    theta: Vec<f64>,
    /// `X b + b₀` of each row.
    log_odds: Vec<f64>,
    residuals: Vec<f64>,
    /// Of the loss alone.
    loss: f64,
    /// Of the loss and the penalty.
    gradient: Vec<f64>,
    hessian: Hessian,
}

impl<'a> Solver<'a> {
    /// At the model that knows only the rate.
    fn new(problem: &'a Problem<'a>) -> Self {
        let (n, d) = (problem.design.n_rows, problem.design.n_coefs());
        let rate = dot(&problem.shares, &problem.y).clamp(1e-300, 1.0 - f64::EPSILON);
        let mut theta = vec![0.0; d + 1];
        theta[d] = (rate / (1.0 - rate)).ln();
        let mut solver = Solver {
            problem,
            log_odds: vec![theta[d]; n],
            theta,
            residuals: vec![0.0; n],
            loss: 0.0,
            gradient: vec![0.0; d + 1],
            hessian: Hessian::Diagonal(vec![]),
        };
        solver.loss = problem.loss(&solver.log_odds, &mut solver.residuals);
        solver.refresh();
        solver
    }

    fn solution(&self) -> (Vec<f64>, f64) {
        let (intercept, coefs) = self.theta.split_last().expect("the intercept is there");
        (coefs.to_vec(), *intercept)
    }

    /// Takes the Hessian anew where the solver stands.
    fn refresh(&mut self) {
        let design = self.problem.design;
        let weights = self.problem.curvatures(&self.log_odds);
        let squares = design.squares(&weights);
        if design.n_coefs() > DENSE_COEFS {
            self.hessian = Hessian::Diagonal(squares);
            return;
        }
        let mut gram = design.gram(&weights);
        // A sample of rows may miss a rare level: the diagonal is always that of all rows, or more.
        gram.diagonal_mut().zip(squares).for_each(|(value, square)| *value = value.max(square));
        self.hessian = Hessian::Dense(gram);
    }

    /// Goes on to the minimum for this C; returns the steps taken and whether the tolerance was reached.
    fn solve(&mut self, c: f64, settings: &SolverSettings<'_>) -> (usize, bool) {
        let penalty = 1.0 / (c * self.problem.weight);
        let mut preconditioner = Preconditioner::new(&self.hessian, penalty);
        let mut memory = Memory::default();
        self.update_gradient(penalty);
        for n_iter in 0..settings.max_iter {
            if n_iter > 0 && n_iter % REFRESH_AFTER == 0 && matches!(self.hessian, Hessian::Dense(_)) {
                self.refresh();
                preconditioner = Preconditioner::new(&self.hessian, penalty);
                memory = Memory::default();
            }
            let direction = memory.direction(&self.gradient, &preconditioner);
            let small = settings.tol * max_abs(&self.theta).max(1.0);
            if max_abs(&direction) <= small || !self.step(direction, penalty, &mut memory) {
                return (n_iter, true);
            }
        }
        (settings.max_iter, false)
    }

    /// Goes along a direction by halving until the objective falls enough (Armijo). False if rounding allows no more.
    fn step(&mut self, direction: Vec<f64>, penalty: f64, memory: &mut Memory) -> bool {
        let n = self.log_odds.len();
        let slope = dot(&direction, &self.gradient);
        let (mut along, mut tried) = (vec![0.0; n], vec![0.0; n]);
        self.problem.design.multiply(&direction, &mut along);
        let before = self.objective(&self.theta, self.loss, penalty);
        let mut length = 1.0;
        for _ in 0..30 {
            tried.copy_from_slice(&self.log_odds);
            add_scaled(&mut tried, length, &along);
            let mut theta = self.theta.clone();
            add_scaled(&mut theta, length, &direction);
            let loss = self.problem.loss(&tried, &mut self.residuals);
            let after = self.objective(&theta, loss, penalty);
            if after <= before + 1e-4 * length * slope + ROUNDING * before {
                self.accept(theta, tried, loss, penalty, memory);
                return true;
            }
            length *= 0.5;
        }
        self.problem.loss(&self.log_odds, &mut self.residuals);
        false
    }

    fn accept(&mut self, theta: Vec<f64>, log_odds: Vec<f64>, loss: f64, penalty: f64, memory: &mut Memory) {
        let (theta_before, gradient_before) =
            (std::mem::replace(&mut self.theta, theta), self.gradient.clone());
        (self.log_odds, self.loss) = (log_odds, loss);
        self.update_gradient(penalty);
        memory.push(difference(&self.theta, &theta_before), difference(&self.gradient, &gradient_before));
    }

    fn objective(&self, theta: &[f64], loss: f64, penalty: f64) -> f64 {
        let coefs = &theta[..theta.len() - 1];
        loss + 0.5 * penalty * dot(coefs, coefs)
    }

    /// The gradient from the residuals as they stand.
    fn update_gradient(&mut self, penalty: f64) {
        self.problem.design.multiply_transposed(&self.residuals, &mut self.gradient);
        let d = self.theta.len() - 1;
        add_scaled(&mut self.gradient[..d], penalty, &self.theta[..d]);
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
