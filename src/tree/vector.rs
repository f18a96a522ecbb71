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
