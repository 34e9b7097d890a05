//! What the benchmarks share.
#![allow(dead_code, reason = "each uses its part")]

pub mod json;
pub mod operation;
pub mod times;

use std::fmt;

use dropout_kernels::{Address, Backend, Mode};

/// Rates of as many planes as any, and the only one of a single plane.
pub const RATES: [f64; 3] = [0.1, 0.3, 0.5];

/// A short slice; tensors that fit the first-level cache, the second-level cache and the third; and one that fits none.
pub const SIZES: [usize; 5] = [64, 1 << 14, 1 << 17, 1 << 20, 1 << 24];

/// What a user gets who names no backend, and each by name.
pub fn backends() -> Vec<(String, Option<Backend>)> {
    let named = Backend::all().map(|backend| (backend.name().to_owned(), Some(backend)));
    std::iter::once(("auto".to_owned(), None)).chain(named).collect()
}

/// The tensors that an operation and its floors have in common.
pub struct Slices {
    /// All ones, so that a zero in the output is a drop and everything else is the scale.
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    /// A mask of as many decisions.
    pub words: Vec<u32>,
}

impl Slices {
    pub fn new(len: usize) -> Self {
        Self { x: vec![1.0; len], y: vec![0.0; len], words: vec![0; len.div_ceil(32)] }
    }
}

/// The floor: a dropout whose mask costs nothing, as everyone writes it. (What runs in place has a floor in place.)
pub fn scale(slices: &mut Slices, s: f32) {
    for (y, x) in slices.y.iter_mut().zip(&slices.x) {
        *y = x * s;
    }
}

/// Another mask each step, or the branch predictor would learn the one by heart.
pub fn address(step: u32) -> Address {
    Address { seed: 42, layer: 0, step, offset: 0 }
}

pub fn train(step: u32) -> Mode<'static> {
    Mode::Train(address(step))
}

/// What was measured: the first columns of a line of results.
pub struct Point {
    pub op: String,
    pub backend: String,
    pub dtype: &'static str,
    pub n: usize,
    pub p: f64,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { op, backend, dtype, n, p } = self;
        write!(f, "{op:<20}  {backend:<8}  {dtype:<4}  {n:>8}  {p:.1}")
    }
}
