//! No vectors at all: the backend of microcontrollers, small, and the reference that the others are tested against.

use core::ops::Mul;

use super::Lanes;
use crate::bernoulli::Bernoulli;
use crate::tiles::{Block, Generator, Work, split};

#[derive(Clone, Copy)]
pub(crate) struct Scalar;

#[derive(Clone, Copy)]
pub(crate) struct F32x16([f32; 16]);

impl Mul for F32x16 {
    type Output = Self;

    #[inline(always)]
    fn mul(mut self, other: Self) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x *= y;
        }
        self
    }
}

impl Lanes for Scalar {
    type F32x16 = F32x16;

    #[inline(always)]
    fn splat_f32(self, x: f32) -> F32x16 {
        F32x16([x; 16])
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; 16]) -> F32x16 {
        F32x16(*x)
    }

    #[inline(always)]
    fn store_f32(self, x: F32x16) -> [f32; 16] {
        x.0
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, mut kept: F32x16, dropped: F32x16) -> F32x16 {
        for (i, (x, y)) in kept.0.iter_mut().zip(dropped.0).enumerate() {
            *x = if keep >> i & 1 == 1 { *x } else { y };
        }
        kept
    }

    type Generator<'a> = &'a Bernoulli;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> &Bernoulli {
        mask
    }
}

impl Generator for &Bernoulli {
    fn block(&self, block: u64) -> Block {
        split(Bernoulli::block(self, block))
    }

    fn blocks(&self, first: u64, keep: &mut [Block], _: &mut impl Work) {
        for (i, keep) in keep.iter_mut().enumerate() {
            *keep = Generator::block(self, first.wrapping_add(i as u64));
        }
    }
}
