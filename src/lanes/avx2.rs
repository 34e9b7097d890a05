//! AVX2 on x86-64, detected at run time. A vector of the traits is two registers, which keeps two chains of multiplications in flight.
#![expect(unsafe_code, reason = "the intrinsics ask for a CPU that has them")]

use core::arch::x86_64::*;
use core::ops::{BitAnd, BitOr, BitXor, Mul, Not};

use super::{Lanes, Task, WideLanes};
use crate::bernoulli::Bernoulli;
use crate::planes::{GROUP, Planes};
use crate::tiles::Block;

cpufeatures::new!(detected, "avx2");

/// A CPU with AVX2. [`Avx2::detect`] alone makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        detected::get().then_some(Self(()))
    }

    #[inline(always)]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "avx2")]
        fn run<T: Task>(lanes: Avx2, task: T) -> T::Output {
            task.run(lanes)
        }
        // SAFETY: `self` is the proof that the CPU has AVX2.
        unsafe { run(self, task) }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct U64x8([__m256i; 2]);

#[derive(Clone, Copy)]
pub(crate) struct F32x16([__m256; 2]);

/// Implements an operator by an intrinsic on each half.
macro_rules! operator {
    ($trait:ident, $method:ident, $vector:ident, $intrinsic:ident) => {
        impl $trait for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let ([a, b], [c, d]) = (self.0, other.0);
                // SAFETY: an `Avx2` made the operands, and is the proof that the CPU has AVX2.
                Self(unsafe { [$intrinsic(a, c), $intrinsic(b, d)] })
            }
        }
    };
}

operator!(BitXor, bitxor, U64x8, _mm256_xor_si256);
operator!(BitAnd, bitand, U64x8, _mm256_and_si256);
operator!(BitOr, bitor, U64x8, _mm256_or_si256);
operator!(Mul, mul, F32x16, _mm256_mul_ps);

impl Not for U64x8 {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: an `Avx2` made the operand, and is the proof that the CPU has AVX2.
        unsafe {
            let ones = _mm256_set1_epi64x(-1);
            Self([_mm256_xor_si256(self.0[0], ones), _mm256_xor_si256(self.0[1], ones)])
        }
    }
}

// In the blocks below, `self` is the proof that the CPU has AVX2; `SAFETY` names what else the intrinsics ask for.
impl Lanes for Avx2 {
    type F32x16 = F32x16;

    #[inline(always)]
    fn splat_f32(self, x: f32) -> F32x16 {
        // SAFETY: nothing else.
        F32x16(unsafe { [_mm256_set1_ps(x); 2] })
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; 16]) -> F32x16 {
        // SAFETY: both are 64 bytes that any bits are valid for.
        F32x16(unsafe { core::mem::transmute::<[f32; 16], [__m256; 2]>(*x) })
    }

    #[inline(always)]
    fn store_f32(self, x: F32x16) -> [f32; 16] {
        // SAFETY: both are 64 bytes that any bits are valid for.
        unsafe { core::mem::transmute(x.0) }
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, kept: F32x16, dropped: F32x16) -> F32x16 {
        let ([a, b], [c, d]) = (kept.0, dropped.0);
        // SAFETY: nothing else.
        F32x16(unsafe {
            // Each lane's bit goes to its sign, which is what a blend looks at.
            let keep = _mm256_set1_epi32(i32::from(keep));
            let low = _mm256_sllv_epi32(keep, _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
            let high = _mm256_sllv_epi32(keep, _mm256_setr_epi32(23, 22, 21, 20, 19, 18, 17, 16));
            [_mm256_blendv_ps(c, a, _mm256_castsi256_ps(low)), _mm256_blendv_ps(d, b, _mm256_castsi256_ps(high))]
        })
    }

    type Generator<'a> = Planes<'a, Self>;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> Planes<'_, Self> {
        Planes::new(self, mask)
    }
}

impl WideLanes for Avx2 {
    type U64x8 = U64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> U64x8 {
        // SAFETY: nothing else.
        U64x8(unsafe { [_mm256_set1_epi64x(x.cast_signed()); 2] })
    }

    #[inline(always)]
    fn count_from(self, first: u64) -> U64x8 {
        let [first, _] = self.splat(first).0;
        // SAFETY: nothing else.
        U64x8(unsafe {
            [_mm256_add_epi64(first, _mm256_setr_epi64x(0, 1, 2, 3)), _mm256_add_epi64(first, _mm256_setr_epi64x(4, 5, 6, 7))]
        })
    }

    #[inline(always)]
    fn shl27(self, x: U64x8) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: nothing else.
        U64x8(unsafe { [_mm256_slli_epi64::<27>(a), _mm256_slli_epi64::<27>(b)] })
    }

    #[inline(always)]
    fn mul(self, x: U64x8, factor: u32) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: nothing else.
        U64x8(unsafe {
            let factor = _mm256_set1_epi64x(i64::from(factor));
            [_mm256_mul_epu32(a, factor), _mm256_mul_epu32(b, factor)]
        })
    }

    #[inline(always)]
    fn high(self, x: U64x8) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: nothing else.
        U64x8(unsafe { [_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b)] })
    }

    #[inline(always)]
    fn swap(self, x: U64x8) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: nothing else.
        U64x8(unsafe { [_mm256_shuffle_epi32::<0b10_11_00_01>(a), _mm256_shuffle_epi32::<0b10_11_00_01>(b)] })
    }

    #[inline(always)]
    fn interleave(self, [low, high]: [U64x8; 2]) -> [Block; GROUP] {
        let ([a, b], [c, d]) = (low.0, high.0);
        // SAFETY: four vectors are 128 bytes, as eight blocks are, and any bits are valid for them.
        unsafe {
            let (ac_even, ac_odd) = (_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c));
            let (bd_even, bd_odd) = (_mm256_unpacklo_epi64(b, d), _mm256_unpackhi_epi64(b, d));
            core::mem::transmute([
                _mm256_permute2x128_si256::<0x20>(ac_even, ac_odd),
                _mm256_permute2x128_si256::<0x31>(ac_even, ac_odd),
                _mm256_permute2x128_si256::<0x20>(bd_even, bd_odd),
                _mm256_permute2x128_si256::<0x31>(bd_even, bd_odd),
            ])
        }
    }

    #[inline(always)]
    fn nonzero(self, x: U64x8) -> u8 {
        let [a, b] = x.0;
        // SAFETY: nothing else.
        let (a, b) = unsafe {
            let zero = _mm256_setzero_si256();
            let (a, b) = (_mm256_cmpeq_epi64(a, zero), _mm256_cmpeq_epi64(b, zero));
            (_mm256_movemask_pd(_mm256_castsi256_pd(a)), _mm256_movemask_pd(_mm256_castsi256_pd(b)))
        };
        !(a | b << 4).cast_unsigned() as u8
    }
}
