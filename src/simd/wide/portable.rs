//! Whatever `wide` finds at compile time: SSE2, NEON, wasm simd128.

use core::array::from_fn;
use core::ops::{Add, Mul};

use wide::{f32x16, f64x8, i32x16, u8x16, u16x16, u32x4, u32x16, u64x8};

use super::deal::deal;
use super::lanes::{Dealt, GROUP, WideLanes};
use crate::simd::lanes::{CHUNK, Lanes, Task, run};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[derive(Clone, Copy)]
pub(crate) struct F64x16([f64x8; 2]);

impl Add for F64x16 {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self([self.0[0] + other.0[0], self.0[1] + other.0[1]])
    }
}

impl Mul for F64x16 {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self([self.0[0] * other.0[0], self.0[1] * other.0[1]])
    }
}

/// The lanes whose bit in `keep` is set, in all bits.
#[inline(always)]
fn kept_lanes(keep: u16) -> u32x16 {
    let lane = u32x16::new(from_fn(|i| 1 << i));
    (u32x16::splat(u32::from(keep)) & lane).simd_eq(lane)
}

impl Lanes for Portable {
    type F32s = f32x16;
    type F64s = F64x16;
    type I32s = i32x16;

    #[inline(always)]
    fn call(self, task: impl Task<Self>) {
        run(self, task);
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> f32x16 {
        f32x16::splat(x)
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; CHUNK]) -> f32x16 {
        f32x16::new(*x)
    }

    #[inline(always)]
    fn store_f32(self, x: f32x16) -> [f32; CHUNK] {
        x.to_array()
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, kept: f32x16, dropped: f32x16) -> f32x16 {
        kept_lanes(keep).select(kept, dropped)
    }

    #[inline(always)]
    fn splat_f64(self, x: f64) -> F64x16 {
        F64x16([f64x8::splat(x); 2])
    }

    #[inline(always)]
    fn load_f64(self, x: &[f64; CHUNK]) -> F64x16 {
        let (low, high) = x.split_at(8);
        F64x16([f64x8::new(from_fn(|i| low[i])), f64x8::new(from_fn(|i| high[i]))])
    }

    #[inline(always)]
    fn store_f64(self, x: F64x16) -> [f64; CHUNK] {
        let [low, high] = x.0.map(f64x8::to_array);
        from_fn(|i| if i < 8 { low[i] } else { high[i - 8] })
    }

    #[inline(always)]
    fn select_f64(self, keep: u16, kept: F64x16, dropped: F64x16) -> F64x16 {
        let lane = u64x8::new(from_fn(|i| 1 << i));
        let [low, high] = [keep, keep >> 8].map(|half| (u64x8::splat(u64::from(half)) & lane).simd_eq(lane));
        F64x16([low.select(kept.0[0], dropped.0[0]), high.select(kept.0[1], dropped.0[1])])
    }

