//! Ranking: are those that leave above those that stay?

use super::check;
use super::groups::{by_score_descending, pour};
use crate::error::{ErrorKind, Result};

/// The share that [`lift_at`] is mostly asked for: the top tenth.
pub const DEFAULT_LIFT_SHARE: f64 = 0.1;

/// Area under the ROC curve: the chance that a positive row stands above a negative one, ties counting half.
///
/// The Mann–Whitney statistic (Hanley & McNeil 1982, eq. 1), weighted; equal to scikit-learn's `roc_auc_score`.
///
/// # Errors
/// Lengths that differ, a NaN score, one class only.
///
/// ```
/// let auc = keepwell::metric::roc_auc(&[false, true, false, true], &[0.1, 0.4, 0.4, 0.9], None)?;
/// assert_eq!(auc, 0.875);
/// # Ok::<(), keepwell::Error>(())
/// ```
pub fn roc_auc(y: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    check::scores(y, scores, weights)?;
    check::both_classes(y, weights)?;
    let (mut above, mut pairs, mut negatives) = (0.0, 0.0, 0.0);
    for group in by_score_descending(y, scores, weights) {
        let negative = group.weight - group.positive;
        pairs += negative * (above + 0.5 * group.positive);
        above += group.positive;
        negatives += negative;
    }
    Ok((pairs / (above * negatives)).clamp(0.0, 1.0))
}

/// Average precision: precision at each distinct score, weighted by the recall gained there, without interpolation.
///
/// `Σ (Rₖ − Rₖ₋₁) Pₖ` over distinct scores from high to low; scikit-learn's `average_precision_score`.
///
/// # Errors
/// Lengths that differ, a NaN score, one class only.
pub fn average_precision(y: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    check::scores(y, scores, weights)?;
    check::both_classes(y, weights)?;
    let (mut sum, mut positive, mut weight) = (0.0, 0.0, 0.0);
    for group in by_score_descending(y, scores, weights) {
        positive += group.positive;
        weight += group.weight;
        sum += group.positive * positive / weight;
    }
    Ok((sum / positive).clamp(0.0, 1.0))
}

