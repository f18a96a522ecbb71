//! Uplift: does an order of accounts put those first whom an action changes most?
//!
//! Rows go by falling estimated effect, rows of equal effect together. After the first `k` rows, of which `Nt` were
//! treated and `Nc` not, with `Yt` and `Yc` positive outcomes among them:
//!
//! > uplift `U(k) = k (Yt / Nt − Yc / Nc)`, Qini `Q(k) = Yt − Yc Nt / Nc` (Radcliffe 2007)
//!
//! a share without rows counting as 0. The area between a curve and the straight line to its end is
//! `A(F) = ∫F dk − N F(N) / 2`, by trapezoids. Meaningful where the action was given at random.

use super::bootstrap::{Resampling, percentiles};
use super::check;
use crate::error::{ErrorKind, Result};

/// A point of the uplift and Qini curves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UpliftPoint {
    /// Rows taken so far, `k`.
    pub n_rows: f64,
    /// `U(k)`: positive outcomes that treating all `k` would add, against treating none of them.
    pub uplift: f64,
    /// `Q(k)`: positive outcomes that the treated among the `k` had beyond what they would have had anyway.
    pub qini: f64,
}

/// An estimate and the interval that it lies in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// From the rows as they are.
    pub value: f64,
    /// Low end.
    pub low: f64,
    /// High end.
    pub high: f64,
    /// Standard error.
    pub standard_error: f64,
}

/// The uplift and Qini curves: `y` the outcome, `effects` the estimated effect, `treated` whether the row was, all `n`
/// long. Begins at no rows; one point more for each distinct effect.
///
/// # Errors
/// Lengths that differ, a NaN effect, no treated row or none that was not.
pub fn uplift_curve(y: &[bool], effects: &[f64], treated: &[bool]) -> Result<Vec<UpliftPoint>> {
    let ranking = Ranking::new(y, effects, treated)?;
    let groups = ranking.groups(None);
    Ok(points(&groups).collect())
}

/// The Qini coefficient: `A(Q) / A(Q*)`, `Q*` being the curve that puts treated positives first and untreated
/// positives last. 0 is no better than a random order, 1 the best there is. Equal to scikit-uplift's `qini_auc_score`.
///
/// # Errors
/// As [`uplift_curve`], and [`ErrorKind::OneClass`] where all outcomes are the same.
///
/// ```
/// use keepwell::metric::qini_coefficient;
///
/// let y = [true, false, true, false, true, false];
/// let treated = [true, false, true, true, false, false];
/// let effects = [0.3, 0.3, 0.2, 0.1, 0.1, 0.0];
/// assert!((qini_coefficient(&y, &effects, &treated)? - 11.0 / 26.0).abs() < 1e-12);
/// # Ok::<(), keepwell::Error>(())
/// ```
pub fn qini_coefficient(y: &[bool], effects: &[f64], treated: &[bool]) -> Result<f64> {
    let ranking = Ranking::new(y, effects, treated)?;
    check::both_classes(y, None)?;
    ranking.qini(None).ok_or_else(no_room)
}

/// The area between the uplift curve and a random order's, `A(U) / N²`: not normalised, in shares of positive
/// outcomes a row.
///
/// # Errors
/// As [`uplift_curve`].
pub fn uplift_area(y: &[bool], effects: &[f64], treated: &[bool]) -> Result<f64> {
    Ok(Ranking::new(y, effects, treated)?.uplift_area(None))
}

/// [`qini_coefficient`] with the interval that holds `confidence` of its values over `n_resamples` bootstrap samples of
/// the rows (Efron's percentiles), the effects taken as they are.
///
/// # Errors
/// As [`qini_coefficient`]; a confidence outside (0, 1), fewer than 2 resamples.
pub fn qini_interval(
    y: &[bool],
    effects: &[f64],
    treated: &[bool],
    confidence: f64,
    n_resamples: usize,
    random_state: u64,
) -> Result<Estimate> {
    check::confidence(confidence, n_resamples)?;
    let value = qini_coefficient(y, effects, treated)?;
    let ranking = Ranking::new(y, effects, treated)?;
    let resampling = Resampling::new(y.len(), n_resamples, random_state);
    let values = resampling.map(|counts| ranking.qini(Some(counts)));
    Ok(percentiles(value, values.into_iter().flatten().collect(), confidence))
}

