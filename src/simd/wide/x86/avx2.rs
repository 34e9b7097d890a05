//! AVX2 on x86-64, detected at run time. A vector of the traits is two registers, which keeps two chains of
//! multiplications in flight.
#![expect(unsafe_code, reason = "what is compiled with these instructions asks for a CPU that has them")]

mod deal;

use core::arch::x86_64::*;
use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Not, Sub};

use bytemuck::must_cast as cast;

use crate::simd::lanes::{CHUNK, Lanes, Task};
use crate::simd::wide::lanes::{Dealt, GROUP, WideLanes};

// Fused multiply-add is not asked for: its results are others than those of two roundings.
cpufeatures::new!(detected, "avx2", "bmi1", "bmi2", "popcnt");

/// A CPU with AVX2, BMI2 and POPCNT. [`Avx2::detect`] alone makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        detected::get().then_some(Self(()))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct U64x8([__m256i; 2]);

#[derive(Clone, Copy)]
pub(crate) struct F32x16([__m256; 2]);

#[derive(Clone, Copy)]
pub(crate) struct F64x16([__m256d; 4]);

#[derive(Clone, Copy)]
pub(crate) struct I32x16([__m256i; 2]);

operator!(BitXor, bitxor, U64x8, _mm256_xor_si256, 0 1);
operator!(BitAnd, bitand, U64x8, _mm256_and_si256, 0 1);
operator!(BitOr, bitor, U64x8, _mm256_or_si256, 0 1);
operator!(Add, add, F32x16, _mm256_add_ps, 0 1);
operator!(Sub, sub, F32x16, _mm256_sub_ps, 0 1);
operator!(Mul, mul, F32x16, _mm256_mul_ps, 0 1);
operator!(Div, div, F32x16, _mm256_div_ps, 0 1);
operator!(Add, add, F64x16, _mm256_add_pd, 0 1 2 3);
operator!(Mul, mul, F64x16, _mm256_mul_pd, 0 1 2 3);
operator!(Add, add, I32x16, _mm256_add_epi32, 0 1);
operator!(Sub, sub, I32x16, _mm256_sub_epi32, 0 1);
operator!(Mul, mul, I32x16, _mm256_mullo_epi32, 0 1);
operator!(BitXor, bitxor, I32x16, _mm256_xor_si256, 0 1);
operator!(BitAnd, bitand, I32x16, _mm256_and_si256, 0 1);
operator!(BitOr, bitor, I32x16, _mm256_or_si256, 0 1);

impl Not for U64x8 {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        self ^ Self(cast([u64::MAX; GROUP]))
    }
}