/// How many times as many positives the top `share` of rows holds as the same number of rows drawn at random.
///
/// Rows tied at the cut enter in proportion, so that the order of tied rows does not matter. 1 is no better than
/// chance; at most `1 / share`. [`DEFAULT_LIFT_SHARE`] is a tenth.
///
/// # Errors
/// `share` outside (0, 1]; lengths that differ, a NaN score, one class only.
pub fn lift_at(y: &[bool], scores: &[f64], share: f64, weights: Option<&[f64]>) -> Result<f64> {
    if !(share > 0.0 && share <= 1.0) {
        let (value, expected) = (share.to_string(), "above 0 and at most 1");
        return Err(ErrorKind::Parameter { name: "share", value, expected }.into());
    }
    check::scores(y, scores, weights)?;
    check::both_classes(y, weights)?;
    let groups = by_score_descending(y, scores, weights);
    let total: f64 = groups.iter().map(|group| group.weight).sum();
    let positive: f64 = groups.iter().map(|group| group.positive).sum();
    let top = pour(&groups, total * share, 2)[0];
    Ok(top.positive / top.weight / (positive / total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute_auc(y: &[bool], s: &[f64], w: &[f64]) -> f64 {
        let (mut won, mut all) = (0.0, 0.0);
        for i in (0..y.len()).filter(|&i| y[i]) {
            for j in (0..y.len()).filter(|&j| !y[j]) {
                let share = if s[i] > s[j] {
                    1.0
                } else if s[i] == s[j] {
                    0.5
                } else {
                    0.0
                };
                won += w[i] * w[j] * share;
                all += w[i] * w[j];
            }
        }
        won / all
    }

    fn rows() -> impl Strategy<Value = (Vec<bool>, Vec<f64>, Vec<f64>)> {
        (2usize..40)
            .prop_flat_map(|n| {
                (
                    prop::collection::vec(any::<bool>(), n),
                    prop::collection::vec((-4i32..5).prop_map(|v| f64::from(v) / 2.0), n),
                    prop::collection::vec((1u32..5).prop_map(f64::from), n),
                )
            })
            .prop_map(|(mut y, s, w)| {
                (y[0], y[1]) = (true, false);
                (y, s, w)
            })
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_pairs_in_order((y, s, w) in rows()) {
            let found = roc_auc(&y, &s, Some(&w)).unwrap();
            prop_assert!((found - brute_auc(&y, &s, &w)).abs() < 1e-12);
        }

        #[test]
        fn turning_the_scores_round_turns_the_auc_round((y, s, w) in rows()) {
            let turned: Vec<f64> = s.iter().map(|s| -s).collect();
            let sum = roc_auc(&y, &s, Some(&w)).unwrap() + roc_auc(&y, &turned, Some(&w)).unwrap();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }

        #[test]
        fn whole_weights_are_repeated_rows((y, s, w) in rows()) {
            let repeat = |row: usize| std::iter::repeat_n(row, w[row] as usize);
            let rows: Vec<usize> = (0..y.len()).flat_map(repeat).collect();
            let y2: Vec<bool> = rows.iter().map(|&row| y[row]).collect();
            let s2: Vec<f64> = rows.iter().map(|&row| s[row]).collect();
            for metric in [roc_auc, average_precision, |y: &_, s: &_, w: Option<&_>| lift_at(y, s, 0.3, w)] {
                let (weighted, repeated) = (metric(&y, &s, Some(&w)).unwrap(), metric(&y2, &s2, None).unwrap());
                prop_assert!((weighted - repeated).abs() < 1e-12);
            }
        }

        #[test]
        fn the_order_of_rows_does_not_matter((y, s, w) in rows()) {
            let back = |v: &[f64]| v.iter().rev().copied().collect::<Vec<_>>();
            let y2: Vec<bool> = y.iter().rev().copied().collect();
            for metric in [roc_auc, average_precision, |y: &_, s: &_, w: Option<&_>| lift_at(y, s, 0.1, w)] {
                let (there, back) = (metric(&y, &s, Some(&w)).unwrap(), metric(&y2, &back(&s), Some(&back(&w))).unwrap());
                prop_assert!((there - back).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn average_precision_is_that_of_scikit_learns_documentation() {
        let found = average_precision(&[false, false, true, true], &[0.1, 0.4, 0.35, 0.8], None).unwrap();
        assert!((found - 0.8333333333333333).abs() < 1e-15);
    }

    #[test]
    fn lift_of_a_perfect_order_is_one_over_the_rate() {
        let y: Vec<bool> = (0..100).map(|row| row < 20).collect();
        let scores: Vec<f64> = (0..100).map(|row| -f64::from(row)).collect();
        assert!((lift_at(&y, &scores, DEFAULT_LIFT_SHARE, None).unwrap() - 5.0).abs() < 1e-12);
        assert!((lift_at(&y, &[0.0; 100], DEFAULT_LIFT_SHARE, None).unwrap() - 1.0).abs() < 1e-12);
        assert!((lift_at(&y, &scores, 1.0, None).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        let text = |result: Result<f64>| result.unwrap_err().to_string();
        assert_eq!(
            text(roc_auc(&[true, true], &[0.1, 0.2], None)),
            "label `y` is true in all 2 rows; a model needs rows of both classes"
        );
        assert_eq!(
            text(roc_auc(&[true, false], &[0.1, f64::NAN], None)),
            "scores, row 2: found NaN, expected a number, not NaN"
        );
        assert_eq!(text(roc_auc(&[true, false], &[0.1], None)), "number of scores: found 1, expected 2");
        assert_eq!(
            text(average_precision(&[], &[], None)),
            "the metric's input has no rows; give at least one labelled row"
        );
        assert_eq!(
            text(lift_at(&[true, false], &[0.1, 0.2], 0.0, None)),
            "`share` is 0, expected above 0 and at most 1"
        );
        assert_eq!(
            text(roc_auc(&[true, false], &[0.1, 0.2], Some(&[0.0, 0.0]))),
            "weights, row 1: found 0, expected weights of which at least one is above 0"
        );
    }
}
