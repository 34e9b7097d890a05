//! Whatever `wide` finds at compile time: SSE2, NEON, wasm simd128.

use core::ops::{Add, Mul};

use bytemuck::must_cast as cast;
use wide::{f32x4, f32x16, f64x2, f64x8, i8x16, i16x8, i16x16, i32x4, i32x8, i32x16, u8x16, u16x16, u32x4, u32x16, u64x2, u64x8};

use super::deal::{deal, splat_byte};
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

/// Four times the same, written out: at opt-level s the compiler leaves `[x; 16]`, which `splat` is, as a loop.
#[inline(always)]
const fn four<T: Copy>(x: T) -> [T; 4] {
    [x, x, x, x]
}

/// The lanes whose bit in `keep` is set, in all bits.
#[inline(always)]
fn kept_lanes(keep: u16) -> u32x16 {
    let lane = u32x16::new([1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000]);
    (cast::<_, u32x16>(four(u32x4::new(four(keep.into())))) & lane).simd_eq(lane)
}

/// Saturated to sixteen bits.
#[inline(always)]
fn narrow(x: i32x16) -> [i16x8; 2] {
    let [low, high] = cast::<_, [i32x8; 2]>(x);
    [i16x8::from_i32x8_saturate(low), i16x8::from_i32x8_saturate(high)]
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
        cast(four(f32x4::new(four(x))))
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
        let eight = cast(four(f64x2::new([x, x])));
        F64x16([eight, eight])
    }

    #[inline(always)]
    fn load_f64(self, x: &[f64; CHUNK]) -> F64x16 {
        F64x16(cast(*x))
    }

    #[inline(always)]
    fn store_f64(self, x: F64x16) -> [f64; CHUNK] {
        cast(x.0)
    }

    #[inline(always)]
    fn select_f64(self, keep: u16, kept: F64x16, dropped: F64x16) -> F64x16 {
        let lane = u64x8::new([1, 2, 4, 8, 16, 32, 64, 128]);
        let kept_lanes = |keep: u16| (self.splat(keep.into()) & lane).simd_eq(lane);
        let ([kept_low, kept_high], [dropped_low, dropped_high]) = (kept.0, dropped.0);
        F64x16([kept_lanes(keep).select(kept_low, dropped_low), kept_lanes(keep >> 8).select(kept_high, dropped_high)])
    }

    #[inline(always)]
    fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK] {
        let [low, high] = keep.to_le_bytes();
        let lane = u8x16::new([1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128]);
        let kept_lanes = (cast::<_, u8x16>([splat_byte(low), splat_byte(high)]) & lane).simd_eq(lane);
        let dropped = u8x16::new(dropped);
        (dropped ^ (dropped ^ u8x16::new(kept)) & kept_lanes).to_array()
    }

    #[inline(always)]
    fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK] {
        let lane = u16x16::new([1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000]);
        let kept_lanes = (cast::<_, u16x16>(four(four(keep))) & lane).simd_eq(lane);
        let dropped = u16x16::new(dropped);
        (dropped ^ (dropped ^ u16x16::new(kept)) & kept_lanes).to_array()
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> i32x16 {
        cast(four(i32x4::new(four(x))))
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; CHUNK]) -> i32x16 {
        i16x16::from(i8x16::new(*x)).into()
    }

    #[inline(always)]
    fn store_i8(self, x: i32x16) -> [i8; CHUNK] {
        i8x16::from_i16x16_saturate(cast(narrow(x))).to_array()
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; CHUNK]) -> i32x16 {
        i16x16::from(u8x16::new(*x)).into()
    }

    #[inline(always)]
    fn store_u8(self, x: i32x16) -> [u8; CHUNK] {
        let [low, high] = narrow(x);
        u8x16::narrow_i16x8(low, high).to_array()
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; CHUNK]) -> i32x16 {
        i16x16::new(*x).into()
    }

    #[inline(always)]
    fn store_i16(self, x: i32x16) -> [i16; CHUNK] {
        cast(narrow(x))
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_u16(self, x: &[u16; CHUNK]) -> i32x16 {
        cast(u32x16::from(u16x16::new(*x)))
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_u16(self, x: i32x16) -> [u16; CHUNK] {
        let [low, high] = cast::<_, [i32x8; 2]>(x);
        cast([i16x8::from_i32x8_truncate(low), i16x8::from_i32x8_truncate(high)])
    }

    #[cfg(feature = "half")]
    half_precision!();

    #[inline(always)]
    fn shl<const N: u32>(self, x: i32x16) -> i32x16 {
        x << N
    }

    #[inline(always)]
    fn shr<const N: u32>(self, x: i32x16) -> i32x16 {
        cast(cast::<_, u32x16>(x) >> N)
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
        cast(x)
    }

    #[inline(always)]
    fn cast_f32(self, x: i32x16) -> f32x16 {
        cast(x)
    }
}

impl WideLanes for Portable {
    const PAIRS: bool = false;

    type U64x8 = u64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> u64x8 {
        cast(four(u64x2::new([x, x])))
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
            let [first, _, second, _] = halves.widening_mul(u32x4::new(four(factor))).to_array();
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
        let ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) = (low.to_array(), high.to_array());
        [[a, i], [b, j], [c, k], [d, l], [e, m], [f, n], [g, o], [h, p]]
    }

    #[inline(always)]
    fn interleave_i32(self, halves: [u64x8; 2]) -> [i32x16; 2] {
        // The lower half of each first.
        cast(self.interleave(if cfg!(target_endian = "big") { halves.map(|x| self.swap(x)) } else { halves }))
    }

    #[inline(always)]
    fn compare_bytes(self, bytes: [u64x8; 2], than: u64x8) -> [[u64; 2]; 2] {
        let sixteen = |bytes: [u64; 2]| cast::<_, u8x16>(bytes.map(u64::to_le));
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
