//! The learners: from rows with and without an action to by how much it changes the outcome of each.
//!
//! S, T and X learners are those of Künzel et al. (2019), the doubly robust one of Kennedy (2023). All are kept
//! simple: straight lines, or shallow trees with large leaves at a low rate. Effects are small beside the outcome's
//! noise, and flexible learners fit the noise.

use serde::{Deserialize, Serialize};

use super::data::{Data, mean, pick, take};
use super::ridge::ridge;
use crate::error::Result;
use crate::model::gradient_trees::{BoostParams, BoostTask, boost};
use crate::model::logistic::{Design, Scorer, SolverSettings, path};
use crate::model::loss::{Logistic, Loss, Squared};
use crate::model::{EncodedColumn, Features, sigmoid};
use crate::tree::{Binning, ColumnView, Forest, GrowParams};

const SOLVER: SolverSettings<'_> = SolverSettings::new(200, 1e-4);

/// A way to learn how the effect differs between accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Learner {
    /// One logistic regression with the action as a column: the same for all in log-odds, so by risk in points.
    SLogistic,
    /// Two logistic regressions, with the action and without.
    TLogistic,
    /// One forest with the action as a column.
    STrees,
    /// Two forests.
    TTrees,
    /// Forests on what each arm's outcomes are beyond the other arm's forest.
    XTrees,
    /// Ridge regression on doubly robust scores.
    DrLinear,
    /// A forest on doubly robust scores.
    DrTrees,
    /// What all of them say on average.
    All,
}

impl Learner {
    /// Those that learn from outcomes.
    pub const DIRECT: [Learner; 5] =
        [Learner::SLogistic, Learner::TLogistic, Learner::STrees, Learner::TTrees, Learner::XTrees];
    /// Those that learn from doubly robust scores.
    pub const BY_SCORE: [Learner; 2] = [Learner::DrLinear, Learner::DrTrees];

    pub fn name(self) -> &'static str {
        match self {
            Learner::SLogistic => "S-learner, logistic",
            Learner::TLogistic => "T-learner, logistic",
            Learner::STrees => "S-learner, trees",
            Learner::TTrees => "T-learner, trees",
            Learner::XTrees => "X-learner, trees",
            Learner::DrLinear => "doubly robust, linear",
            Learner::DrTrees => "doubly robust, trees",
            Learner::All => "all learners on average",
        }
    }
}

/// The models of both arms, without the action (0) and with it (1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Arms {
    linear: [Scorer; 2],
    trees: [Forest; 2],
}

impl Arms {
    pub fn fit(data: &Data<'_>, c: f64, random_state: u64) -> Result<Self> {
        let of = |treated| OutcomeModel::fit(&data.take(&data.arm(treated)), c, random_state);
        let (rest, treated) = (of(false)?, of(true)?);
        Ok(Arms { linear: [rest.linear, treated.linear], trees: [rest.trees, treated.trees] })
    }

    /// Probability of the outcome in an arm: the mean of both models.
    pub fn outcome(&self, arm: usize, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        mean_of(&self.linear[arm], &self.trees[arm], columns, n_rows)
    }
}

/// A model of the outcome in one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OutcomeModel {
    linear: Scorer,
    trees: Forest,
}

impl OutcomeModel {
    /// Fits to all rows, whatever their arm.
    pub fn fit(data: &Data<'_>, c: f64, random_state: u64) -> Result<Self> {
        let columns = data.columns()?;
        let linear = fit_logistic(data.features.names(), &columns, &data.y, c)?;
        let trees = fit_trees(&Logistic, &columns, &data.targets(), random_state)?;
        Ok(OutcomeModel { linear, trees })
    }

    /// Probability of the outcome.
    pub fn predict(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        mean_of(&self.linear, &self.trees, columns, n_rows)
    }
}

