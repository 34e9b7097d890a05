//! The backward pass on a chunk of elements, and the sums of gradients for the bias.

use core::cell::Cell;

use super::columns::{add_to_columns, load_columns};
use super::forward::Forward;
use crate::kernel::{Effect, operand};
use crate::simd::{CHUNK, Lanes};

/// The backward pass, as the kernel's effect on `grad_y`.
#[derive(Clone, Copy)]
pub(super) struct Backward<'a> {
    pub(super) forward: Forward<'a>,
    pub(super) x: &'a [f32],
    /// In cells, so that every chunk can add to them.
    pub(super) grad_bias: Option<&'a [Cell<f32>]>,
}

impl Effect<f32> for Backward<'_> {
    const SUMS: bool = true;

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, grad_y: &[f32; CHUNK]) -> [f32; CHUNK] {
        self.chunk(lanes, u16::MAX, place, grad_y, CHUNK)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, grad_y: &[f32; CHUNK]) -> [f32; CHUNK] {
        self.chunk(lanes, 0, place, grad_y, CHUNK)
    }

    /// What pads the chunk is not summed.
    #[inline(always)]
    fn chunk<L: Lanes>(&mut self, lanes: L, keep: u16, place: usize, grad_y: &[f32; CHUNK], count: usize) -> [f32; CHUNK] {
        let Self { forward: Forward { activation, factor, bias, columns, .. }, x, grad_bias } = self;
        let column = (bias.is_some() || grad_bias.is_some()).then(|| *columns.at(place));
        let mut next = column;
        let mut x = lanes.load_f32(&operand(x, place));
        if let (Some(bias), Some(column)) = (bias, &mut next) {
            x = x + load_columns(lanes, bias, column);
        }
        let kept = activation.gradient(lanes, x, lanes.load_f32(grad_y) * lanes.splat_f32(*factor));
        let gradient = lanes.select_f32(keep, kept, lanes.splat_f32(0.0));
        if let (Some(grad_bias), Some(mut column)) = (grad_bias, column) {
            add_to_columns(lanes, grad_bias, &mut column, gradient, count);
            next = Some(column);
        }
        if let Some(column) = next {
            columns.set(column);
        }
        lanes.store_f32(gradient)
    }
}
