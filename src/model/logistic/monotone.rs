//! Holding a column's values to a direction.

/// The rising (`sign` 1) or falling (-1) values nearest to `values` in the sum of squares; 0 leaves them as they are.
///
/// Pool adjacent violators (Ayer et al. 1955; Barlow et al. 1972), every value weighing the same.
pub(super) fn hold(values: &mut [f64], sign: i8) {
    if sign == 0 {
        return;
    }
    let sign = f64::from(sign);
    let mut pools: Vec<(f64, usize)> = Vec::with_capacity(values.len());
    for &value in values.iter() {
        let mut pool = (sign * value, 1);
        while let Some(&(mean, n)) = pools.last().filter(|(mean, _)| *mean > pool.0) {
            let total = n + pool.1;
            pool = ((mean * n as f64 + pool.0 * pool.1 as f64) / total as f64, total);
            pools.pop();
        }
        pools.push(pool);
    }
    let held = pools.into_iter().flat_map(|(mean, n)| std::iter::repeat_n(sign * mean, n));
    values.iter_mut().zip(held).for_each(|(value, held)| *value = held);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held(values: &[f64], sign: i8) -> Vec<f64> {
        let mut values = values.to_vec();
        hold(&mut values, sign);
        values
    }

    #[test]
    fn violators_are_pooled_and_the_rest_stays() {
        assert_eq!(held(&[1.0, 3.0, 2.0, 4.0], 1), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(held(&[1.0, 3.0, 2.0, 4.0], 0), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(held(&[4.0, 1.0, 2.0], -1), [4.0, 1.5, 1.5]);
        assert_eq!(held(&[0.0, 2.0], -1), [1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn the_direction_holds_and_the_mean_stays(values in prop::collection::vec(-5.0..5.0f64, 1..20)) {
            for sign in [1, -1] {
                let held = held(&values, sign);
                prop_assert!(held.windows(2).all(|pair| f64::from(sign) * (pair[1] - pair[0]) >= 0.0));
                let sum = |values: &[f64]| values.iter().sum::<f64>();
                prop_assert!((sum(&held) - sum(&values)).abs() < 1e-9);
            }
        }
    }
}
