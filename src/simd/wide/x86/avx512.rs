//! AVX-512 on x86-64, detected at run time.
#![expect(unsafe_code, reason = "what is compiled with these instructions asks for a CPU that has them")]

use core::arch::x86_64::*;
use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Not, Sub};

use bytemuck::must_cast as cast;

use crate::simd::lanes::{CHUNK, Lanes, Task};
use crate::simd::wide::lanes::{Dealt, GROUP, WideLanes};

cpufeatures::new!(
    detected,
    "avx2",
    "fma",
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512vbmi",
    "avx512vbmi2",
    "avx512vpopcntdq",
    "bmi1",
    "bmi2",
    "popcnt"
);

/// A CPU with AVX-512 F, BW, DQ, VL, VBMI and VPOPCNTDQ, and with BMI1, BMI2 and POPCNT. [`Avx512::detect`] alone makes
/// one.
///
/// AVX2, FMA and F16C are asked for, or (F16C) come with the foundation, because the compiler takes all three for
/// granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Asks for VBMI2 as well, which no kernel uses: CPUs without it, before Ice Lake, slow down for 512-bit
    /// instructions.
    pub(crate) fn detect() -> Option<Self> {
        detected::get().then_some(Self(()))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct U64x8(__m512i);

#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);

#[derive(Clone, Copy)]
pub(crate) struct F64x16([__m512d; 2]);

#[derive(Clone, Copy)]
pub(crate) struct I32x16(__m512i);

operator!(BitXor, bitxor, U64x8, _mm512_xor_si512);
operator!(BitAnd, bitand, U64x8, _mm512_and_si512);
operator!(BitOr, bitor, U64x8, _mm512_or_si512);
operator!(Add, add, F32x16, _mm512_add_ps);
operator!(Sub, sub, F32x16, _mm512_sub_ps);
operator!(Mul, mul, F32x16, _mm512_mul_ps);
operator!(Div, div, F32x16, _mm512_div_ps);
operator!(Add, add, F64x16, _mm512_add_pd, 0 1);
operator!(Mul, mul, F64x16, _mm512_mul_pd, 0 1);
operator!(Add, add, I32x16, _mm512_add_epi32);
operator!(Sub, sub, I32x16, _mm512_sub_epi32);
operator!(Mul, mul, I32x16, _mm512_mullo_epi32);
operator!(BitXor, bitxor, I32x16, _mm512_xor_si512);
operator!(BitAnd, bitand, I32x16, _mm512_and_si512);
operator!(BitOr, bitor, I32x16, _mm512_or_si512);

impl Not for U64x8 {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        self ^ Self(cast([u64::MAX; GROUP]))
    }
}

