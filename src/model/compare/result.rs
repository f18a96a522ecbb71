//! What a comparison found: means of the metrics, and by how much each model is behind the best.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::split::Splits;
use super::{CompareParams, Data, Told};
use crate::error::Result;
use crate::metric;
use crate::random::SplitMix64;

/// Resamples of accounts behind the intervals of a split by time.
const N_RESAMPLES: usize = 200;

/// Models side by side, the least log loss first. `Display` gives the table.
///
/// ```
/// use keepwell::frame::{Column, Table};
/// use keepwell::model::Comparison;
///
/// let logins = (0..120).map(|row| f64::from(row % 30)).collect();
/// let table = Table::new(120, [("logins".to_string(), Column::Number(logins))])?;
/// let churned: Vec<bool> = (0..120).map(|row| row % 30 < 8 || row % 11 == 0).collect();
///
/// let params = Comparison::params().n_repeats(1).only(&["logistic", "linfa logistic", "base rate"]);
/// let comparison = params.table(&table, &churned, None, None)?;
/// assert_eq!(comparison.models[2].name, "base rate");
/// assert!(comparison.models[2].auc.behind > 0.2);
/// println!("{comparison}");
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Labelled rows.
    pub n_rows: usize,
    /// Those to whom it happened.
    pub n_positive: usize,
    /// Accounts that the rows are of.
    pub n_accounts: usize,
    /// How rows were left out: "3 × 5 folds", "by time, tested from 2026-01-01".
    pub splits: String,
    /// The models, the least mean log loss first.
    pub models: Vec<Compared>,
    /// Models that refused the rows of a split.
    pub failed: Vec<Failure>,
}

/// One model of a [`Comparison`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Area under the ROC curve.
    pub auc: Measure,
    /// Average precision.
    pub average_precision: Measure,
    /// Mean log loss in nats; less is better.
    pub log_loss: Measure,
    /// Brier score; less is better.
    pub brier: Measure,
    /// Calibration error, ten bins of equal size, of all rows left out in a repeat or by a cut; less is better.
    pub calibration_error: Measure,
    /// How many times as many positives as usual are in the top tenth.
    pub lift_top_tenth: Measure,
    /// Mean seconds by the clock to fit once.
    pub fit_seconds: f64,
    /// Mean microseconds by the clock to score a row.
    pub score_micros: f64,
}

/// A metric of a model, and how far it is from the best model by that metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Mean over the splits.
    pub mean: f64,
    /// How much worse than the best model's mean, in the metric's unit: 0 for the best, else above 0.
    pub behind: f64,
    /// Standard error of `behind`; `None` for the best itself, and for the calibration error by folds.
    ///
    /// By folds from the paired differences of the folds, whose train sides overlap: variance × (1/n + test/train)
    /// (Nadeau & Bengio 2003, eq. 6). By time from 200 resamples of accounts, each drawn with all its rows.
    pub standard_error: Option<f64>,
    /// 95 % interval of `behind`: by Student's t with a degree of freedom less than folds; by the normal, by time.
    pub interval: Option<[f64; 2]>,
}

/// A model that could not be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Its name.
    pub name: String,
    /// What it refused.
    pub problem: String,
}

/// The metrics in their order within [`Values`]; whether more is better.
const MORE_IS_BETTER: [bool; 6] = [true, true, false, false, false, true];
const LOG_LOSS: usize = 2;
const CALIBRATION_ERROR: usize = 4;

/// One value a metric.
type Values = [f64; 6];

fn values(y: &[bool], p: &[f64], weights: Option<&[f64]>) -> Result<Values> {
    Ok([
        metric::roc_auc(y, p, weights)?,
        metric::average_precision(y, p, weights)?,
        metric::log_loss(y, p, weights)?,
        metric::brier(y, p, weights)?,
        metric::calibration_error(y, p, metric::DEFAULT_CALIBRATION_BINS, weights)?,
        metric::lift_at(y, p, metric::DEFAULT_LIFT_SHARE, weights)?,
    ])
}

impl Comparison {
    /// Default settings: three times five folds, all models.
    pub fn params() -> CompareParams {
        CompareParams::default()
    }

