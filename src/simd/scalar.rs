//! No vectors at all: the backend of microcontrollers, small, and the reference that the others are tested against.

use core::array::from_fn;
use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Sub};

use super::lanes::{CHUNK, Lanes, Task, run};
use super::vectors::VECTORS;

#[derive(Clone, Copy)]
pub(crate) struct Scalar;

/// The lanes of a chunk, one after another.
#[derive(Clone, Copy)]
pub(crate) struct Array<T>([T; CHUNK]);

impl<T> AsMut<[T; CHUNK]> for Array<T> {
    fn as_mut(&mut self) -> &mut [T; CHUNK] {
        &mut self.0
    }
}

/// Implements an operator lane by lane.
macro_rules! operator {
    ($trait:ident, $method:ident, $($type:ty: $lane:expr),+) => {
        $(impl $trait for Array<$type> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(from_fn(|i| $lane(self.0[i], other.0[i])))
            }
        })+
    };
}

operator!(Add, add, f32: f32::add, f64: f64::add, i32: i32::wrapping_add);
operator!(Sub, sub, f32: f32::sub, i32: i32::wrapping_sub);
operator!(Mul, mul, f32: f32::mul, f64: f64::mul, i32: i32::wrapping_mul);
operator!(Div, div, f32: f32::div);
operator!(BitXor, bitxor, i32: i32::bitxor);
operator!(BitAnd, bitand, i32: i32::bitand);
operator!(BitOr, bitor, i32: i32::bitor);

impl<T: Copy> Array<T> {
    #[inline(always)]
    fn select(keep: u16, kept: Self, dropped: Self) -> Self {
        Self(from_fn(|i| if keep >> i & 1 == 1 { kept.0[i] } else { dropped.0[i] }))
    }
}

impl Lanes for Scalar {
    type F32s = Array<f32>;
    type F64s = Array<f64>;
    type I32s = Array<i32>;

    #[inline(always)]
    fn call(self, task: impl Task<Self>) {
        // Firmware has few kernels, and the compiler knows best which calls it had better inline.
        if VECTORS { run(self, task) } else { task.run(self) }
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> Array<f32> {
        Array([x; CHUNK])
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; CHUNK]) -> Array<f32> {
        Array(*x)
    }

    #[inline(always)]
    fn store_f32(self, x: Array<f32>) -> [f32; CHUNK] {
        x.0
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, kept: Array<f32>, dropped: Array<f32>) -> Array<f32> {
        Array::select(keep, kept, dropped)
    }

    #[inline(always)]
    fn splat_f64(self, x: f64) -> Array<f64> {
        Array([x; CHUNK])
    }

    #[inline(always)]
    fn load_f64(self, x: &[f64; CHUNK]) -> Array<f64> {
        Array(*x)
    }

    #[inline(always)]
    fn store_f64(self, x: Array<f64>) -> [f64; CHUNK] {
        x.0
    }

    #[inline(always)]
    fn select_f64(self, keep: u16, kept: Array<f64>, dropped: Array<f64>) -> Array<f64> {
        Array::select(keep, kept, dropped)
    }

    #[inline(always)]
    fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK] {
        Array::select(keep, Array(kept), Array(dropped)).0
    }

    #[inline(always)]
    fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK] {
        Array::select(keep, Array(kept), Array(dropped)).0
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Array<i32> {
        Array([x; CHUNK])
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; CHUNK]) -> Array<i32> {
        Array(x.map(i32::from))
    }

    #[inline(always)]
    fn store_i8(self, x: Array<i32>) -> [i8; CHUNK] {
        x.0.map(|x| x.clamp(i8::MIN.into(), i8::MAX.into()) as i8)
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; CHUNK]) -> Array<i32> {
        Array(x.map(i32::from))
    }

    #[inline(always)]
    fn store_u8(self, x: Array<i32>) -> [u8; CHUNK] {
        x.0.map(|x| x.clamp(u8::MIN.into(), u8::MAX.into()).cast_unsigned() as u8)
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; CHUNK]) -> Array<i32> {
        Array(x.map(i32::from))
    }

    #[inline(always)]
    fn store_i16(self, x: Array<i32>) -> [i16; CHUNK] {
        x.0.map(|x| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_u16(self, x: &[u16; CHUNK]) -> Array<i32> {
        Array(x.map(i32::from))
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_u16(self, x: Array<i32>) -> [u16; CHUNK] {
        x.0.map(|x| x.cast_unsigned() as u16)
    }

    #[cfg(feature = "half")]
    half_precision!();

    #[inline(always)]
    fn shl<const N: u32>(self, x: Array<i32>) -> Array<i32> {
        Array(x.0.map(|x| x << N))
    }

    #[inline(always)]
    fn shr<const N: u32>(self, x: Array<i32>) -> Array<i32> {
        Array(x.0.map(|x| (x.cast_unsigned() >> N).cast_signed()))
    }

    #[inline(always)]
    fn sar(self, x: Array<i32>, by: u32) -> Array<i32> {
        Array(x.0.map(|x| x >> (by % 32)))
    }

    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "rounds to nearest")]
    fn to_f32(self, x: Array<i32>) -> Array<f32> {
        Array(x.0.map(|x| x as f32))
    }

    #[inline(always)]
    fn cast_i32(self, x: Array<f32>) -> Array<i32> {
        Array(x.0.map(|x| x.to_bits().cast_signed()))
    }

    #[inline(always)]
    fn cast_f32(self, x: Array<i32>) -> Array<f32> {
        Array(x.0.map(|x| f32::from_bits(x.cast_unsigned())))
    }
}
