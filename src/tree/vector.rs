//! Loops compiled for every width of vector registers, and run at the processor's.

use fearless_simd::{Level, Simd, dispatch};

/// Does `work` with the widest vector registers there are. The result is the same at any width: nothing is contracted or
/// reordered.
///
/// `work` is a loop over arrays, all of it `#[inline(always)]`: what is called instead stays as narrow as it was.
#[inline(always)]
pub(crate) fn vectorized<T>(work: impl FnOnce() -> T) -> T {
    dispatch!(Level::new(), simd => simd.vectorize(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn scores(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| (value * value * 3.7 / (value + 0.1) - value).to_bits()).collect()
    }

    #[inline(never)]
    fn narrow(values: &[f32]) -> Vec<u32> {
        scores(values)
    }

    #[test]
    fn no_width_changes_a_bit() {
        let values: Vec<f32> = (0..1003).map(|at| (at * 7919 % 1009) as f32 / 31.0).collect();
        let wide = vectorized(
            #[inline(always)]
            || scores(&values),
        );
        assert_eq!(wide, narrow(&values));
    }
}
