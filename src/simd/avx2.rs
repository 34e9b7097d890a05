//! AVX2 on x86-64, detected at run time. A vector of the traits is two registers, which keeps two chains of
//! multiplications in flight.
#![expect(unsafe_code, reason = "the intrinsics ask for a CPU that has them")]

use core::arch::x86_64::*;
use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Not, Sub};

use super::deal::{clear_dealt, lane_bits, splat_byte};
use super::lanes::{CHUNK, Lanes, Task};
use super::wide_lanes::{Dealt, GROUP, WideLanes};

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

/// Implements an operator by an intrinsic on each half.
macro_rules! operator {
    ($trait:ident, $method:ident, $vector:ident, $intrinsic:ident) => {
        impl $trait for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: an `Avx2` made the operands, and is the proof that the CPU has AVX2.
                Self(unsafe { [$intrinsic(self.0[0], other.0[0]), $intrinsic(self.0[1], other.0[1])] })
            }
        }
    };
}

operator!(BitXor, bitxor, U64x8, _mm256_xor_si256);
operator!(BitAnd, bitand, U64x8, _mm256_and_si256);
operator!(BitOr, bitor, U64x8, _mm256_or_si256);
operator!(Add, add, F32x16, _mm256_add_ps);
operator!(Sub, sub, F32x16, _mm256_sub_ps);
operator!(Mul, mul, F32x16, _mm256_mul_ps);
operator!(Div, div, F32x16, _mm256_div_ps);
operator!(Add, add, I32x16, _mm256_add_epi32);
operator!(Sub, sub, I32x16, _mm256_sub_epi32);
operator!(Mul, mul, I32x16, _mm256_mullo_epi32);
operator!(BitXor, bitxor, I32x16, _mm256_xor_si256);
operator!(BitAnd, bitand, I32x16, _mm256_and_si256);
operator!(BitOr, bitor, I32x16, _mm256_or_si256);

/// The same on quarters.
macro_rules! quarters {
    ($trait:ident, $method:ident, $intrinsic:ident) => {
        impl $trait for F64x16 {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
                // SAFETY: an `Avx2` made the operands, and is the proof that the CPU has AVX2.
                Self(unsafe { [$intrinsic(a, e), $intrinsic(b, f), $intrinsic(c, g), $intrinsic(d, h)] })
            }
        }
    };
}

quarters!(Add, add, _mm256_add_pd);
quarters!(Mul, mul, _mm256_mul_pd);

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

impl Lanes for Avx2 {
    type F32s = F32x16;
    type F64s = F64x16;
    type I32s = I32x16;

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