fn mean_of(linear: &Scorer, trees: &Forest, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
    let linear = linear.log_odds(columns, n_rows);
    let trees = raw(trees, columns, n_rows);
    linear.iter().zip(&trees).map(|(&a, &b)| 0.5 * (sigmoid(a) + sigmoid(b))).collect()
}

/// A learner that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Fitted {
    /// Log-odds with the action's column last.
    SLinear(Scorer),
    /// Log-odds without the action and with it.
    TLinear([Scorer; 2]),
    /// Log-odds with the action's column last.
    STrees(Forest),
    /// Log-odds without the action and with it.
    TTrees([Forest; 2]),
    /// Effects by the rows without the action and by those with it, and the weight of the former.
    XTrees([Forest; 2], f64),
    /// The effect.
    Linear(Scorer),
    /// The effect.
    Trees(Forest),
}

impl Fitted {
    /// Fits a learner of [`Learner::DIRECT`].
    pub fn direct(learner: Learner, data: &Data<'_>, arms: &Arms, c: f64, random_state: u64) -> Result<Self> {
        match learner {
            Learner::SLogistic => s_logistic(data, c),
            Learner::STrees => s_trees(data, random_state),
            Learner::TTrees => Ok(Fitted::TTrees(arms.trees.clone())),
            Learner::XTrees => x_trees(data, arms, random_state),
            _ => Ok(Fitted::TLinear(arms.linear.clone())),
        }
    }

    /// Fits a learner of [`Learner::BY_SCORE`] to doubly robust scores; `spread` is how far the effect is thought to
    /// differ between accounts.
    pub fn by_score(
        learner: Learner,
        data: &Data<'_>,
        scores: &[f64],
        spread: f64,
        seed: u64,
    ) -> Result<Self> {
        let columns = data.columns()?;
        match learner {
            Learner::DrTrees => Ok(Fitted::Trees(fit_trees(&Squared, &columns, scores, seed)?)),
            _ => {
                let design = Design::fit(data.features.names(), &columns, None, 0)?;
                let matrix = design.matrix(&columns, data.n_rows()).to_dense();
                let (coefs, intercept) = ridge(matrix, scores, spread);
                Ok(Fitted::Linear(design.scorer(&coefs, intercept)))
            }
        }
    }

