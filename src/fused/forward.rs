//! The forward pass on a chunk of elements: bias, activation, dropout and residual.

use super::activation::Activation;
use crate::kernel::{Columns, Effect, load_columns, operand};
use crate::simd::{CHUNK, Lanes};

/// The forward pass, as the kernel's effect on `x`.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a> {
    pub(super) activation: Activation,
    /// The factor of kept values.
    pub(super) factor: f32,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) columns: Columns<'a>,
    /// What is added last.
    pub(super) residual: Option<&'a [f32]>,
}

impl Forward<'_> {
    #[inline(always)]
    fn plus_residual<L: Lanes>(&self, lanes: L, place: usize, y: L::F32s) -> [f32; CHUNK] {
        lanes.store_f32(match self.residual {
            Some(residual) => lanes.load_f32(operand(residual, place, &mut None)) + y,
            None => y,
        })
    }

    #[inline(always)]
    fn value<L: Lanes>(&mut self, lanes: L, place: usize, x: &[f32; CHUNK]) -> L::F32s {
        let mut x = lanes.load_f32(x);
        if let Some(bias) = self.bias {
            x = x + lanes.load_f32(load_columns(bias, self.columns.at(place), &mut None));
        }
        self.activation.value(lanes, x) * lanes.splat_f32(self.factor)
    }
}

impl Effect<f32> for Forward<'_> {
    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, x: &[f32; CHUNK]) -> [f32; CHUNK] {
        let kept = self.value(lanes, place, x);
        self.plus_residual(lanes, place, kept)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, _: &[f32; CHUNK]) -> [f32; CHUNK] {
        self.plus_residual(lanes, place, lanes.splat_f32(0.0))
    }

    #[inline(always)]
    fn chunk<L: Lanes>(&mut self, lanes: L, keep: u16, place: usize, x: &[f32; CHUNK], _: usize) -> [f32; CHUNK] {
        let kept = self.value(lanes, place, x);
        self.plus_residual(lanes, place, lanes.select_f32(keep, kept, lanes.splat_f32(0.0)))
    }
}
