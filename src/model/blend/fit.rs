//! Fitting a blend: every member on every fold, side by side; then weights, calibration, and the members for good.

use rayon::prelude::*;

use super::{BlendClassifier, Member, ValidBlendParams};
use crate::error::{ErrorKind, Result};
use crate::frame::TableView;
use crate::metric;
use crate::model::gradient_trees::{BoostParams, BoostTask, GradientTreesParams, boost};
use crate::model::interval::Uncertainty;
use crate::model::logistic::{
    DEFAULT_CS, DEFAULT_KNOTS, Design, DesignMatrix, FOLD_TOL, PathStep, Scorer, SolverSettings, path,
};
use crate::model::loss::Logistic;
use crate::model::stack::stack_weights;
use crate::model::training::{
    FoldRows, Steps, check_training, directions, grouped_folds, rows_that_weigh, stratified_folds,
    with_threads,
};
use crate::model::{BetaCalibration, EncodedColumn, Features, OnProgress, sigmoid};
use crate::tree::{Binning, Bins, Forest};

/// Accuracy of a logistic member on its way.
const SETTINGS: SolverSettings<'_> = SolverSettings::new(200, FOLD_TOL);
/// The strength that is taken where there are too few rows to choose it by folds.
const FALLBACK_C: f64 = 0.1;

pub(super) fn fit(
    params: &ValidBlendParams,
    table: &TableView<'_>,
    y: &[bool],
    weights: Option<&[f64]>,
    on_progress: OnProgress<'_>,
) -> Result<BlendClassifier> {
    check_training(table, y, weights)?;
    if let Some((table, y, weights)) = rows_that_weigh(table, y, weights) {
        return fit(params, &(&table).into(), &y, Some(&weights), on_progress);
    }
    let folds = stratified_folds(y, params.n_folds, params.random_state)?;
    fit_rows(params, table, y, weights, y.len(), folds, on_progress).map(|(blend, _)| blend)
}

/// Fits to rows of accounts that may have several of them: all rows of an account are left out together.
pub(super) fn fit_accounts(
    params: &ValidBlendParams,
    table: &TableView<'_>,
    y: &[bool],
    ids: &[String],
    on_progress: OnProgress<'_>,
) -> Result<(BlendClassifier, OutOfFold)> {
    check_training(table, y, None)?;
    let folds = grouped_folds(ids, y, params.n_folds, params.random_state)?;
    fit_rows(params, table, y, None, n_distinct(ids), folds, on_progress)
}

/// As [`fit_accounts`], for rows of groups, with weights.
pub(super) fn fit_groups(
    params: &ValidBlendParams,
    table: &TableView<'_>,
    y: &[bool],
    weights: Option<&[f64]>,
    groups: &[String],
    on_progress: OnProgress<'_>,
) -> Result<BlendClassifier> {
    check_training(table, y, weights)?;
    if groups.len() != y.len() {
        let what = "number of groups, one a row".into();
        return Err(ErrorKind::Shape { what, found: groups.len(), expected: y.len() }.into());
    }
    if let Some((table, y, kept)) = rows_that_weigh(table, y, weights) {
        let weighs = |row: &usize| weights.is_some_and(|weights| weights[*row] > 0.0);
        let groups: Vec<String> = (0..groups.len()).filter(weighs).map(|row| groups[row].clone()).collect();
        return fit_groups(params, &(&table).into(), &y, Some(&kept), &groups, on_progress);
    }
    let folds = grouped_folds(groups, y, params.n_folds, params.random_state)?;
    fit_rows(params, table, y, weights, n_distinct(groups), folds, on_progress).map(|(blend, _)| blend)
}

fn n_distinct(ids: &[String]) -> usize {
    ids.iter().collect::<std::collections::HashSet<_>>().len()
}