    pub(super) fn of(
        data: &Data<'_>,
        splits: &Splits,
        tried: Vec<(String, Vec<Told>)>,
        failed: Vec<Failure>,
        random_state: u64,
    ) -> Result<Self> {
        let by_split =
            tried.iter().map(|(_, told)| by_split(data, splits, told)).collect::<Result<Vec<_>>>()?;
        let means: Vec<Values> = by_split.iter().map(|values| mean(values)).collect();
        let best: [usize; 6] = std::array::from_fn(|metric| best(&means, metric));
        let errors = if splits.are_folds {
            errors_by_folds(&by_split, &best, splits)
        } else {
            errors_by_accounts(data, splits, &tried, &best, random_state)?
        };
        let t = if splits.are_folds { student_975(splits.all.len() - 1) } else { 1.96 };
        let measure = |model: usize, metric: usize| {
            let sign = if MORE_IS_BETTER[metric] { 1.0 } else { -1.0 };
            let behind = sign * (means[best[metric]][metric] - means[model][metric]);
            let standard_error = errors[model][metric].filter(|_| model != best[metric]);
            let interval = standard_error.map(|error| [behind - t * error, behind + t * error]);
            Measure { mean: means[model][metric], behind: behind.max(0.0), standard_error, interval }
        };
        let compared = |(at, (name, told)): (usize, &(String, Vec<Told>))| Compared {
            name: name.clone(),
            auc: measure(at, 0),
            average_precision: measure(at, 1),
            log_loss: measure(at, LOG_LOSS),
            brier: measure(at, 3),
            calibration_error: measure(at, CALIBRATION_ERROR),
            lift_top_tenth: measure(at, 5),
            fit_seconds: told.iter().map(|told| told.fit_seconds).sum::<f64>() / told.len() as f64,
            score_micros: 1e6 * told.iter().map(|told| told.score_seconds).sum::<f64>()
                / told.iter().map(|told| told.p.len()).sum::<usize>() as f64,
        };
        let mut models: Vec<Compared> = tried.iter().enumerate().map(compared).collect();
        models.sort_by(|a, b| a.log_loss.mean.total_cmp(&b.log_loss.mean));
        Ok(Comparison {
            n_rows: data.y.len(),
            n_positive: data.y.iter().filter(|&&y| y).count(),
            n_accounts: data.n_accounts(),
            splits: splits.how.clone(),
            models,
            failed,
        })
    }
}

/// The metrics of a model on each split. By folds the calibration error is that of the whole repeat: of a fold alone it
/// would be mostly chance.
fn by_split(data: &Data<'_>, splits: &Splits, told: &[Told]) -> Result<Vec<Values>> {
    let mut found = Vec::with_capacity(told.len());
    for (split, told) in splits.all.iter().zip(told) {
        found.push(values(&split.labels(&split.test, data.y), &told.p, None)?);
    }
    if splits.are_folds {
        for round in 0..=splits.all.last().map_or(0, |split| split.round) {
            let of_round = || splits.all.iter().zip(told).filter(|(split, _)| split.round == round);
            let y: Vec<bool> = of_round().flat_map(|(split, _)| split.labels(&split.test, data.y)).collect();
            let p: Vec<f64> = of_round().flat_map(|(_, told)| told.p.iter().copied()).collect();
            let error = metric::calibration_error(&y, &p, metric::DEFAULT_CALIBRATION_BINS, None)?;
            let rows = splits.all.iter().zip(&mut found).filter(|(split, _)| split.round == round);
            rows.for_each(|(_, values)| values[CALIBRATION_ERROR] = error);
        }
    }
    Ok(found)
}

fn mean(values: &[Values]) -> Values {
    std::array::from_fn(|metric| values.iter().map(|value| value[metric]).sum::<f64>() / values.len() as f64)
}

fn best(means: &[Values], metric: usize) -> usize {
    let better = |a: &usize, b: &usize| {
        let order = means[*a][metric].total_cmp(&means[*b][metric]);
        if MORE_IS_BETTER[metric] { order.reverse() } else { order }
    };
    (0..means.len()).min_by(better).unwrap_or(0)
}

/// Standard errors of the differences to the best, one a model and metric.
type Errors = Vec<[Option<f64>; 6]>;

fn errors_by_folds(by_split: &[Vec<Values>], best: &[usize; 6], splits: &Splits) -> Errors {
    let n = splits.all.len() as f64;
    let share = |split: &super::split::Split| split.test.len() as f64 / split.train.len() as f64;
    let test_over_train = splits.all.iter().map(share).sum::<f64>() / n;
    let error = |model: &Vec<Values>, metric: usize| {
        let pairs = by_split[best[metric]].iter().zip(model);
        let differences: Vec<f64> = pairs.map(|(best, other)| best[metric] - other[metric]).collect();
        (metric != CALIBRATION_ERROR).then(|| (variance(&differences) * (1.0 / n + test_over_train)).sqrt())
    };
    by_split.iter().map(|model| std::array::from_fn(|metric| error(model, metric))).collect()
}