methods! {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    impl Lanes for Avx512 {
        type F32s = F32x16;
        type F64s = F64x16;
        type I32s = I32x16;

        fn splat_f32(self, x: f32) -> F32x16 {
            F32x16(_mm512_set1_ps(x))
        }

        fn load_f32(self, x: &[f32; CHUNK]) -> F32x16 {
            F32x16(cast(*x))
        }

        fn store_f32(self, x: F32x16) -> [f32; CHUNK] {
            cast(x.0)
        }

        fn select_f32(self, keep: u16, kept: F32x16, dropped: F32x16) -> F32x16 {
            F32x16(_mm512_mask_mov_ps(dropped.0, keep, kept.0))
        }

        fn splat_f64(self, x: f64) -> F64x16 {
            F64x16([_mm512_set1_pd(x); 2])
        }

        fn load_f64(self, x: &[f64; CHUNK]) -> F64x16 {
            F64x16(cast(*x))
        }

        fn store_f64(self, x: F64x16) -> [f64; CHUNK] {
            cast(x.0)
        }

        fn select_f64(self, keep: u16, kept: F64x16, dropped: F64x16) -> F64x16 {
            let ([a, b], [c, d]) = (kept.0, dropped.0);
            F64x16([_mm512_mask_mov_pd(c, keep as u8, a), _mm512_mask_mov_pd(d, (keep >> 8) as u8, b)])
        }

        fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK] {
            cast(_mm_mask_mov_epi8(cast(dropped), keep, cast(kept)))
        }

        fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK] {
            cast(_mm256_mask_mov_epi16(cast(dropped), keep, cast(kept)))
        }

        fn splat_i32(self, x: i32) -> I32x16 {
            I32x16(_mm512_set1_epi32(x))
        }

        fn load_i8(self, x: &[i8; CHUNK]) -> I32x16 {
            I32x16(_mm512_cvtepi8_epi32(cast(*x)))
        }

        fn store_i8(self, x: I32x16) -> [i8; CHUNK] {
            cast(_mm512_cvtsepi32_epi8(x.0))
        }

        fn load_u8(self, x: &[u8; CHUNK]) -> I32x16 {
            I32x16(_mm512_cvtepu8_epi32(cast(*x)))
        }

        /// The conversion takes lanes for unsigned, and so the negative ones for large.
        fn store_u8(self, x: I32x16) -> [u8; CHUNK] {
            cast(_mm512_cvtusepi32_epi8(_mm512_max_epi32(x.0, _mm512_setzero_si512())))
        }

        fn load_i16(self, x: &[i16; CHUNK]) -> I32x16 {
            I32x16(_mm512_cvtepi16_epi32(cast(*x)))
        }

        fn store_i16(self, x: I32x16) -> [i16; CHUNK] {
            cast(_mm512_cvtsepi32_epi16(x.0))
        }

        #[cfg(feature = "half")]
        fn load_u16(self, x: &[u16; CHUNK]) -> I32x16 {
            I32x16(_mm512_cvtepu16_epi32(cast(*x)))
        }

        #[cfg(feature = "half")]
        fn store_u16(self, x: I32x16) -> [u16; CHUNK] {
            cast(_mm512_cvtepi32_epi16(x.0))
        }

        #[cfg(feature = "half")]
        fn load_f16(self, x: &[u16; CHUNK]) -> F32x16 {
            F32x16(_mm512_cvtph_ps(cast(*x)))
        }

        #[cfg(feature = "half")]
        fn store_f16(self, x: F32x16) -> [u16; CHUNK] {
            cast(_mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x.0))
        }

        #[cfg(feature = "half")]
        fn load_bf16(self, x: &[u16; CHUNK]) -> F32x16 {
            crate::simd::half::load_bf16(self, x)
        }

        /// As in [`half`](crate::simd::half), with the NaNs told by a comparison. VCVTNEPS2BF16 flushes
        /// subnormals to zero.
        #[cfg(feature = "half")]
        fn store_bf16(self, x: F32x16) -> [u16; CHUNK] {
            let bits = self.cast_i32(x);
            let truncated = self.shr::<16>(bits);
            let odd = truncated & self.splat_i32(1);
            let number = self.shr::<16>(bits + odd + self.splat_i32(0x7FFF));
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x.0, x.0);
            self.store_u16(I32x16(_mm512_mask_or_epi32(number.0, nan, truncated.0, _mm512_set1_epi32(0x40))))
        }

        fn shl<const N: u32>(self, x: I32x16) -> I32x16 {
            I32x16(_mm512_slli_epi32::<N>(x.0))
        }

        fn shr<const N: u32>(self, x: I32x16) -> I32x16 {
            I32x16(_mm512_srli_epi32::<N>(x.0))
        }

        fn sar(self, x: I32x16, by: u32) -> I32x16 {
            I32x16(_mm512_srav_epi32(x.0, _mm512_set1_epi32(by.cast_signed())))
        }

        fn to_f32(self, x: I32x16) -> F32x16 {
            F32x16(_mm512_cvtepi32_ps(x.0))
        }

        fn cast_i32(self, x: F32x16) -> I32x16 {
            I32x16(_mm512_castps_si512(x.0))
        }

        fn cast_f32(self, x: I32x16) -> F32x16 {
            F32x16(_mm512_castsi512_ps(x.0))
        }

        inline {
            #[inline(always)]
            fn call(self, task: impl Task<Self>) {
                #[inline(never)]
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vpopcntdq,bmi1,bmi2,popcnt")]
                fn run(lanes: Avx512, task: impl Task<Avx512>) {
                    task.run(lanes);
                }
                // SAFETY: `self` is the proof that the CPU has these features.
                unsafe { run(self, task) }
            }
        }
    }
}