/// Fits to rows that all weigh something; without folds where there is nothing that can be left out.
fn fit_rows(
    params: &ValidBlendParams,
    table: &TableView<'_>,
    y: &[bool],
    weights: Option<&[f64]>,
    n_accounts: usize,
    folds: Option<Vec<FoldRows>>,
    on_progress: OnProgress<'_>,
) -> Result<(BlendClassifier, OutOfFold)> {
    let monotonic = directions(table, &params.monotonic)?;
    let features = Features::of(table);
    let columns = features.encode(table)?;
    let data =
        Data { names: features.names(), columns: &columns, monotonic: &monotonic, y, weights, n_accounts };
    with_threads(params.n_jobs, |_| match folds {
        Some(rows) => fit_by_folds(&features, &data, &Folds { rows }, on_progress),
        None => fit_without_folds(&features, &data),
    })
}

/// What a blend said of its own training rows.
pub(crate) struct OutOfFold {
    /// Calibrated log-odds, one a row.
    pub(crate) log_odds: Vec<f64>,
    /// Whether the members had not seen the row; else nothing could be left out, and it is no measure of quality.
    pub(crate) unseen: bool,
}

/// The training rows in the model's own codes.
#[derive(Clone, Copy)]
struct Data<'a> {
    names: &'a [String],
    columns: &'a [EncodedColumn<'a>],
    /// A direction a column, 0 where it is free.
    monotonic: &'a [i8],
    y: &'a [bool],
    weights: Option<&'a [f64]>,
    n_accounts: usize,
}

impl Data<'_> {
    fn n_rows(&self) -> usize {
        self.y.len()
    }

    fn log_loss(&self, log_odds: &[f64]) -> Result<f64> {
        let probability: Vec<f64> = log_odds.iter().copied().map(sigmoid).collect();
        metric::log_loss(self.y, &probability, self.weights)
    }
}

/// Rows to learn from and rows left out, fold by fold.
struct Folds {
    rows: Vec<FoldRows>,
}

impl Folds {
    fn len(&self) -> usize {
        self.rows.len()
    }

    /// Puts what was said of the rows left out in the rows' places.
    fn gather<'a>(&self, n_rows: usize, of_fold: impl Fn(usize) -> &'a [f64]) -> Vec<f64> {
        let mut gathered = vec![0.0; n_rows];
        for (fold, (_, valid)) in self.rows.iter().enumerate() {
            valid.iter().zip(of_fold(fold)).for_each(|(&row, &value)| gathered[row as usize] = value);
        }
        gathered
    }
}

/// A member fitted on every fold: what it said of the rows left out, and what it is made of for good.
struct Fitted {
    name: &'static str,
    out_of_fold: Vec<f64>,
    part: Part,
}

enum Part {
    Linear(Scorer),
    Trees(Vec<Forest>),
}

fn fit_by_folds(
    features: &Features,
    data: &Data<'_>,
    folds: &Folds,
    on_progress: OnProgress<'_>,
) -> Result<(BlendClassifier, OutOfFold)> {
    let members = linear_members(data);
    let of_linear = folds.len() * DEFAULT_CS.len() + 1;
    let steps = Steps::new(members.len() * of_linear + folds.len() + 1, on_progress);
    let (trees, linear) = rayon::join(
        || fit_trees(data, folds, &steps),
        || {
            let fit = |&(name, knots): &(&'static str, usize)| fit_linear(name, knots, data, folds, &steps);
            members.iter().map(fit).collect::<Result<Vec<Fitted>>>()
        },
    );
    let mut fitted = linear?;
    fitted.push(trees?);
    let blend = put_together(features, data, fitted)?;
    steps.finish("weighing and calibrating")?;
    Ok(blend)
}

/// Name and knots of the logistic members. Where a table is so wide that the pieces outnumber its rows they can only
/// be guessed at, for most of the training's time, so there is the straight member alone.
fn linear_members(data: &Data<'_>) -> Vec<(&'static str, usize)> {
    let n_numbers = data.columns.iter().filter(|column| matches!(column, EncodedColumn::Number(_))).count();
    let mut members = vec![("logistic", 0), ("piecewise logistic", DEFAULT_KNOTS)];
    members.truncate(if n_numbers * DEFAULT_KNOTS > data.n_rows() { 1 } else { 2 });
    members
}

fn fit_linear(
    name: &'static str,
    knots: usize,
    data: &Data<'_>,
    folds: &Folds,
    steps: &Steps<'_>,
) -> Result<Fitted> {
    let design = Design::fit(data.names, data.columns, data.weights, knots)?;
    let matrix = design.matrix(data.columns, data.n_rows());
    let finish = || steps.finish("fitting logistic regressions");
    let settings = SolverSettings { after_each: &finish, ..SETTINGS };
    let of_fold =
        |(train, valid): &FoldRows| path(&matrix, data.y, data.weights, train, valid, &DEFAULT_CS, &settings);
    let paths: Vec<Vec<PathStep>> = folds.rows.par_iter().map(of_fold).collect::<Result<_>>()?;
    let (at, mut out_of_fold) = best_strength(data, folds, &paths)?;
    if data.monotonic.iter().any(|&direction| direction != 0) {
        out_of_fold = held_out_of_fold(&design, data, folds, paths.iter().map(|path| &path[at]));
    }
    let scorer = fit_scorer(&design, &matrix, data, DEFAULT_CS[at], &settings)?;
    Ok(Fitted { name, out_of_fold, part: Part::Linear(scorer) })
}

/// The strength with the least out-of-fold log loss, and what it said.
fn best_strength(data: &Data<'_>, folds: &Folds, paths: &[Vec<PathStep>]) -> Result<(usize, Vec<f64>)> {
    let mut best: Option<(f64, usize, Vec<f64>)> = None;
    for (at, _) in DEFAULT_CS.iter().enumerate() {
        let out_of_fold = folds.gather(data.n_rows(), |fold| &paths[fold][at].valid_log_odds);
        let loss = data.log_loss(&out_of_fold)?;
        if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
            best = Some((loss, at, out_of_fold));
        }
    }
    let (_, at, out_of_fold) = best.expect("there are strengths to choose from");
    Ok((at, out_of_fold))
}