methods! {
    #[target_feature(enable = "avx2")]
    impl Lanes for Avx2 {
        type F32s = F32x16;
        type F64s = F64x16;
        type I32s = I32x16;

        fn splat_f32(self, x: f32) -> F32x16 {
            F32x16([_mm256_set1_ps(x); 2])
        }

        fn load_f32(self, x: &[f32; CHUNK]) -> F32x16 {
            F32x16(cast(*x))
        }

        fn store_f32(self, x: F32x16) -> [f32; CHUNK] {
            cast(x.0)
        }

        fn select_f32(self, keep: u16, kept: F32x16, dropped: F32x16) -> F32x16 {
            let ([a, b], [c, d]) = (kept.0, dropped.0);
            // Each lane's bit goes to its sign, which is what a blend looks at.
            let keep = _mm256_set1_epi32(i32::from(keep));
            let low = _mm256_sllv_epi32(keep, _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
            let high = _mm256_sllv_epi32(keep, _mm256_setr_epi32(23, 22, 21, 20, 19, 18, 17, 16));
            F32x16([_mm256_blendv_ps(c, a, _mm256_castsi256_ps(low)), _mm256_blendv_ps(d, b, _mm256_castsi256_ps(high))])
        }

        fn splat_f64(self, x: f64) -> F64x16 {
            F64x16([_mm256_set1_pd(x); 4])
        }

        fn load_f64(self, x: &[f64; CHUNK]) -> F64x16 {
            F64x16(cast(*x))
        }

        fn store_f64(self, x: F64x16) -> [f64; CHUNK] {
            cast(x.0)
        }

        fn select_f64(self, keep: u16, kept: F64x16, dropped: F64x16) -> F64x16 {
            let ([a, b, c, d], [e, f, g, h]) = (kept.0, dropped.0);
            let keep = _mm256_set1_epi64x(i64::from(keep));
            let lanes = _mm256_setr_epi64x(63, 62, 61, 60);
            let next = _mm256_set1_epi64x(4);
            let second = _mm256_sub_epi64(lanes, next);
            let third = _mm256_sub_epi64(second, next);
            let last = _mm256_sub_epi64(third, next);
            F64x16([
                _mm256_blendv_pd(e, a, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, lanes))),
                _mm256_blendv_pd(f, b, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, second))),
                _mm256_blendv_pd(g, c, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, third))),
                _mm256_blendv_pd(h, d, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, last))),
            ])
        }

        fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK] {
            let lane = _mm_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
            let its_byte = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
            let keep = _mm_shuffle_epi8(_mm_cvtsi32_si128(keep.into()), its_byte);
            let keep = _mm_cmpeq_epi8(_mm_and_si128(keep, lane), lane);
            cast(_mm_blendv_epi8(cast(dropped), cast(kept), keep))
        }

        fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK] {
            let lane = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, i16::MIN);
            let keep = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16(keep.cast_signed()), lane), lane);
            cast(_mm256_blendv_epi8(cast(dropped), cast(kept), keep))
        }

        fn splat_i32(self, x: i32) -> I32x16 {
            I32x16([_mm256_set1_epi32(x); 2])
        }

        fn load_i8(self, x: &[i8; CHUNK]) -> I32x16 {
            let x = cast(*x);
            I32x16([_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(x, x))])
        }

        fn store_i8(self, x: I32x16) -> [i8; CHUNK] {
            let x = pack(x);
            cast(_mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)))
        }

        fn load_u8(self, x: &[u8; CHUNK]) -> I32x16 {
            let x = cast(*x);
            I32x16([_mm256_cvtepu8_epi32(x), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(x, x))])
        }

        fn store_u8(self, x: I32x16) -> [u8; CHUNK] {
            let x = pack(x);
            cast(_mm_packus_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)))
        }

        fn load_i16(self, x: &[i16; CHUNK]) -> I32x16 {
            let [low, high] = cast(*x);
            I32x16([_mm256_cvtepi16_epi32(low), _mm256_cvtepi16_epi32(high)])
        }

        fn store_i16(self, x: I32x16) -> [i16; CHUNK] {
            cast(pack(x))
        }

        #[cfg(feature = "half")]
        fn load_u16(self, x: &[u16; CHUNK]) -> I32x16 {
            let [low, high] = cast(*x);
            I32x16([_mm256_cvtepu16_epi32(low), _mm256_cvtepu16_epi32(high)])
        }

        #[cfg(feature = "half")]
        fn store_u16(self, x: I32x16) -> [u16; CHUNK] {
            let [low, high] = x.0;
            cast(_mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packus_epi32(low, high)))
        }

        fn shl<const N: u32>(self, x: I32x16) -> I32x16 {
            let [a, b] = x.0;
            let by = _mm256_set1_epi32(N.cast_signed());
            I32x16([_mm256_sllv_epi32(a, by), _mm256_sllv_epi32(b, by)])
        }

        fn shr<const N: u32>(self, x: I32x16) -> I32x16 {
            let [a, b] = x.0;
            let by = _mm256_set1_epi32(N.cast_signed());
            I32x16([_mm256_srlv_epi32(a, by), _mm256_srlv_epi32(b, by)])
        }

        fn sar(self, x: I32x16, by: u32) -> I32x16 {
            let [a, b] = x.0;
            let by = _mm256_set1_epi32(by.cast_signed());
            I32x16([_mm256_srav_epi32(a, by), _mm256_srav_epi32(b, by)])
        }

        fn to_f32(self, x: I32x16) -> F32x16 {
            let [a, b] = x.0;
            F32x16([_mm256_cvtepi32_ps(a), _mm256_cvtepi32_ps(b)])
        }

        fn cast_i32(self, x: F32x16) -> I32x16 {
            let [a, b] = x.0;
            I32x16([_mm256_castps_si256(a), _mm256_castps_si256(b)])
        }

        fn cast_f32(self, x: I32x16) -> F32x16 {
            let [a, b] = x.0;
            F32x16([_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)])
        }

        inline {
            #[cfg(feature = "half")]
            half_precision!();

            #[inline(always)]
            fn call(self, task: impl Task<Self>) {
                #[inline(never)]
                #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
                fn run(lanes: Avx2, task: impl Task<Avx2>) {
                    task.run(lanes);
                }
                // SAFETY: `self` is the proof that the CPU has these features.
                unsafe { run(self, task) }
            }
        }
    }
}