methods! {
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vpopcntdq,bmi2")]
    impl WideLanes for Avx512 {
        const PAIRS: bool = true;

        type U64x8 = U64x8;

        fn splat(self, x: u64) -> U64x8 {
            U64x8(_mm512_set1_epi64(x.cast_signed()))
        }

        fn load(self, x: &[u64; GROUP]) -> U64x8 {
            U64x8(cast(*x))
        }

        fn sub_u64(self, x: U64x8, y: U64x8) -> U64x8 {
            U64x8(_mm512_sub_epi64(x.0, y.0))
        }

        fn shr_u64<const N: u32>(self, x: U64x8) -> U64x8 {
            U64x8(_mm512_srli_epi64::<N>(x.0))
        }

        fn mul(self, x: U64x8, factor: u32) -> U64x8 {
            U64x8(_mm512_mul_epu32(x.0, _mm512_set1_epi64(i64::from(factor))))
        }

        fn swap(self, x: U64x8) -> U64x8 {
            U64x8(_mm512_ror_epi64::<32>(x.0))
        }

        fn interleave(self, halves: [U64x8; 2]) -> [[u64; 2]; GROUP] {
            let [I32x16(first), I32x16(last)] = self.interleave_i32(halves);
            cast([first, last])
        }

        fn interleave_i32(self, halves: [U64x8; 2]) -> [I32x16; 2] {
            let [low, high] = halves;
            [
                I32x16(_mm512_permutex2var_epi64(low.0, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), high.0)),
                I32x16(_mm512_permutex2var_epi64(low.0, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), high.0)),
            ]
        }

        fn compare_bytes(self, bytes: [U64x8; 2], than: U64x8) -> [[u64; 2]; 2] {
            let (bytes, than) = (self.interleave_i32(bytes), self.interleave_i32([than; 2]));
            [
                [_mm512_cmplt_epu8_mask(bytes[0].0, than[0].0), _mm512_cmplt_epu8_mask(bytes[1].0, than[1].0)],
                [_mm512_cmpeq_epu8_mask(bytes[0].0, than[0].0), _mm512_cmpeq_epu8_mask(bytes[1].0, than[1].0)],
            ]
        }

        fn deposit(self, bits: u64, places: u64) -> u64 {
            _pdep_u64(bits, places)
        }

        inline {
            #[inline(always)]
            fn deal(self, bytes: [U64x8; 2], than: u8, places: [U64x8; 2], keep: [U64x8; 2]) -> Dealt {
                deal(self, bytes, than, places, keep)
            }
        }
    }
}

/// [`WideLanes::deal`], inlined where a function with the instructions would be too large to be.
#[inline(always)]
fn deal(lanes: Avx512, bytes: [U64x8; 2], than: u8, places: [U64x8; 2], keep: [U64x8; 2]) -> Dealt {
    // SAFETY: an `Avx512` is the proof that the CPU has these instructions, which touch no memory. Two masks are sixteen
    // bytes, as the bits of eight lanes are, and any bits are valid for them. The pointers are those of references.
    unsafe {
        let mut dealt = Dealt { keep: lanes.interleave(keep), open: 0, many: 0 };
        let lane_places = lanes.interleave(places);
        // Four lanes in each, their sixteen bytes behind each other.
        let bytes = lanes.interleave_i32(bytes);
        let than = _mm512_set1_epi8(than.cast_signed());
        let counts = _mm512_add_epi64(_mm512_popcnt_epi64(places[0].0), _mm512_popcnt_epi64(places[1].0));
        dealt.many = _mm512_cmpgt_epu64_mask(counts, _mm512_set1_epi64(16));
        let rank = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        let lane = _mm512_setr_epi64(0, 0, SPREAD, SPREAD, 2 * SPREAD, 2 * SPREAD, 3 * SPREAD, 3 * SPREAD);
        let mut below = [0; 2];
        for half in 0..2 {
            below[half] = _mm512_cmplt_epu8_mask(bytes[half].0, than);
            let lane = _mm512_add_epi8(lane, _mm512_set1_epi8(32 * half as i8));
            let counts = _mm512_permutexvar_epi8(lane, counts);
            let same = _mm512_cmpeq_epu8_mask(bytes[half].0, than);
            let equal = _mm512_mask_cmpgt_epu8_mask(same, counts, rank);
            // The top bit of sixteen, if any is set.
            let any = (((equal & !TOP) + !TOP) | equal) & TOP;
            dealt.open |= (_pext_u64(any, TOP) as u8) << (4 * half);
        }
        let below = core::mem::transmute::<[u64; 2], [u16; GROUP]>(below);
        // Volatile, or the compiler moves each integer from and to vectors, on the ports that multiply.
        for i in 0..GROUP {
            let below = u64::from((&raw const below[i]).read_volatile());
            let first = (&raw const lane_places[i][0]).read_volatile();
            let last = (&raw const lane_places[i][1]).read_volatile();
            dealt.keep[i][0] &= !_pdep_u64(below, first);
            // A shift by 64 is none, but no byte is left for the last 64 places of a lane with 64 before.
            dealt.keep[i][1] &= !_pdep_u64(below >> (first.count_ones() % 64), last);
        }
        dealt
    }
}

/// The bytes of a lane's number, eight times that of lane 1.
const SPREAD: i64 = 0x0808_0808_0808_0808;

/// The top bit of each sixteen.
const TOP: u64 = 0x8000_8000_8000_8000;
