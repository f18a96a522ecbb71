//! The codes of one row, looked up many at once.
//!
//! Where a row has few codes they fit the registers of a processor that looks bytes up in these, an instruction or two for
//! 64 of them; elsewhere each is a load.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, i8x64, u8x64};

/// Codes that are looked up together.
pub(super) const LANES: usize = 64;
/// Most codes of a row that are looked up in registers.
const MAX_TABLE: usize = 256;
/// Bytes a register has to have for that to be faster than to load them one by one.
const MIN_REGISTER: usize = 32;

/// Bytes that the processor looks up at once, where that is faster than to load the codes of a row one by one.
pub(super) fn table_bytes(n_codes: usize) -> Option<usize> {
    let register = dispatch!(Level::new(), simd => bytes_of_register(simd));
    (n_codes <= MAX_TABLE && register >= MIN_REGISTER).then_some(register)
}

#[inline(always)]
fn bytes_of_register<S: Simd>(_: S) -> usize {
    S::u8s::LEN
}

/// Whether the codes of a row take the longer of the two ways to look them up.
pub(super) fn is_long(n_codes: usize) -> bool {
    n_codes > MAX_TABLE / 2
}

/// The codes of a row in registers.
#[derive(Clone, Copy)]
pub(super) struct CodeTable<S: Simd> {
    pub(super) simd: S,
    codes: [i8x64<S>; 4],
}

impl<S: Simd> CodeTable<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, codes: &[i8]) -> Self {
        let mut bytes = [[0; LANES]; 4];
        let n = codes.len().min(MAX_TABLE);
        bytes.as_flattened_mut()[..n].copy_from_slice(&codes[..n]);
        CodeTable { simd, codes: bytes.map(|bytes| i8x64::from_slice(simd, &bytes)) }
    }

    /// The codes at places below 128.
    #[inline(always)]
    pub(super) fn look_up(&self, places: u8x64<S>) -> i8x64<S> {
        self.codes[0].concat_swizzle_dyn(self.codes[1], places)
    }

    /// The codes at places below 256.
    #[inline(always)]
    pub(super) fn look_up_long(&self, places: u8x64<S>) -> i8x64<S> {
        let beyond = places - 128;
        places
            .simd_lt(128)
            .select(self.look_up(places), self.codes[2].concat_swizzle_dyn(self.codes[3], beyond))
    }
}