    #[inline(always)]
    fn splat_f32(self, x: f32) -> F32x16 {
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        F32x16(unsafe { [_mm256_set1_ps(x); 2] })
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; CHUNK]) -> F32x16 {
        // SAFETY: `self` proves the instructions; both types have 64 bytes, valid with any bits.
        F32x16(unsafe { core::mem::transmute::<[f32; 16], [__m256; 2]>(*x) })
    }

    #[inline(always)]
    fn store_f32(self, x: F32x16) -> [f32; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 64 bytes, valid with any bits.
        unsafe { core::mem::transmute(x.0) }
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, kept: F32x16, dropped: F32x16) -> F32x16 {
        let ([a, b], [c, d]) = (kept.0, dropped.0);
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        F32x16(unsafe {
            // Each lane's bit goes to its sign, which is what a blend looks at.
            let keep = _mm256_set1_epi32(i32::from(keep));
            let low = _mm256_sllv_epi32(keep, _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
            let high = _mm256_sllv_epi32(keep, _mm256_setr_epi32(23, 22, 21, 20, 19, 18, 17, 16));
            [_mm256_blendv_ps(c, a, _mm256_castsi256_ps(low)), _mm256_blendv_ps(d, b, _mm256_castsi256_ps(high))]
        })
    }

    #[inline(always)]
    fn splat_f64(self, x: f64) -> F64x16 {
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        F64x16(unsafe { [_mm256_set1_pd(x); 4] })
    }

    #[inline(always)]
    fn load_f64(self, x: &[f64; CHUNK]) -> F64x16 {
        // SAFETY: `self` proves the instructions; both types have 128 bytes, valid with any bits.
        F64x16(unsafe { core::mem::transmute::<[f64; 16], [__m256d; 4]>(*x) })
    }

    #[inline(always)]
    fn store_f64(self, x: F64x16) -> [f64; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 128 bytes, valid with any bits.
        unsafe { core::mem::transmute(x.0) }
    }

    #[inline(always)]
    fn select_f64(self, keep: u16, kept: F64x16, dropped: F64x16) -> F64x16 {
        let ([a, b, c, d], [e, f, g, h]) = (kept.0, dropped.0);
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        F64x16(unsafe {
            let keep = _mm256_set1_epi64x(i64::from(keep));
            let lanes = _mm256_setr_epi64x(63, 62, 61, 60);
            let next = _mm256_set1_epi64x(4);
            let second = _mm256_sub_epi64(lanes, next);
            let third = _mm256_sub_epi64(second, next);
            let last = _mm256_sub_epi64(third, next);
            [
                _mm256_blendv_pd(e, a, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, lanes))),
                _mm256_blendv_pd(f, b, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, second))),
                _mm256_blendv_pd(g, c, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, third))),
                _mm256_blendv_pd(h, d, _mm256_castsi256_pd(_mm256_sllv_epi64(keep, last))),
            ]
        })
    }

    #[inline(always)]
    fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 16 bytes, valid with any bits.
        unsafe {
            let lane = _mm_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
            let its_byte = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
            let keep = _mm_shuffle_epi8(_mm_cvtsi32_si128(keep.into()), its_byte);
            let keep = _mm_cmpeq_epi8(_mm_and_si128(keep, lane), lane);
            let kept = core::mem::transmute::<[u8; CHUNK], __m128i>(kept);
            let dropped = core::mem::transmute::<[u8; CHUNK], __m128i>(dropped);
            core::mem::transmute(_mm_blendv_epi8(dropped, kept, keep))
        }
    }

    #[inline(always)]
    fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 32 bytes, valid with any bits.
        unsafe {
            let lane = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, i16::MIN);
            let keep = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16(keep.cast_signed()), lane), lane);
            let kept = core::mem::transmute::<[u16; CHUNK], __m256i>(kept);
            let dropped = core::mem::transmute::<[u16; CHUNK], __m256i>(dropped);
            core::mem::transmute(_mm256_blendv_epi8(dropped, kept, keep))
        }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> I32x16 {
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        I32x16(unsafe { [_mm256_set1_epi32(x); 2] })
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; CHUNK]) -> I32x16 {
        // SAFETY: `self` proves the instructions; both types have 16 bytes, valid with any bits.
        I32x16(unsafe {
            let x = core::mem::transmute::<[i8; 16], __m128i>(*x);
            [_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(x, x))]
        })
    }

    #[inline(always)]
    fn store_i8(self, x: I32x16) -> [i8; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 16 bytes, valid with any bits.
        unsafe {
            let x = pack(x);
            core::mem::transmute(_mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)))
        }
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; CHUNK]) -> I32x16 {
        // SAFETY: `self` proves the instructions; both types have 16 bytes, valid with any bits.
        I32x16(unsafe {
            let x = core::mem::transmute::<[u8; 16], __m128i>(*x);
            [_mm256_cvtepu8_epi32(x), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(x, x))]
        })
    }

    #[inline(always)]
    fn store_u8(self, x: I32x16) -> [u8; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 16 bytes, valid with any bits.
        unsafe {
            let x = pack(x);
            core::mem::transmute(_mm_packus_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)))
        }
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; CHUNK]) -> I32x16 {
        // SAFETY: `self` proves the instructions; both types have 32 bytes, valid with any bits.
        I32x16(unsafe {
            let [low, high] = core::mem::transmute::<[i16; 16], [__m128i; 2]>(*x);
            [_mm256_cvtepi16_epi32(low), _mm256_cvtepi16_epi32(high)]
        })
    }

    #[inline(always)]
    fn store_i16(self, x: I32x16) -> [i16; CHUNK] {
        // SAFETY: `self` proves the instructions; both types have 32 bytes, valid with any bits.
        unsafe { core::mem::transmute(pack(x)) }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_u16(self, x: &[u16; CHUNK]) -> I32x16 {
        // SAFETY: `self` proves the instructions; both types have 32 bytes, valid with any bits.
        I32x16(unsafe {
            let [low, high] = core::mem::transmute::<[u16; 16], [__m128i; 2]>(*x);
            [_mm256_cvtepu16_epi32(low), _mm256_cvtepu16_epi32(high)]
        })
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_u16(self, x: I32x16) -> [u16; CHUNK] {
        let [low, high] = x.0;
        // SAFETY: `self` proves the instructions; both types have 32 bytes, valid with any bits.
        unsafe { core::mem::transmute(_mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packus_epi32(low, high))) }
    }

    #[cfg(feature = "half")]
    half_precision!();

    #[inline(always)]
    fn shl<const N: u32>(self, x: I32x16) -> I32x16 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        I32x16(unsafe {
            let by = _mm256_set1_epi32(N.cast_signed());
            [_mm256_sllv_epi32(a, by), _mm256_sllv_epi32(b, by)]
        })
    }

    #[inline(always)]
    fn shr<const N: u32>(self, x: I32x16) -> I32x16 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        I32x16(unsafe {
            let by = _mm256_set1_epi32(N.cast_signed());
            [_mm256_srlv_epi32(a, by), _mm256_srlv_epi32(b, by)]
        })
    }

    #[inline(always)]
    fn sar(self, x: I32x16, by: u32) -> I32x16 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        I32x16(unsafe {
            let by = _mm256_set1_epi32(by.cast_signed());
            [_mm256_srav_epi32(a, by), _mm256_srav_epi32(b, by)]
        })
    }

    #[inline(always)]
    fn to_f32(self, x: I32x16) -> F32x16 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        F32x16(unsafe { [_mm256_cvtepi32_ps(a), _mm256_cvtepi32_ps(b)] })
    }

    #[inline(always)]
    fn cast_i32(self, x: F32x16) -> I32x16 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        I32x16(unsafe { [_mm256_castps_si256(a), _mm256_castps_si256(b)] })
    }

    #[inline(always)]
    fn cast_f32(self, x: I32x16) -> F32x16 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        F32x16(unsafe { [_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)] })
    }
}