    /// The effect on the outcome's probability of `n` rows.
    pub fn effects(&self, columns: &[EncodedColumn<'_>], n: usize) -> Vec<f64> {
        match self {
            Fitted::SLinear(scorer) => with_and_without(columns, n, |columns| scorer.log_odds(columns, n)),
            Fitted::STrees(trees) => with_and_without(columns, n, |columns| raw(trees, columns, n)),
            Fitted::TLinear([rest, treated]) => {
                rises(&rest.log_odds(columns, n), &treated.log_odds(columns, n))
            }
            Fitted::TTrees([rest, treated]) => rises(&raw(rest, columns, n), &raw(treated, columns, n)),
            Fitted::XTrees([rest, treated], weight) => {
                let (rest, treated) = (raw(rest, columns, n), raw(treated, columns, n));
                rest.iter().zip(&treated).map(|(a, b)| weight * a + (1.0 - weight) * b).collect()
            }
            Fitted::Linear(scorer) => scorer.log_odds(columns, n),
            Fitted::Trees(trees) => raw(trees, columns, n),
        }
    }
}

/// By how much probabilities rise from one log-odds to another.
fn rises(from: &[f64], to: &[f64]) -> Vec<f64> {
    from.iter().zip(to).map(|(&from, &to)| sigmoid(to) - sigmoid(from)).collect()
}

fn raw(trees: &Forest, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
    if columns.is_empty() {
        return vec![trees.base(); n_rows];
    }
    trees.predict(&views(columns))
}

fn views<'a>(columns: &'a [EncodedColumn<'a>]) -> Vec<ColumnView<'a>> {
    columns.iter().map(EncodedColumn::view).collect()
}

fn with_and_without(
    columns: &[EncodedColumn<'_>],
    n_rows: usize,
    log_odds: impl Fn(&[EncodedColumn<'_>]) -> Vec<f64>,
) -> Vec<f64> {
    let at = |treated: f64| {
        let action = vec![treated; n_rows];
        log_odds(&with_action(columns, &action))
    };
    rises(&at(0.0), &at(1.0))
}

/// The columns with the action's behind them.
fn with_action<'a>(columns: &'a [EncodedColumn<'a>], action: &'a [f64]) -> Vec<EncodedColumn<'a>> {
    columns.iter().cloned().chain([EncodedColumn::Number(action.into())]).collect()
}

/// The names with the action's behind them.
pub(super) fn names_with_action(features: &Features) -> Vec<String> {
    features.names().iter().cloned().chain(["action".to_owned()]).collect()
}

fn fit_logistic(names: &[String], columns: &[EncodedColumn<'_>], y: &[bool], c: f64) -> Result<Scorer> {
    let design = Design::fit(names, columns, None, 0)?;
    let rows: Vec<u32> = (0..y.len() as u32).collect();
    let matrix = design.matrix(columns, y.len());
    let step = path(&matrix, y, None, &rows, &[], &[c], &SOLVER)?.remove(0);
    Ok(design.scorer(&step.coefs, step.intercept))
}

fn s_logistic(data: &Data<'_>, c: f64) -> Result<Fitted> {
    let action = super::data::numbers(&data.treated);
    let columns = data.columns()?;
    let columns = with_action(&columns, &action);
    Ok(Fitted::SLinear(fit_logistic(&names_with_action(data.features), &columns, &data.y, c)?))
}

fn s_trees(data: &Data<'_>, random_state: u64) -> Result<Fitted> {
    let action = super::data::numbers(&data.treated);
    let columns = data.columns()?;
    let columns = with_action(&columns, &action);
    Ok(Fitted::STrees(fit_trees(&Logistic, &columns, &data.targets(), random_state)?))
}

/// Künzel et al., eq. 8 to 11, with the share of treated rows as weight.
fn x_trees(data: &Data<'_>, arms: &Arms, random_state: u64) -> Result<Fitted> {
    let of_arm = |treated: bool| {
        let rows = data.arm(treated);
        let table = take(&data.table, &rows);
        let columns = data.features.encode(&table)?;
        let other = raw(&arms.trees[usize::from(!treated)], &columns, rows.len());
        let beyond = |(y, other): (f64, f64)| if treated { y - sigmoid(other) } else { sigmoid(other) - y };
        let targets: Vec<f64> = pick(&data.targets(), &rows).into_iter().zip(other).map(beyond).collect();
        fit_trees(&Squared, &columns, &targets, random_state)
    };
    let share = mean(&super::data::numbers(&data.treated));
    Ok(Fitted::XTrees([of_arm(false)?, of_arm(true)?], share))
}

/// A hundred small trees with large leaves at a low rate.
fn fit_trees<L: Loss>(loss: &L, columns: &[EncodedColumn<'_>], y: &[f64], seed: u64) -> Result<Forest> {
    let views = views(columns);
    let binning = Binning::fit(&views, 255);
    let bins = binning.bin(&views);
    let train: Vec<u32> = (0..y.len() as u32).collect();
    let task = BoostTask { y, weights: None, offset: None, train: &train, valid: &[] };
    let grow = GrowParams {
        max_leaf_nodes: 7,
        min_samples_leaf: 200,
        l2_regularization: 10.0,
        ..GrowParams::default()
    };
    let params = BoostParams {
        n_estimators: 100,
        learning_rate: 0.05,
        max_features: 0.8,
        subsample: 1.0,
        n_iter_no_change: None,
        random_state: seed,
        n_threads: 1,
        grow,
    };
    let go_on = |_| std::ops::ControlFlow::Continue(());
    Ok(boost(loss, &binning, &bins, &task, &params, &go_on)?.into_forest(columns.len()))
}
