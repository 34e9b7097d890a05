//! Noise: factors or summands of elements, in place of keep bits.

use core::iter::repeat_n;

use super::chunks::Chunks;
use super::effect::{Effect, operand};
use super::job::Job;
use super::normal::normal;
use super::place::Place;
use super::plan::{Keep, Plan, Run};
use crate::address::Address;
use crate::element::sealed::Float;
use crate::layout::{Layout, Stretch};
use crate::mask::{BLOCK, Generate, Stream};
use crate::simd::{CHUNK, Lanes, Task, VECTORS};

/// What becomes of elements with noise.
#[derive(Clone, Copy)]
pub(crate) enum Noisy {
    /// They are multiplied by noise of mean 1 and this deviation.
    Times(Address, f32),
    /// Noise of mean 0 and this deviation is added.
    Plus(Address, f32),
    /// They stay as they are.
    Keep,
    /// Nothing is left.
    Drop,
}

impl Noisy {
    /// Runs it on the elements of the job or, if there is an operand, adds what becomes of that.
    pub(super) fn run<E: Float, P: Place<E>>(self, mut job: Job<'_, E, P>, operand: Option<&[E]>) {
        if operand.is_none() && matches!(self, Self::Keep) {
            return job.copy();
        }
        job.in_parts(&|job: &mut Job<'_, E, P>, base| {
            let (address, mean, deviation) = match self {
                Self::Times(address, deviation) => (address, 1.0, deviation),
                Self::Plus(address, deviation) => (address, 0.0, deviation),
                Self::Keep => return job.run_here(base, WithNoise { noise: Noise::None, operand }, false),
                Self::Drop => return job.run_here(base, WithNoise { noise: Noise::Infinite, operand }, false),
            };
            let Job { plan, slices } = job;
            let runs = NoiseRuns { plan, stream: Stream::new(address), mean, deviation };
            runs.all(address.offset, slices.y.len(), &mut |start, values| {
                let run = Run { start, len: values.len(), keep: Keep::All };
                let slices = slices.part(start, values.len());
                let start = base + start;
                let noise = match self {
                    Self::Times(..) => Noise::Times { start, values },
                    _ => Noise::Plus { start, values },
                };
                plan.backend.run(Chunks { run: &run, base, effect: WithNoise { noise, operand }, slices, fence: None });
            });
        });
    }
}

/// Elements, or those of the operand, with their noise.
#[derive(Clone, Copy)]
struct WithNoise<'a, E> {
    noise: Noise<'a>,
    operand: Option<&'a [E]>,
}

/// The noise of elements: values from the place `start` on.
#[derive(Clone, Copy)]
enum Noise<'a> {
    Times {
        start: usize,
        values: &'a [f32],
    },
    Plus {
        start: usize,
        values: &'a [f32],
    },
    None,
    /// So much that nothing is left.
    Infinite,
}

impl<E: Float> Effect<E> for WithNoise<'_, E> {
    const CHOOSES: bool = false;

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let mut room = None;
        let input = self.operand.map_or(x, |slice| operand(slice, place, &mut room));
        let noise = |start, values| E::load_f32(lanes, operand(values, place - start, &mut None));
        let result = match self.noise {
            Noise::Times { start, values } => E::store(lanes, E::load(lanes, input) * noise(start, values)),
            Noise::Plus { start, values } => E::store(lanes, E::load(lanes, input) + noise(start, values)),
            Noise::None => *input,
            Noise::Infinite => [E::ZERO; CHUNK],
        };
        if self.operand.is_some() { E::sum(lanes, x, &result) } else { result }
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        self.kept(lanes, place, x)
    }
}

/// Values that are laid out at once: where there are no vectors, few, for the stack.
const WINDOW: usize = if VECTORS { 256 } else { 32 };

/// Noise, in stretches of memory.
struct NoiseRuns<'a> {
    plan: &'a Plan<'a>,
    stream: Stream,
    mean: f32,
    deviation: f32,
}

impl NoiseRuns<'_> {
    /// Hands on the noise of a tensor that begins with the decision of this index.
    fn all(&self, first: u64, len: usize, each: &mut dyn FnMut(usize, &[f32])) {
        if len == 0 {
            return;
        }
        let flat = Layout::flat(len);
        let layout = self.plan.layout.unwrap_or(&flat);
        let walk = layout.walk();
        let (mut numbers, mut elements) = (layout.numbers(), walk.elements());
        let first = first.wrapping_add(layout.first());
        let (mut noise, mut block) = ([0.0; BLOCK], None);
        while let Some(Stretch { start, len }) = numbers.next(BLOCK) {
            let index = first.wrapping_add(start);
            let place = (index % BLOCK as u64) as usize;
            let count = len.min(BLOCK - place);
            numbers.take_back(len - count);
            if block.replace(index / BLOCK as u64) != Some(index / BLOCK as u64) {
                self.plan.backend.run(OfBlock { drive: self, block: index / BLOCK as u64, noise: &mut noise });
            }
            let mut noise = noise.get(place..place + count).unwrap_or_default();
            while !noise.is_empty() {
                let Some(Stretch { start, len }) = elements.next(noise.len()) else { return };
                let Some((now, rest)) = noise.split_at_checked(len) else { return };
                for copy in walk.copies() {
                    lay_out(now, start as usize + copy, walk.map_len, walk.stride, each);
                }
                noise = rest;
            }
        }
    }
}

/// Hands on the noise of maps of `map_len` elements each, which are so far apart.
fn lay_out(noise: &[f32], start: usize, map_len: usize, stride: usize, each: &mut dyn FnMut(usize, &[f32])) {
    if map_len == 1 && stride == 1 {
        return each(start, noise);
    }
    let mut window = [0.0; WINDOW];
    // As many maps at once as fit, or each by itself.
    let maps = if stride == map_len { WINDOW.checked_div(map_len).unwrap_or(1).max(1) } else { 1 };
    for (i, noise) in noise.chunks(maps).enumerate() {
        let start = start + i * maps * stride;
        let all = noise.len() * map_len;
        window.iter_mut().zip(noise.iter().flat_map(|x| repeat_n(*x, map_len))).for_each(|(to, from)| *to = from);
        for done in (0..all).step_by(WINDOW) {
            each(start + done, window.get(..WINDOW.min(all - done)).unwrap_or_default());
        }
    }
}

/// The noise of a block.
struct OfBlock<'a> {
    drive: &'a NoiseRuns<'a>,
    block: u64,
    noise: &'a mut [f32; BLOCK],
}

impl<L: Generate> Task<L> for OfBlock<'_> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let (mean, deviation) = (lanes.splat_f32(self.drive.mean), lanes.splat_f32(self.drive.deviation));
        let uniforms = lanes.noise(&self.drive.stream, self.block);
        for (to, u) in self.noise.as_chunks_mut().0.iter_mut().zip(uniforms) {
            *to = lanes.store_f32(mean + deviation * normal(lanes, u));
        }
    }
}