    #[inline(always)]
    fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK] {
        let [low, high] = keep.to_le_bytes();
        let lane = u8x16::new(from_fn(|i| 1 << (i % 8)));
        let kept_lanes = (u8x16::new(from_fn(|i| if i < 8 { low } else { high })) & lane).simd_eq(lane);
        let dropped = u8x16::new(dropped);
        (dropped ^ (dropped ^ u8x16::new(kept)) & kept_lanes).to_array()
    }

    #[inline(always)]
    fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK] {
        let lane = u16x16::new(from_fn(|i| 1 << i));
        let kept_lanes = (u16x16::splat(keep) & lane).simd_eq(lane);
        let dropped = u16x16::new(dropped);
        (dropped ^ (dropped ^ u16x16::new(kept)) & kept_lanes).to_array()
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> i32x16 {
        i32x16::splat(x)
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; CHUNK]) -> i32x16 {
        i32x16::new(x.map(i32::from))
    }

    #[inline(always)]
    fn store_i8(self, x: i32x16) -> [i8; CHUNK] {
        let nearest = x.max(i32x16::splat(i8::MIN.into())).min(i32x16::splat(i8::MAX.into()));
        nearest.to_array().map(|x| x as i8)
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; CHUNK]) -> i32x16 {
        i32x16::new(x.map(i32::from))
    }

    #[inline(always)]
    fn store_u8(self, x: i32x16) -> [u8; CHUNK] {
        let nearest = x.max(i32x16::splat(u8::MIN.into())).min(i32x16::splat(u8::MAX.into()));
        nearest.to_array().map(|x| x.cast_unsigned() as u8)
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; CHUNK]) -> i32x16 {
        i32x16::new(x.map(i32::from))
    }

    #[inline(always)]
    fn store_i16(self, x: i32x16) -> [i16; CHUNK] {
        let nearest = x.max(i32x16::splat(i16::MIN.into())).min(i32x16::splat(i16::MAX.into()));
        nearest.to_array().map(|x| x as i16)
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_u16(self, x: &[u16; CHUNK]) -> i32x16 {
        i32x16::new(x.map(i32::from))
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_u16(self, x: i32x16) -> [u16; CHUNK] {
        x.to_array().map(|x| x.cast_unsigned() as u16)
    }

    #[cfg(feature = "half")]
    half_precision!();

    #[inline(always)]
    fn shl<const N: u32>(self, x: i32x16) -> i32x16 {
        x << N
    }

    #[inline(always)]
    fn shr<const N: u32>(self, x: i32x16) -> i32x16 {
        i32x16::new((u32x16::new(x.to_array().map(i32::cast_unsigned)) >> N).to_array().map(u32::cast_signed))
    }

    #[inline(always)]
    fn sar(self, x: i32x16, by: u32) -> i32x16 {
        x >> by
    }

    #[inline(always)]
    fn to_f32(self, x: i32x16) -> f32x16 {
        f32x16::from_i32x16(x)
    }

    #[inline(always)]
    fn cast_i32(self, x: f32x16) -> i32x16 {
        i32x16::new(x.to_array().map(|x| x.to_bits().cast_signed()))
    }

    #[inline(always)]
    fn cast_f32(self, x: i32x16) -> f32x16 {
        f32x16::new(x.to_array().map(|x| f32::from_bits(x.cast_unsigned())))
    }
}

impl WideLanes for Portable {
    const PAIRS: bool = false;

    type U64x8 = u64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> u64x8 {
        u64x8::splat(x)
    }

    #[inline(always)]
    fn load(self, x: &[u64; GROUP]) -> u64x8 {
        u64x8::new(*x)
    }

    #[inline(always)]
    fn sub_u64(self, x: u64x8, y: u64x8) -> u64x8 {
        x - y
    }

    #[inline(always)]
    fn shr_u64<const N: u32>(self, x: u64x8) -> u64x8 {
        x >> N
    }

    #[inline(always)]
    fn mul(self, x: u64x8, factor: u32) -> u64x8 {
        // Two lanes' halves are a `u32x4`. Of its four products only those of the low halves are used, which leaves one
        // multiply instruction a vector of 128 bits.
        let x = x.to_array();
        let pair = |i: usize| {
            let halves = u32x4::new([x[i] as u32, (x[i] >> 32) as u32, x[i + 1] as u32, (x[i + 1] >> 32) as u32]);
            let [first, _, second, _] = halves.widening_mul(u32x4::splat(factor)).to_array();
            [first, second]
        };
        let ([a, b], [c, d], [e, f], [g, h]) = (pair(0), pair(2), pair(4), pair(6));
        u64x8::new([a, b, c, d, e, f, g, h])
    }

    #[inline(always)]
    fn swap(self, x: u64x8) -> u64x8 {
        x >> 32 | x << 32
    }

    #[inline(always)]
    fn interleave(self, [low, high]: [u64x8; 2]) -> [[u64; 2]; GROUP] {
        let (low, high) = (low.to_array(), high.to_array());
        from_fn(|i| [low[i], high[i]])
    }

    #[inline(always)]
    fn interleave_i32(self, halves: [u64x8; 2]) -> [i32x16; 2] {
        let blocks = self.interleave(halves);
        let word = |i: usize| (blocks[i / 4][i / 2 % 2] >> (i % 2 * 32)) as i32;
        [i32x16::new(from_fn(word)), i32x16::new(from_fn(|i| word(16 + i)))]
    }

    #[inline(always)]
    fn compare_bytes(self, bytes: [u64x8; 2], than: u64x8) -> [[u64; 2]; 2] {
        let sixteen = |[low, high]: [u64; 2]| u8x16::new(from_fn(|i| (if i < 8 { low } else { high } >> (i % 8 * 8)) as u8));
        let (bytes, than) = (self.interleave(bytes).map(sixteen), self.interleave([than; 2]).map(sixteen));
        let (mut below, mut equal) = ([0; 2], [0; 2]);
        for i in (0..GROUP).rev() {
            below[i / 4] = below[i / 4] << 16 | u64::from(bytes[i].simd_lt(than[i]).to_bitmask());
            equal[i / 4] = equal[i / 4] << 16 | u64::from(bytes[i].simd_eq(than[i]).to_bitmask());
        }
        [below, equal]
    }

    #[inline(always)]
    fn deal(self, bytes: [u64x8; 2], than: u8, places: [u64x8; 2], keep: [u64x8; 2]) -> Dealt {
        deal(self, bytes, than, places, keep)
    }
}