/// The quarters of a vector packed from two, which come in the order 0, 2, 1, 3.
const IN_ORDER: i32 = 0b11_01_10_00;

/// The nearest `i16` of each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn pack(x: I32x16) -> __m256i {
    let [low, high] = x.0;
    _mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packs_epi32(low, high))
}

methods! {
    #[target_feature(enable = "avx2,bmi2")]
    impl WideLanes for Avx2 {
        const PAIRS: bool = true;

        type U64x8 = U64x8;

        fn splat(self, x: u64) -> U64x8 {
            U64x8([_mm256_set1_epi64x(x.cast_signed()); 2])
        }

        fn load(self, x: &[u64; GROUP]) -> U64x8 {
            U64x8(cast(*x))
        }

        fn sub_u64(self, x: U64x8, y: U64x8) -> U64x8 {
            let ([a, b], [c, d]) = (x.0, y.0);
            U64x8([_mm256_sub_epi64(a, c), _mm256_sub_epi64(b, d)])
        }

        fn shr_u64<const N: u32>(self, x: U64x8) -> U64x8 {
            let [a, b] = x.0;
            let by = _mm256_set1_epi64x(i64::from(N));
            U64x8([_mm256_srlv_epi64(a, by), _mm256_srlv_epi64(b, by)])
        }

        fn mul(self, x: U64x8, factor: u32) -> U64x8 {
            let [a, b] = x.0;
            let factor = _mm256_set1_epi64x(i64::from(factor));
            U64x8([_mm256_mul_epu32(a, factor), _mm256_mul_epu32(b, factor)])
        }

        fn swap(self, x: U64x8) -> U64x8 {
            let [a, b] = x.0;
            U64x8([_mm256_shuffle_epi32::<0b10_11_00_01>(a), _mm256_shuffle_epi32::<0b10_11_00_01>(b)])
        }

        fn interleave(self, halves: [U64x8; 2]) -> [[u64; 2]; GROUP] {
            let [I32x16([a, b]), I32x16([c, d])] = self.interleave_i32(halves);
            cast([a, b, c, d])
        }

        fn interleave_i32(self, halves: [U64x8; 2]) -> [I32x16; 2] {
            let [U64x8([a, b]), U64x8([c, d])] = halves;
            let (ac_even, ac_odd) = (_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c));
            let (bd_even, bd_odd) = (_mm256_unpacklo_epi64(b, d), _mm256_unpackhi_epi64(b, d));
            [
                I32x16([_mm256_permute2x128_si256::<0x20>(ac_even, ac_odd), _mm256_permute2x128_si256::<0x31>(ac_even, ac_odd)]),
                I32x16([_mm256_permute2x128_si256::<0x20>(bd_even, bd_odd), _mm256_permute2x128_si256::<0x31>(bd_even, bd_odd)]),
            ]
        }

        fn deposit(self, bits: u64, places: u64) -> u64 {
            _pdep_u64(bits, places)
        }

        inline {
            #[inline(always)]
            fn compare_bytes(self, bytes: [U64x8; 2], than: U64x8) -> [[u64; 2]; 2] {
                compare_bytes(self, bytes, than)
            }

            #[inline(always)]
            fn deal(self, bytes: [U64x8; 2], than: u8, places: [U64x8; 2], keep: [U64x8; 2]) -> Dealt {
                deal::deal(self, bytes, than, places, keep)
            }
        }
    }
}

/// [`WideLanes::compare_bytes`], inlined where a function with the instructions would be too large to be.
#[inline(always)]
fn compare_bytes(lanes: Avx2, bytes: [U64x8; 2], than: U64x8) -> [[u64; 2]; 2] {
    let (mut below, mut equal) = ([0; 2], [0; 2]);
    // SAFETY: an `Avx2` is the proof that the CPU has these instructions, which touch no memory.
    unsafe {
        let (bytes, than) = (lanes.interleave_i32(bytes), lanes.interleave_i32([than; 2]));
        for four in 0..2 {
            let ([a, b], [c, d]) = (bytes[four].0, than[four].0);
            for (bytes, than) in [(b, d), (a, c)] {
                let or_above = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(bytes, than), bytes));
                let same = _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, than));
                below[four] = below[four] << 32 | u64::from(!or_above.cast_unsigned());
                equal[four] = equal[four] << 32 | u64::from(same.cast_unsigned());
            }
        }
    }
    [below, equal]
}
