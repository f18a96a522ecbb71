//! Sums of values as numpy has them.

/// The sum of values, by halves, and of 128 and fewer in eight strands, as numpy has it: its error grows with the
/// logarithm of their number.
pub(super) fn pairwise(values: &[f64]) -> f64 {
    match values.len() {
        ..8 => values.iter().fold(0.0, |sum, value| sum + value),
        8..=128 => strands(values),
        n => {
            let half = n / 2 - n / 2 % 8;
            pairwise(&values[..half]) + pairwise(&values[half..])
        }
    }
}

fn strands(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (at, eight) in eights.iter().enumerate() {
        for (sum, value) in sums.iter_mut().zip(eight) {
            *sum = if at == 0 { *value } else { *sum + value };
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let whole = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(whole, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::pairwise;

    #[test]
    fn sums_are_those_of_numpy() {
        let tenths = |n: u32| -> Vec<f64> { (1..=n).map(|at| 0.1 * f64::from(at)).collect() };
        assert_eq!(pairwise(&[]), 0.0);
        assert_eq!(pairwise(&[0.1; 3]), 0.300_000_000_000_000_04);
        assert_eq!(pairwise(&[0.1; 10]), 1.0, "one after the other they are 0.9999999999999999");
        assert_eq!(pairwise(&tenths(300)), 4_515.0);
    }
}