/// The quarters of a vector packed from two, which come in the order 0, 2, 1, 3.
const IN_ORDER: i32 = 0b11_01_10_00;

/// The nearest `i16` of each lane.
#[inline(always)]
fn pack(x: I32x16) -> __m256i {
    let [low, high] = x.0;
    // SAFETY: an `Avx2` made the operand, and is the proof that the CPU has AVX2.
    unsafe { _mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packs_epi32(low, high)) }
}

impl WideLanes for Avx2 {
    const PAIRS: bool = true;

    type U64x8 = U64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> U64x8 {
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        U64x8(unsafe { [_mm256_set1_epi64x(x.cast_signed()); 2] })
    }

    #[inline(always)]
    fn load(self, x: &[u64; GROUP]) -> U64x8 {
        // SAFETY: `self` proves the instructions; both types have 64 bytes, valid with any bits.
        U64x8(unsafe { core::mem::transmute::<[u64; GROUP], [__m256i; 2]>(*x) })
    }

    #[inline(always)]
    fn sub_u64(self, x: U64x8, y: U64x8) -> U64x8 {
        let ([a, b], [c, d]) = (x.0, y.0);
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        U64x8(unsafe { [_mm256_sub_epi64(a, c), _mm256_sub_epi64(b, d)] })
    }