/// What the solutions of the folds say of the rows left out once they are held to the directions.
fn held_out_of_fold<'a>(
    design: &Design,
    data: &Data<'_>,
    folds: &Folds,
    solutions: impl Iterator<Item = &'a PathStep>,
) -> Vec<f64> {
    let said: Vec<Vec<f64>> = solutions
        .map(|solution| {
            let scorer = design.scorer(&solution.coefs, solution.intercept).hold(data.monotonic);
            scorer.log_odds(data.columns, data.n_rows())
        })
        .collect();
    let of_fold: Vec<Vec<f64>> = folds
        .rows
        .iter()
        .zip(&said)
        .map(|((_, valid), said)| valid.iter().map(|&row| said[row as usize]).collect())
        .collect();
    folds.gather(data.n_rows(), |fold| &of_fold[fold])
}

fn fit_scorer(
    design: &Design,
    matrix: &DesignMatrix,
    data: &Data<'_>,
    c: f64,
    settings: &SolverSettings<'_>,
) -> Result<Scorer> {
    let rows: Vec<u32> = (0..data.n_rows() as u32).collect();
    let settings = SolverSettings { tol: 1e-6, ..*settings };
    let solution = path(matrix, data.y, data.weights, &rows, &[], &[c], &settings)?.remove(0);
    let mut scorer = design.scorer(&solution.coefs, solution.intercept).hold(data.monotonic);
    scorer.centre(data.columns, data.weights, data.n_rows());
    Ok(scorer)
}

/// Shallow trees at a brisk rate, each of a part of the columns, stopped early on the fold left out: five forests of
/// some fifty trees.
fn tree_params(monotonic: Vec<i8>) -> Result<BoostParams> {
    let params = GradientTreesParams::default()
        .n_estimators(1000)
        .learning_rate(0.1)
        .max_features(0.7)
        .max_depth(4)
        .max_leaf_nodes(16)
        .l2_regularization(1.0)
        .early_stopping(true)
        .n_iter_no_change(30);
    Ok(linfa::ParamGuard::check(params)?.boost_params(monotonic, 1))
}