/// [`uplift_area`] with its interval, as [`qini_interval`].
///
/// # Errors
/// As [`uplift_area`]; a confidence outside (0, 1), fewer than 2 resamples.
pub fn uplift_area_interval(
    y: &[bool],
    effects: &[f64],
    treated: &[bool],
    confidence: f64,
    n_resamples: usize,
    random_state: u64,
) -> Result<Estimate> {
    check::confidence(confidence, n_resamples)?;
    let ranking = Ranking::new(y, effects, treated)?;
    let resampling = Resampling::new(y.len(), n_resamples, random_state);
    let values = resampling.map(|counts| ranking.uplift_area(Some(counts)));
    Ok(percentiles(ranking.uplift_area(None), values, confidence))
}

fn no_room() -> crate::Error {
    let what = "outcomes that an order could put first or last".into();
    ErrorKind::TooFew { what, found: 0, needed: 1 }.into()
}

/// Rows by falling effect.
struct Ranking<'a> {
    y: &'a [bool],
    treated: &'a [bool],
    order: Vec<u32>,
    /// Whether a place in the order has the same effect as the place before.
    ties: Vec<bool>,
}

/// Rows of one effect: how many, treated and not, and positives among either.
#[derive(Clone, Copy, Default)]
struct Arms {
    n: [f64; 2],
    positive: [f64; 2],
}

impl Arms {
    fn add(&mut self, treated: bool, y: bool, count: f64) {
        let arm = usize::from(treated);
        self.n[arm] += count;
        self.positive[arm] += if y { count } else { 0.0 };
    }

    fn plus(self, other: &Arms) -> Arms {
        let sum = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        Arms { n: sum(self.n, other.n), positive: sum(self.positive, other.positive) }
    }

    fn point(&self) -> UpliftPoint {
        let share = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
        let [n_rest, n_treated] = self.n;
        let [y_rest, y_treated] = self.positive;
        UpliftPoint {
            n_rows: n_rest + n_treated,
            uplift: (n_rest + n_treated) * (share(y_treated, n_treated) - share(y_rest, n_rest)),
            qini: y_treated - y_rest * share(n_treated, n_rest),
        }
    }
}

impl<'a> Ranking<'a> {
    fn new(y: &'a [bool], effects: &[f64], treated: &'a [bool]) -> Result<Self> {
        check::scores(y, effects, None)?;
        check::same_length("treatments", treated.len(), y.len())?;
        check::both_arms(treated)?;
        let mut order: Vec<u32> = (0..y.len() as u32).collect();
        order.sort_by(|&a, &b| effects[b as usize].total_cmp(&effects[a as usize]));
        let same = |pair: &[u32]| effects[pair[0] as usize] == effects[pair[1] as usize];
        let ties = std::iter::once(false).chain(order.windows(2).map(same)).collect();
        Ok(Ranking { y, treated, order, ties })
    }

    /// The groups of equal effect, each row standing as often as `counts` says.
    fn groups(&self, counts: Option<&[u32]>) -> Vec<Arms> {
        let mut groups: Vec<Arms> = Vec::new();
        for (&row, &tie) in self.order.iter().zip(&self.ties) {
            let row = row as usize;
            if !tie {
                groups.push(Arms::default());
            }
            let count = counts.map_or(1.0, |counts| f64::from(counts[row]));
            let last = groups.last_mut().expect("the first row is no tie");
            last.add(self.treated[row], self.y[row], count);
        }
        groups
    }

    /// `None` where a sample leaves no room for an order to be better than another.
    fn qini(&self, counts: Option<&[u32]>) -> Option<f64> {
        let groups = self.groups(counts);
        let best = area(&perfect(&groups), |point| point.qini);
        (best > 0.0).then(|| area(&groups, |point| point.qini) / best)
    }

    fn uplift_area(&self, counts: Option<&[u32]>) -> f64 {
        let n = self.y.len() as f64;
        area(&self.groups(counts), |point| point.uplift) / (n * n)
    }
}

/// The groups of the order `y t − y (1 − t)`: treated positives, those without outcome, untreated positives.
fn perfect(groups: &[Arms]) -> [Arms; 3] {
    let all = groups.iter().fold(Arms::default(), Arms::plus);
    let ([rest, treated], [y_rest, y_treated]) = (all.n, all.positive);
    [
        Arms { n: [0.0, y_treated], positive: [0.0, y_treated] },
        Arms { n: [rest - y_rest, treated - y_treated], positive: [0.0; 2] },
        Arms { n: [y_rest, 0.0], positive: [y_rest, 0.0] },
    ]
}