    #[inline(always)]
    fn shr_u64<const N: u32>(self, x: U64x8) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        U64x8(unsafe {
            let by = _mm256_set1_epi64x(i64::from(N));
            [_mm256_srlv_epi64(a, by), _mm256_srlv_epi64(b, by)]
        })
    }

    #[inline(always)]
    fn mul(self, x: U64x8, factor: u32) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        U64x8(unsafe {
            let factor = _mm256_set1_epi64x(i64::from(factor));
            [_mm256_mul_epu32(a, factor), _mm256_mul_epu32(b, factor)]
        })
    }

    #[inline(always)]
    fn swap(self, x: U64x8) -> U64x8 {
        let [a, b] = x.0;
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        U64x8(unsafe { [_mm256_shuffle_epi32::<0b10_11_00_01>(a), _mm256_shuffle_epi32::<0b10_11_00_01>(b)] })
    }

    #[inline(always)]
    fn interleave(self, halves: [U64x8; 2]) -> [[u64; 2]; GROUP] {
        // SAFETY: `self` proves the instructions; four vectors are 128 bytes, as eight blocks are, and any bits are
        // valid for them.
        unsafe { core::mem::transmute(self.interleave_i32(halves).map(|x| x.0)) }
    }

    #[inline(always)]
    fn interleave_i32(self, [low, high]: [U64x8; 2]) -> [I32x16; 2] {
        let ([a, b], [c, d]) = (low.0, high.0);
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        unsafe {
            let (ac_even, ac_odd) = (_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c));
            let (bd_even, bd_odd) = (_mm256_unpacklo_epi64(b, d), _mm256_unpackhi_epi64(b, d));
            [
                I32x16([_mm256_permute2x128_si256::<0x20>(ac_even, ac_odd), _mm256_permute2x128_si256::<0x31>(ac_even, ac_odd)]),
                I32x16([_mm256_permute2x128_si256::<0x20>(bd_even, bd_odd), _mm256_permute2x128_si256::<0x31>(bd_even, bd_odd)]),
            ]
        }
    }

    #[inline(always)]
    fn compare_bytes(self, bytes: [U64x8; 2], than: U64x8) -> [[u64; 2]; 2] {
        let (bytes, than) = (self.interleave_i32(bytes), self.interleave_i32([than; 2]));
        let (mut below, mut equal) = ([0; 2], [0; 2]);
        for four in 0..2 {
            for two in [1, 0] {
                let (bytes, than) = (bytes[four].0[two], than[four].0[two]);
                // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
                let (or_above, same) = unsafe {
                    let or_above = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, than), bytes);
                    (_mm256_movemask_epi8(or_above), _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, than)))
                };
                below[four] = below[four] << 32 | u64::from(!or_above.cast_unsigned());
                equal[four] = equal[four] << 32 | u64::from(same.cast_unsigned());
            }
        }
        [below, equal]
    }

    #[inline(always)]
    fn deposit(self, bits: u64, places: u64) -> u64 {
        // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
        unsafe { _pdep_u64(bits, places) }
    }

    /// All lanes go from place to place together. PDEP would do it lane by lane, but takes Zen and Zen 2 hundreds of
    /// cycles.
    #[inline(always)]
    fn deal(self, bytes: [U64x8; 2], than: u8, places: [U64x8; 2], keep: [U64x8; 2]) -> Dealt {
        let mut dealt = Dealt { keep: [[0; 2]; GROUP], open: 0, many: 0 };
        let (mut cleared, mut far) = ([keep[0]; 2], 0);
        for quarter in 0..2 {
            let (first, last) = (places[0].0[quarter], places[1].0[quarter]);
            // SAFETY: `self` proves that the CPU has these instructions, which touch no memory.
            unsafe {
                let same = _mm256_set1_epi8(than.cast_signed());
                let sign = _mm256_set1_epi8(i8::MIN);
                let bytes = [bytes[0].0[quarter], bytes[1].0[quarter]];
                let than = _mm256_xor_si256(same, sign);
                let below = [
                    _mm256_cmpgt_epi8(than, _mm256_xor_si256(bytes[0], sign)),
                    _mm256_cmpgt_epi8(than, _mm256_xor_si256(bytes[1], sign)),
                ];
                let equal = [_mm256_cmpeq_epi8(bytes[0], same), _mm256_cmpeq_epi8(bytes[1], same)];

                // Eight times the numbers of places: how many bits the bytes of each half have.
                let (first_bits, last_bits) =
                    (_mm256_slli_epi64::<3>(count_ones(first)), _mm256_slli_epi64::<3>(count_ones(last)));
                let both_bits = _mm256_add_epi64(first_bits, last_bits);
                let bits = _mm256_set1_epi64x(64);
                let after = [
                    _mm256_or_si256(
                        _mm256_or_si256(
                            _mm256_srlv_epi64(below[0], first_bits),
                            _mm256_sllv_epi64(below[1], _mm256_sub_epi64(bits, first_bits)),
                        ),
                        _mm256_srlv_epi64(below[1], _mm256_sub_epi64(first_bits, bits)),
                    ),
                    _mm256_srlv_epi64(below[1], first_bits),
                ];
                cleared[0].0[quarter] = deposit_bytes(first, below);
                cleared[1].0[quarter] = deposit_bytes(last, after);

                let ones = _mm256_set1_epi8(-1);
                let with_byte = [
                    _mm256_srlv_epi64(ones, _mm256_subs_epu16(bits, both_bits)),
                    _mm256_xor_si256(_mm256_sllv_epi64(ones, _mm256_subs_epu16(both_bits, bits)), ones),
                ];
                let open = _mm256_or_si256(_mm256_and_si256(equal[0], with_byte[0]), _mm256_and_si256(equal[1], with_byte[1]));
                let settled = _mm256_cmpeq_epi64(open, _mm256_setzero_si256());
                let many = _mm256_cmpgt_epi64(both_bits, _mm256_set1_epi64x(8 * 16));
                let most = _mm256_max_epi32(first_bits, last_bits);
                let most = _mm256_cmpgt_epi64(most, _mm256_set1_epi64x(8 * MOST));
                dealt.open |= (!_mm256_movemask_pd(_mm256_castsi256_pd(settled)).cast_unsigned() as u8 & 15) << (4 * quarter);
                dealt.many |= (_mm256_movemask_pd(_mm256_castsi256_pd(many)).cast_unsigned() as u8) << (4 * quarter);
                far |= _mm256_movemask_pd(_mm256_castsi256_pd(most));
            }
        }
        dealt.keep = self.interleave([keep[0] & !cleared[0], keep[1] & !cleared[1]]);
        if far != 0 {
            dealt.keep = self.interleave(keep);
            let [below, _] = self.compare_bytes(bytes, self.splat(splat_byte(than)));
            for (i, (keep, places)) in dealt.keep.iter_mut().zip(self.interleave(places)).enumerate() {
                clear_dealt(self, lane_bits(below, i), places, keep);
            }
        }
        dealt
    }
}

