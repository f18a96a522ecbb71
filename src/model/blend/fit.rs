//! Fitting a blend: every member on every fold, side by side; then weights, calibration, and the members for good.

use rayon::prelude::*;

use super::effort::TreeKind;
use super::{BlendClassifier, BlendPart, Member, ValidBlendParams, scarcity};
use crate::error::{ErrorKind, Result};
use crate::frame::{self, Leak, Table, TableView};
use crate::metric;
use crate::model::gradient_trees::{BoostParams, BoostTask, boost};
use crate::model::interval::Uncertainty;
use crate::model::logistic::{
    DEFAULT_CS, DEFAULT_KNOTS, Design, DesignMatrix, FOLD_TOL, PathStep, Scorer, SolverSettings, path,
    path_past_best,
};
use crate::model::loss::Logistic;
use crate::model::stack::stack_weights;
use crate::model::training::{
    FoldRows, Steps, check_training, directions, grouped_folds, rows_that_weigh, stratified_folds,
    with_threads,
};
use crate::model::{BetaCalibration, EncodedColumn, Features, OnProgress, sigmoid};
use crate::tree::{Binning, Bins, Forest, Rows};

/// Accuracy of a logistic member on its way.
const SETTINGS: SolverSettings<'_> = SolverSettings::new(200, FOLD_TOL);
/// The warning of [`fit_without_folds`].
const NOTHING_LEFT_OUT: &str = "one class has a single row or account, so none could be left out: how well the model \
     predicts is not known";
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
    let deals = deals(params, |seed| stratified_folds(y, params.n_folds, seed))?;
    let (mut blend, _) = fit_rows(params, table, y, weights, y.len(), deals, on_progress)?;
    blend.warnings.extend(leaks_told(table, y, &frame::some_rows(y.len()), frame::leaks));
    Ok(blend)
}

/// The columns that seem to know the label, in words; nothing where a class has too few rows to tell.
fn leaks_told(
    table: &TableView<'_>,
    y: &[bool],
    rows: &[usize],
    find: impl Fn(&Table, &[Option<bool>], &str) -> Result<Vec<Leak>>,
) -> Vec<String> {
    let label: Vec<Option<bool>> = rows.iter().map(|&row| Some(y[row])).collect();
    let found = find(&table.take(rows), &label, "y").unwrap_or_default();
    found.into_iter().map(|leak| leak.to_string()).collect()
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
    let deals = deals(params, |seed| grouped_folds(ids, y, params.n_folds, seed))?;
    fit_rows(params, table, y, None, n_distinct(ids), deals, on_progress)
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
    let deals = deals(params, |seed| grouped_folds(groups, y, params.n_folds, seed))?;
    let (mut blend, _) = fit_rows(params, table, y, weights, n_distinct(groups), deals, on_progress)?;
    let rows = frame::some_accounts(groups);
    blend.warnings.extend(leaks_told(table, y, &rows, frame::leaks_among_groups));
    Ok(blend)
}

fn n_distinct(ids: &[String]) -> usize {
    ids.iter().collect::<std::collections::HashSet<_>>().len()
}

/// The rows dealt into folds as often as the effort has it; none where there is nothing that can be left out.
fn deals(
    params: &ValidBlendParams,
    deal: impl Fn(u64) -> Result<Option<Vec<FoldRows>>>,
) -> Result<Option<Vec<Folds>>> {
    // Far apart, so that seeds next to each other share no deal.
    let seed = |at: usize| params.random_state.wrapping_add((at as u64) << 32);
    let rows: Vec<Option<Vec<FoldRows>>> =
        (0..params.effort.n_deals()).map(|at| deal(seed(at))).collect::<Result<_>>()?;
    Ok(rows.into_iter().map(|rows| rows.map(|rows| Folds { rows })).collect())
}