fn fit_trees(data: &Data<'_>, folds: &Folds, steps: &Steps<'_>) -> Result<Fitted> {
    let views = super::views(data.columns);
    let binning = Binning::fit(&views, crate::tree::MAX_BINS);
    let bins = binning.bin(&views);
    let params = tree_params(data.monotonic.to_vec())?;
    let y: Vec<f64> = data.y.iter().map(|&y| f64::from(u8::from(y))).collect();
    let grow = |(train, valid): &FoldRows| {
        let task = BoostTask { y: &y, weights: data.weights, offset: None, train, valid };
        let grown = grow_forest(&binning, &bins, &task, &params, steps)?;
        steps.finish("growing trees")?;
        Ok(grown)
    };
    let grown: Vec<(Vec<f64>, Forest)> = folds.rows.par_iter().map(grow).collect::<Result<_>>()?;
    let out_of_fold = folds.gather(data.n_rows(), |fold| &grown[fold].0);
    let forests = grown.into_iter().map(|(_, forest)| forest).collect();
    Ok(Fitted { name: "gradient trees", out_of_fold, part: Part::Trees(forests) })
}

fn grow_forest(
    binning: &Binning,
    bins: &Bins,
    task: &BoostTask<'_>,
    params: &BoostParams,
    steps: &Steps<'_>,
) -> Result<(Vec<f64>, Forest)> {
    let mut boosted = boost(&Logistic, binning, bins, task, params, &|_| steps.tell(0, "growing trees"))?;
    let valid_raw = std::mem::take(&mut boosted.valid_raw);
    Ok((valid_raw, boosted.into_forest(bins.n_columns())))
}

/// Weighs and calibrates the members on their out-of-fold log-odds; keeps those that help.
fn put_together(
    features: &Features,
    data: &Data<'_>,
    fitted: Vec<Fitted>,
) -> Result<(BlendClassifier, OutOfFold)> {
    let (said, parts): (Vec<Vec<f64>>, Vec<(&str, Part)>) =
        fitted.into_iter().map(|member| (member.out_of_fold, (member.name, member.part))).unzip();
    let weights = stack_weights(&said, data.y, data.weights);
    let raw: Vec<f64> = (0..data.n_rows())
        .map(|row| weights.iter().zip(&said).map(|(weight, member)| weight * member[row]).sum())
        .collect();
    let calibration = BetaCalibration::fit(&raw, data.y, data.weights)?;
    let mut blend = BlendClassifier::empty(features.clone(), calibration);
    blend.uncertainty = Some(Uncertainty::fit(&calibration, &raw, data.weights, data.n_accounts));
    for ((weight, said), (name, part)) in weights.into_iter().zip(&said).zip(parts) {
        let member = Member { name: name.into(), weight, log_loss: data.log_loss(said)? };
        blend.add(member, part);
    }
    let log_odds = raw.into_iter().map(|raw| calibration.apply(raw)).collect();
    Ok((blend, OutOfFold { log_odds, unseen: true }))
}

/// With a class of one row or account nothing can be left out: one strongly held logistic regression, uncalibrated.
fn fit_without_folds(features: &Features, data: &Data<'_>) -> Result<(BlendClassifier, OutOfFold)> {
    let design = Design::fit(data.names, data.columns, data.weights, 0)?;
    let matrix = design.matrix(data.columns, data.n_rows());
    let scorer = fit_scorer(&design, &matrix, data, FALLBACK_C, &SETTINGS)?;
    let said = scorer.log_odds(data.columns, data.n_rows());
    let mut blend = BlendClassifier::empty(features.clone(), BetaCalibration::identity());
    let member = Member { name: "logistic".into(), weight: 1.0, log_loss: data.log_loss(&said)? };
    blend.add(member, Part::Linear(scorer));
    Ok((blend, OutOfFold { log_odds: said, unseen: false }))
}

impl BlendClassifier {
    fn empty(features: Features, calibration: BetaCalibration) -> Self {
        BlendClassifier {
            features,
            linear: Vec::new(),
            forest: None,
            calibration,
            uncertainty: None,
            members: Vec::new(),
        }
    }

    fn add(&mut self, member: Member, part: Part) {
        let weight = member.weight;
        self.members.push(member);
        match part {
            _ if weight == 0.0 => {}
            Part::Linear(scorer) => self.linear.push((weight, scorer)),
            Part::Trees(forests) => {
                let scale = weight / forests.len() as f64;
                self.forest = Some(Forest::concat(forests, self.features.names().len(), scale));
            }
        }
    }
}
