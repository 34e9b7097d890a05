//! AVX-512 on x86-64, detected at run time.
#![expect(unsafe_code, reason = "the intrinsics ask for a CPU that has them")]

use core::arch::x86_64::*;
use core::ops::{BitAnd, BitOr, BitXor, Mul, Not};

use super::{Lanes, Task, WideLanes};
use crate::bernoulli::Bernoulli;
use crate::planes::{GROUP, Planes};
use crate::tiles::Block;

cpufeatures::new!(detected, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi2");

/// A CPU with AVX-512 F, BW, DQ and VL. [`Avx512::detect`] alone makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Asks for VBMI2 as well, which no kernel uses: the CPUs without it, before Ice Lake, slow down for 512-bit instructions.
    pub(crate) fn detect() -> Option<Self> {
        detected::get().then_some(Self(()))
    }

    #[inline(always)]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        fn run<T: Task>(lanes: Avx512, task: T) -> T::Output {
            task.run(lanes)
        }
        // SAFETY: `self` is the proof that the CPU has these features.
        unsafe { run(self, task) }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct U64x8(__m512i);

#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);

/// Implements an operator by an intrinsic.
macro_rules! operator {
    ($trait:ident, $method:ident, $vector:ident, $intrinsic:ident) => {
        impl $trait for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: an `Avx512` made the operands, and is the proof that the CPU has AVX-512 F.
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    };
}

operator!(BitXor, bitxor, U64x8, _mm512_xor_si512);
operator!(BitAnd, bitand, U64x8, _mm512_and_si512);
operator!(BitOr, bitor, U64x8, _mm512_or_si512);
operator!(Mul, mul, F32x16, _mm512_mul_ps);

impl Not for U64x8 {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: an `Avx512` made the operand, and is the proof that the CPU has AVX-512 F.
        Self(unsafe { _mm512_xor_si512(self.0, _mm512_set1_epi64(-1)) })
    }
}

// In the blocks below, `self` is the proof that the CPU has the features of each intrinsic; `SAFETY` names what else they ask for.
impl Lanes for Avx512 {
    type F32x16 = F32x16;

    #[inline(always)]
    fn splat_f32(self, x: f32) -> F32x16 {
        // SAFETY: nothing else.
        F32x16(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; 16]) -> F32x16 {
        // SAFETY: the array is 64 readable bytes; the load has no alignment.
        F32x16(unsafe { _mm512_loadu_ps(x.as_ptr()) })
    }

    #[inline(always)]
    fn store_f32(self, x: F32x16) -> [f32; 16] {
        // SAFETY: both are 64 bytes that any bits are valid for.
        unsafe { core::mem::transmute(x.0) }
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, kept: F32x16, dropped: F32x16) -> F32x16 {
        // SAFETY: nothing else.
        F32x16(unsafe { _mm512_mask_mov_ps(dropped.0, keep, kept.0) })
    }

    type Generator<'a> = Planes<'a, Self>;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> Planes<'_, Self> {
        Planes::new(self, mask)
    }
}

impl WideLanes for Avx512 {
    type U64x8 = U64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { _mm512_set1_epi64(x.cast_signed()) })
    }

    #[inline(always)]
    fn count_from(self, first: u64) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { _mm512_add_epi64(self.splat(first).0, _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)) })
    }

    #[inline(always)]
    fn shl27(self, x: U64x8) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { _mm512_slli_epi64::<27>(x.0) })
    }

    #[inline(always)]
    fn mul(self, x: U64x8, factor: u32) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { _mm512_mul_epu32(x.0, _mm512_set1_epi64(i64::from(factor))) })
    }

    #[inline(always)]
    fn high(self, x: U64x8) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { _mm512_srli_epi64::<32>(x.0) })
    }

    #[inline(always)]
    fn swap(self, x: U64x8) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { _mm512_ror_epi64::<32>(x.0) })
    }

    #[inline(always)]
    fn interleave(self, [low, high]: [U64x8; 2]) -> [Block; GROUP] {
        // SAFETY: two vectors are 128 bytes, as eight blocks are, and any bits are valid for them.
        unsafe {
            let first = _mm512_permutex2var_epi64(low.0, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), high.0);
            let last = _mm512_permutex2var_epi64(low.0, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), high.0);
            core::mem::transmute([first, last])
        }
    }

    #[inline(always)]
    fn nonzero(self, x: U64x8) -> u8 {
        // SAFETY: nothing else.
        unsafe { _mm512_test_epi64_mask(x.0, x.0) }
    }
}