/// By resampling accounts with all their rows, the same resample for every model and cut. A resample with one class on a
/// test side is drawn again.
fn errors_by_accounts(
    data: &Data<'_>,
    splits: &Splits,
    tried: &[(String, Vec<Told>)],
    best: &[usize; 6],
    random_state: u64,
) -> Result<Errors> {
    let mut random = SplitMix64(random_state ^ 0x5EED_C0DE);
    let n_accounts = data.n_accounts();
    let mut resampled: Vec<Vec<Values>> = vec![Vec::new(); tried.len()];
    // A class of one account is missing from a third of all resamples; of the tries a fifth is enough.
    for _ in 0..5 * N_RESAMPLES {
        let mut counts = vec![0.0; n_accounts];
        (0..n_accounts).for_each(|_| counts[random.below(n_accounts)] += 1.0);
        let drawn = |model: &(String, Vec<Told>)| {
            let on = |(split, told): (&super::split::Split, &Told)| {
                let weights: Vec<f64> =
                    split.test.iter().map(|&row| counts[data.account_of_row[row]]).collect();
                values(&split.labels(&split.test, data.y), &told.p, Some(&weights))
            };
            let of_cuts = splits.all.iter().zip(&model.1).map(on).collect::<Result<Vec<_>>>()?;
            Ok::<_, crate::Error>(mean(&of_cuts))
        };
        // One class, or no row at all: nothing can be said of this resample.
        if let Ok(drawn) = tried.iter().map(drawn).collect::<Result<Vec<Values>>>() {
            resampled.iter_mut().zip(drawn).for_each(|(all, values)| all.push(values));
        }
        if resampled.first().is_some_and(|all| all.len() == N_RESAMPLES) {
            break;
        }
    }
    let error = |model: &Vec<Values>, metric: usize| {
        let pairs = resampled[best[metric]].iter().zip(model);
        let differences: Vec<f64> = pairs.map(|(best, other)| best[metric] - other[metric]).collect();
        (differences.len() >= N_RESAMPLES / 2).then(|| variance(&differences).sqrt())
    };
    Ok(resampled.iter().map(|model| std::array::from_fn(|metric| error(model, metric))).collect())
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len().max(2) - 1) as f64
}

/// The 97.5 % point of Student's t: by table to four degrees of freedom, then by its expansion around the normal
/// (Abramowitz & Stegun 26.7.5), right to .01.
fn student_975(degrees: usize) -> f64 {
    const FIRST: [f64; 5] = [f64::INFINITY, 12.706, 4.303, 3.182, 2.776];
    const Z: f64 = 1.959_963_985;
    if let Some(t) = FIRST.get(degrees) {
        return *t;
    }
    let (z3, z5, z7, v) = (Z.powi(3), Z.powi(5), Z.powi(7), degrees as f64);
    Z + (z3 + Z) / (4.0 * v)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * v.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / (384.0 * v.powi(3))
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = if self.n_accounts < self.n_rows {
            format!(" of {} accounts", self.n_accounts)
        } else {
            String::new()
        };
        writeln!(f, "{} rows{accounts}, {} positive; {}", self.n_rows, self.n_positive, self.splits)?;
        let width = self.models.iter().map(|model| model.name.chars().count()).max().unwrap_or(0).max(5);
        writeln!(
            f,
            "{:<width$} {:>7}{:<18} {:>9}{:<18} {:>7} {:>7} {:>9} {:>6} {:>8} {:>9}",
            "model", "AUC", "", "log loss", "", "AP", "Brier", "cal. err", "lift", "fit s", "µs a row"
        )?;
        for model in &self.models {
            writeln!(
                f,
                "{:<width$} {:>7.4}{:<18} {:>9.4}{:<18} {:>7.4} {:>7.4} {:>9.4} {:>6.2} {:>8.2} {:>9.2}",
                model.name,
                model.auc.mean,
                model.auc.behind_text(true),
                model.log_loss.mean,
                model.log_loss.behind_text(false),
                model.average_precision.mean,
                model.brier.mean,
                model.calibration_error.mean,
                model.lift_top_tenth.mean,
                model.fit_seconds,
                model.score_micros,
            )?;
        }
        for failure in &self.failed {
            writeln!(f, "{} could not be compared: {}", failure.name, failure.problem)?;
        }
        write!(f, "In brackets the difference to the best, with half of its 95 % interval.")
    }
}

impl Measure {
    /// " (-.0061 ± .0040)", " (best)".
    fn behind_text(&self, more_is_better: bool) -> String {
        let sign = if more_is_better { "-" } else { "+" };
        let short = |value: f64| format!("{value:.4}").replacen("0.", ".", 1);
        match self.interval {
            _ if self.behind == 0.0 => " (best)".into(),
            Some([_, high]) if high.is_finite() => {
                format!(" ({sign}{} ± {})", short(self.behind), short(high - self.behind))
            }
            _ => format!(" ({sign}{})", short(self.behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (degrees, t) in [(1, 12.706), (4, 2.776), (5, 2.571), (9, 2.262), (14, 2.145), (100, 1.984)] {
            assert!((student_975(degrees) - t).abs() < 0.01, "{degrees}: {}", student_975(degrees));
        }
    }
}
