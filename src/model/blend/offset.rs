//! Trees that start from an honest logistic offset: what a logistic regression says of rows that it has not seen.

use rayon::prelude::*;

use super::BlendPart;
use super::fit::{Binned, Data, Fitted, Folds, Grown, Part, SETTINGS, grow_forest, mean_out_of_fold};
use crate::error::Result;
use crate::model::gradient_trees::{BoostParams, BoostTask};
use crate::model::logistic::{Design, DesignMatrix, Scorer, path};
use crate::model::training::Steps;

/// The logistic member to start from.
pub(super) struct Start<'a> {
    pub(super) scorer: &'a Scorer,
    pub(super) knots: usize,
    pub(super) c: f64,
    pub(super) out_of_fold: &'a [f64],
}

/// Whether the rows that are left when two folds are out have both classes.
pub(super) fn is_possible(data: &Data<'_>, folds: &Folds) -> bool {
    let weighs = |row: usize| data.weights.is_none_or(|weights| weights[row] > 0.0);
    let count = |rows: &[u32], class: bool| {
        rows.iter().filter(|&&row| data.y[row as usize] == class && weighs(row as usize)).count()
    };
    [false, true].into_iter().all(|class| {
        let mut of_fold: Vec<usize> = folds.rows.iter().map(|(_, valid)| count(valid, class)).collect();
        of_fold.sort_unstable_by(|a, b| b.cmp(a));
        of_fold.iter().skip(2).sum::<usize>() > 0
    })
}

/// A forest a fold, grown from the offset and stopped on the rows left out.
pub(super) fn fit_offset_trees(
    data: &Data<'_>,
    binned: &Binned,
    folds: &Folds,
    start: &Start<'_>,
    params: &BoostParams,
    steps: &Steps<'_>,
) -> Result<Fitted> {
    let offsets = honest_offsets(data, folds, start)?;
    let grow = |fold: usize| {
        let (train, valid) = &folds.rows[fold];
        let offset = Some(offsets[fold].as_slice());
        let task = BoostTask { y: &binned.y, weights: data.weights, offset, train, valid };
        let grown = grow_forest(binned, &task, params, steps)?;
        steps.finish("growing trees")?;
        Ok(grown)
    };
    let grown: Vec<Grown> = (0..folds.len()).into_par_iter().map(grow).collect::<Result<_>>()?;
    let grown = [grown];
    let out_of_fold = mean_out_of_fold(data, std::slice::from_ref(folds), &grown);
    let forests = grown.into_iter().flatten().map(|(_, forest)| forest).collect();
    let part = Part::Offset(start.scorer.clone(), forests);
    Ok(Fitted { name: BlendPart::OffsetTrees.name(), out_of_fold, part })
}

/// The offsets of all rows, `n` for each fold that is left out: a row of another fold is scored by a fit that had
/// neither fold, so that what the trees start from is as good on the rows they learn from as on new ones.
fn honest_offsets(data: &Data<'_>, folds: &Folds, start: &Start<'_>) -> Result<Vec<Vec<f64>>> {
    let design = Design::fit(data.names, data.columns, data.weights, start.knots)?;
    let matrix = design.matrix(data.columns, data.n_rows());
    let pairs: Vec<(usize, usize)> = (0..folds.len()).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    let without = |&(a, b): &(usize, usize)| without(data, folds, [a, b], start, &design, &matrix);
    let said: Vec<Vec<f64>> = pairs.par_iter().map(without).collect::<Result<_>>()?;
    let mut offsets = vec![start.out_of_fold.to_vec(); folds.len()];
    for (&(a, b), said) in pairs.iter().zip(&said) {
        let (of_a, of_b) = (&folds.rows[a].1, &folds.rows[b].1);
        of_b.iter().zip(&said[of_a.len()..]).for_each(|(&row, &said)| offsets[a][row as usize] = said);
        of_a.iter().zip(said).for_each(|(&row, &said)| offsets[b][row as usize] = said);
    }
    Ok(offsets)
}

/// What a fit to all rows but those of two folds says of them: the first fold's, then the second's.
fn without(
    data: &Data<'_>,
    folds: &Folds,
    out: [usize; 2],
    start: &Start<'_>,
    design: &Design,
    matrix: &DesignMatrix,
) -> Result<Vec<f64>> {
    let left_out = out.map(|fold| folds.rows[fold].1.as_slice()).concat();
    let mut is_out = vec![false; data.n_rows()];
    left_out.iter().for_each(|&row| is_out[row as usize] = true);
    let train: Vec<u32> = (0..data.n_rows() as u32).filter(|&row| !is_out[row as usize]).collect();
    let solution = path(matrix, data.y, data.weights, &train, &left_out, &[start.c], &SETTINGS)?.remove(0);
    if data.monotonic.iter().all(|&direction| direction == 0) {
        return Ok(solution.valid_log_odds);
    }
    let scorer = design.scorer(&solution.coefs, solution.intercept).hold(data.monotonic);
    let said = scorer.log_odds(data.columns, data.n_rows());
    Ok(left_out.iter().map(|&row| said[row as usize]).collect())
}