/// Fits to rows that all weigh something; without folds where there is nothing that can be left out.
fn fit_rows(
    params: &ValidBlendParams,
    table: &TableView<'_>,
    y: &[bool],
    weights: Option<&[f64]>,
    n_accounts: usize,
    deals: Option<Vec<Folds>>,
    on_progress: OnProgress<'_>,
) -> Result<(BlendClassifier, OutOfFold)> {
    let monotonic = directions(table, &params.monotonic)?;
    let features = Features::of(table);
    let columns = features.encode(table)?;
    let data =
        Data { names: features.names(), columns: &columns, monotonic: &monotonic, y, weights, n_accounts };
    with_threads(params.n_jobs, |_| match deals {
        Some(deals) => fit_by_folds(params, &features, &data, &deals, on_progress),
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
    /// A forest a fold.
    Trees(Vec<Forest>),
}

fn fit_by_folds(
    params: &ValidBlendParams,
    features: &Features,
    data: &Data<'_>,
    deals: &[Folds],
    on_progress: OnProgress<'_>,
) -> Result<(BlendClassifier, OutOfFold)> {
    let (members, kinds) = (linear_members(data, params), params.tree_kinds());
    let of_linear = deals[0].len() * DEFAULT_CS.len() + 1;
    let n_forests = kinds.len() * deals.iter().map(Folds::len).sum::<usize>();
    let steps = Steps::new(members.len() * of_linear + n_forests + 1, on_progress);
    let binned = Binned::of(data);
    let (trees, linear) = rayon::join(
        || fit_trees(params, data, &binned, deals, &kinds, &steps),
        || {
            let fit =
                |&(name, knots): &(&'static str, usize)| fit_linear(name, knots, data, &deals[0], &steps);
            members.iter().map(fit).collect::<Result<Vec<Fitted>>>()
        },
    );
    let mut fitted = linear?;
    // The first kind of trees is weighed with the logistic members; the others have to earn their place.
    let n_basic = fitted.len() + kinds.iter().filter(|kind| kind.part.is_basic()).count();
    fitted.extend(trees?);
    let blend = put_together(params, features, data, fitted, n_basic)?;
    steps.finish("weighing and calibrating")?;
    Ok(blend)
}

/// Name and knots of the logistic members. Where a table is so wide that the pieces outnumber its rows they can only
/// be guessed at, for most of the training's time, so there is the straight member alone.
fn linear_members(data: &Data<'_>, params: &ValidBlendParams) -> Vec<(&'static str, usize)> {
    let n_numbers = data.columns.iter().filter(|column| matches!(column, EncodedColumn::Number(_))).count();
    let too_wide = n_numbers * DEFAULT_KNOTS > params.effort.most_pieces().min(data.n_rows());
    let members = [(BlendPart::Logistic, 0), (BlendPart::PiecewiseLogistic, DEFAULT_KNOTS)];
    let is_tried = |&(part, knots): &(BlendPart, usize)| params.tries(part) && !(knots > 0 && too_wide);
    members.into_iter().filter(is_tried).map(|(part, knots)| (part.name(), knots)).collect()
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
    let of_fold = |(train, valid): &FoldRows| {
        path_past_best(&matrix, data.y, data.weights, train, valid, &DEFAULT_CS, &settings)
    };
    let paths: Vec<Vec<PathStep>> = folds.rows.par_iter().map(of_fold).collect::<Result<_>>()?;
    let (at, mut out_of_fold) = best_strength(data, folds, &paths)?;
    if data.monotonic.iter().any(|&direction| direction != 0) {
        out_of_fold = held_out_of_fold(&design, data, folds, paths.iter().map(|path| &path[at]));
    }
    let scorer = fit_scorer(&design, &matrix, data, DEFAULT_CS[at], &settings)?;
    Ok(Fitted { name, out_of_fold, part: Part::Linear(scorer) })
}

/// The strength with the least out-of-fold log loss, of those that every fold tried, and what it said.
fn best_strength(data: &Data<'_>, folds: &Folds, paths: &[Vec<PathStep>]) -> Result<(usize, Vec<f64>)> {
    let mut best: Option<(f64, usize, Vec<f64>)> = None;
    let n_tried = paths.iter().map(Vec::len).min().unwrap_or(0);
    for (at, _) in DEFAULT_CS.iter().enumerate().take(n_tried) {
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

/// The columns as bins.
struct Binned {
    binning: Binning,
    bins: Bins,
}

impl Binned {
    fn of(data: &Data<'_>) -> Self {
        let views = super::views(data.columns);
        let binning = Binning::fit(&views, crate::tree::MAX_BINS);
        let bins = binning.bin(&views);
        Binned { binning, bins }
    }
}

/// Every kind of trees, a forest for each fold of each deal.
fn fit_trees(
    params: &ValidBlendParams,
    data: &Data<'_>,
    binned: &Binned,
    deals: &[Folds],
    kinds: &[TreeKind],
    steps: &Steps<'_>,
) -> Result<Vec<Fitted>> {
    let fit = |kind: &TreeKind| {
        let params = kind.boost_params(params.effort, data.monotonic);
        let grow = |(train, valid): &FoldRows| {
            let train = Rows::Listed(train);
            let task = BoostTask { y: data.y, weights: data.weights, train, valid };
            let grown = grow_forest(binned, &task, &params, steps)?;
            steps.finish("growing trees")?;
            Ok(grown)
        };
        let of_deal = |folds: &Folds| folds.rows.par_iter().map(grow).collect::<Result<Vec<Grown>>>();
        let grown: Vec<Vec<Grown>> = deals.par_iter().map(of_deal).collect::<Result<_>>()?;
        let out_of_fold = mean_out_of_fold(data, deals, &grown);
        let forests = grown.into_iter().flatten().map(|(_, forest)| forest).collect();
        Ok(Fitted { name: kind.part.name(), out_of_fold, part: Part::Trees(forests) })
    };
    kinds.par_iter().map(fit).collect()
}

/// What a forest said of the rows left out, and the forest.
type Grown = (Vec<f64>, Forest);

/// What the deals said of each row when it was left out, in the mean.
fn mean_out_of_fold(data: &Data<'_>, deals: &[Folds], grown: &[Vec<Grown>]) -> Vec<f64> {
    let mut mean = vec![0.0; data.n_rows()];
    for (folds, grown) in deals.iter().zip(grown) {
        let said = folds.gather(data.n_rows(), |fold| &grown[fold].0);
        mean.iter_mut().zip(said).for_each(|(mean, said)| *mean += said / deals.len() as f64);
    }
    mean
}

fn grow_forest(
    binned: &Binned,
    task: &BoostTask<'_, bool>,
    params: &BoostParams,
    steps: &Steps<'_>,
) -> Result<Grown> {
    let Binned { binning, bins } = binned;
    let mut boosted = boost(&Logistic, binning, bins, task, params, &|_| steps.tell(0, "growing trees"))?;
    let valid_raw = std::mem::take(&mut boosted.valid_raw);
    Ok((valid_raw, boosted.into_forest(bins.n_columns())))
}

/// Weighs and calibrates the members on their out-of-fold log-odds; keeps those that help.
fn put_together(
    params: &ValidBlendParams,
    features: &Features,
    data: &Data<'_>,
    fitted: Vec<Fitted>,
    n_basic: usize,
) -> Result<(BlendClassifier, OutOfFold)> {
    let (said, parts): (Vec<Vec<f64>>, Vec<(&str, Part)>) =
        fitted.into_iter().map(|member| (member.out_of_fold, (member.name, member.part))).unzip();
    let weights = match params.tries(BlendPart::Weights) {
        true => stack_weights(&said, n_basic, data.y, data.weights),
        false => vec![1.0 / said.len() as f64; said.len()],
    };
    let raw: Vec<f64> = (0..data.n_rows())
        .map(|row| weights.iter().zip(&said).map(|(weight, member)| weight * member[row]).sum())
        .collect();
    let warning = scarcity::warning(data.y, data.weights);
    let calibration = match warning.is_none() && params.tries(BlendPart::Calibration) {
        true => BetaCalibration::fit(&raw, data.y, data.weights)?,
        false => BetaCalibration::identity(),
    };
    let mut blend = BlendClassifier::empty(features.clone(), calibration);
    blend.warnings.extend(warning);
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
    blend.warnings.extend(scarcity::warning(data.y, data.weights));
    blend.warnings.push(NOTHING_LEFT_OUT.into());
    let name = BlendPart::Logistic.name().into();
    blend.add(Member { name, weight: 1.0, log_loss: data.log_loss(&said)? }, Part::Linear(scorer));
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
            warnings: Vec::new(),
        }
    }

    fn add(&mut self, member: Member, part: Part) {
        let weight = member.weight;
        self.members.push(member);
        match part {
            _ if weight == 0.0 => {}
            Part::Linear(scorer) => self.linear.push((weight, scorer)),
            Part::Trees(forests) => self.add_forests(weight, forests),
        }
    }

    /// The mean of forests, by weight.
    fn add_forests(&mut self, weight: f64, forests: Vec<Forest>) {
        let (scale, n_columns) = (weight / forests.len() as f64, self.features.names().len());
        let member = Forest::concat(forests, n_columns, scale);
        self.forest = Some(Forest::concat(self.forest.take().into_iter().chain([member]), n_columns, 1.0));
    }
}