/// The curve's points from no rows on; groups without rows are passed over.
fn points(groups: &[Arms]) -> impl Iterator<Item = UpliftPoint> {
    let there = groups.iter().filter(|group| group.n[0] + group.n[1] > 0.0);
    let sums = there.scan(Arms::default(), |sum, group| {
        *sum = sum.plus(group);
        Some(sum.point())
    });
    std::iter::once(UpliftPoint::default()).chain(sums)
}

/// `A(F) = ∫F dk − N F(N) / 2`.
fn area(groups: &[Arms], of: fn(&UpliftPoint) -> f64) -> f64 {
    let (mut area, mut last) = (0.0, UpliftPoint::default());
    for point in points(groups) {
        area += (point.n_rows - last.n_rows) * (of(&point) + of(&last)) / 2.0;
        last = point;
    }
    area - last.n_rows * of(&last) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 rows whose order, treatment and outcome follow from small primes, with ties.
    fn rows() -> (Vec<bool>, Vec<f64>, Vec<bool>) {
        let y = (0..40).map(|i| (i * 7 + 3) % 5 < 2).collect();
        let effects = (0..40).map(|i| f64::from((i * 11) % 9) / 10.0 - 0.3).collect();
        (y, effects, (0..40).map(|i| (i * 13 + 1) % 3 < 2).collect())
    }

    #[test]
    fn it_is_scikit_uplifts() {
        let (y, effects, treated) = rows();
        let qini = qini_coefficient(&y, &effects, &treated).unwrap();
        assert!((qini + 0.02349064625850328).abs() < 1e-14, "{qini}");
        let area = uplift_area(&y, &effects, &treated).unwrap();
        assert!((area + 0.017737118205868187).abs() < 1e-14, "{area}");
        let curve = uplift_curve(&y, &effects, &treated).unwrap();
        assert_eq!((curve.len(), curve[1].n_rows, curve[1].uplift), (10, 4.0, -2.0));
        assert!((curve[3].uplift + 2.1666666666666665).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_tied_rows_does_not_matter_and_the_best_order_is_one() {
        let (y, effects, treated) = rows();
        let turned: Vec<usize> = (0..40).rev().collect();
        let of = |v: &[bool]| turned.iter().map(|&row| v[row]).collect::<Vec<bool>>();
        let e2: Vec<f64> = turned.iter().map(|&row| effects[row]).collect();
        assert_eq!(
            qini_coefficient(&y, &effects, &treated).unwrap(),
            qini_coefficient(&of(&y), &e2, &of(&treated)).unwrap()
        );
        let best = |row: usize| if y[row] { if treated[row] { 1.0 } else { -1.0 } } else { 0.0 };
        let best: Vec<f64> = (0..40).map(best).collect();
        assert!((qini_coefficient(&y, &best, &treated).unwrap() - 1.0).abs() < 1e-12);
        assert!(qini_coefficient(&y, &[0.1; 40], &treated).unwrap().abs() < 1e-12);
    }

    #[test]
    fn the_interval_is_around_the_value_and_the_same_every_time() {
        let (y, effects, treated) = rows();
        let found = || qini_interval(&y, &effects, &treated, 0.9, 400, 7).unwrap();
        let Estimate { value, low, high, standard_error } = found();
        assert!(low < value && value < high && standard_error > 0.02);
        assert_eq!(found(), found());
        let area = uplift_area_interval(&y, &effects, &treated, 0.9, 400, 7).unwrap();
        assert!(area.value == uplift_area(&y, &effects, &treated).unwrap() && area.low < area.high);
        assert!(area.low < area.value && area.value < area.high);
        let narrow = qini_interval(&y, &effects, &treated, 0.5, 400, 7).unwrap();
        assert!(low < narrow.low && narrow.high < high);
    }

    #[test]
    fn bad_input_is_named() {
        let text = |result: Result<f64>| result.unwrap_err().to_string();
        assert_eq!(
            text(qini_coefficient(&[true, false], &[0.1, 0.2], &[true, true])),
            "rows that were not treated, to compare with the others: found 0, expected at least 1"
        );
        assert_eq!(
            text(qini_coefficient(&[true, false], &[0.1, 0.2], &[true])),
            "number of treatments: found 1, expected 2"
        );
        assert_eq!(
            text(qini_coefficient(&[true, true], &[0.1, 0.2], &[true, false])),
            "label `y` is true in all 2 rows; a model needs rows of both classes"
        );
        assert!(qini_interval(&[true, false], &[0.1, 0.2], &[true, false], 1.0, 9, 0).is_err());
    }
}