/// The most places of half a lane that are dealt to in vectors. Of 64 places with probability 1/16 one half in 700 has
/// more.
const MOST: i64 = 10;

/// The places whose byte is set, of eight or sixteen bytes that are dealt to them in order.
#[inline(always)]
fn deposit_bytes(mut places: __m256i, bytes: [__m256i; 2]) -> __m256i {
    // SAFETY: an `Avx2` made the operands, and is the proof that the CPU has AVX2.
    unsafe {
        // Set where a place's byte differs from that of the place before: from there on, all places are turned over.
        let changes = [
            _mm256_xor_si256(bytes[0], _mm256_slli_epi64::<8>(bytes[0])),
            _mm256_xor_si256(bytes[1], _mm256_or_si256(_mm256_slli_epi64::<8>(bytes[1]), _mm256_srli_epi64::<56>(bytes[0]))),
        ];
        let mut dealt = _mm256_setzero_si256();
        for rank in 0..MOST {
            let byte = rank % 8 * 0x0101_0101_0101_0101;
            let byte = _mm256_setr_epi64x(byte, byte + 0x0808_0808_0808_0808, byte, byte + 0x0808_0808_0808_0808);
            let change = _mm256_shuffle_epi8(changes[usize::from(rank >= 8)], byte);
            dealt = _mm256_xor_si256(dealt, _mm256_and_si256(places, change));
            places = _mm256_and_si256(places, _mm256_add_epi64(places, _mm256_set1_epi64x(-1)));
        }
        dealt
    }
}

/// The ones of each lane (Mula's method).
#[inline(always)]
fn count_ones(x: __m256i) -> __m256i {
    // SAFETY: an `Avx2` made the operand, and is the proof that the CPU has AVX2.
    unsafe {
        let counts = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
        let nibble = _mm256_set1_epi8(15);
        let low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, nibble));
        let high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi64::<4>(x), nibble));
        _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256())
    }
}
