//! The operations that every harness measures.
#![expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]

use dropout_kernels::{Backend, Dropout, Layout, Mask, Rate};

use super::{RATES, Slices, address, scale, train};

#[derive(Clone, Copy, PartialEq)]
pub enum Operation {
    Dense,
    InPlace,
    /// Feature maps.
    Channel,
    /// Packed keep bits alone.
    Mask,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Dense, Self::InPlace, Self::Channel, Self::Mask];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::InPlace => "dense_in_place",
            Self::Channel => "channel",
            Self::Mask => "mask",
        }
    }

    pub const fn dtype(self) -> &'static str {
        if let Self::Mask = self { "bit" } else { "f32" }
    }

    pub const fn rates(self) -> &'static [f64] {
        if let Self::Channel = self { &[0.2] } else { &RATES }
    }
}

/// An operation at a rate, on a backend.
pub struct Case {
    operation: Operation,
    p: f64,
    backend: Option<Backend>,
    pub dropout: Dropout,
    channel: Dropout<Layout>,
    decisions: usize,
}

impl Case {
    /// Of `n` elements. Feature maps are of 32 x 32, but for the smallest tensor, which is a single one of 8 x 8.
    pub fn new(operation: Operation, p: f64, backend: Option<Backend>, n: usize) -> Self {
        let side = if n < 32 * 32 { 8 } else { 32 };
        let layout = match operation {
            Operation::Channel => Layout::nchw([1, n / (side * side), side, side]).unwrap(),
            _ => Layout::flat(n),
        };
        Self::with_layout(operation, p, backend, layout)
    }

    pub fn with_layout(operation: Operation, p: f64, backend: Option<Backend>, layout: Layout) -> Self {
        let mut dropout = Dropout::new(Rate::new(p).unwrap());
        if let Some(backend) = backend {
            dropout = dropout.on(backend);
        }
        Self { operation, p, backend, dropout, channel: dropout.with_layout(layout), decisions: layout.decisions() }
    }

    pub fn run(&self, slices: &mut Slices, step: u32) {
        let result = match self.operation {
            Operation::Dense => self.dropout.apply(train(step), &slices.x, &mut slices.y),
            Operation::Channel => self.channel.apply(train(step), &slices.x, &mut slices.y),
            // Whatever is dropped stays zero, which takes no less time.
            Operation::InPlace => self.dropout.apply_in_place(train(step), &mut slices.y),
            Operation::Mask => {
                let mask = Mask::new(self.dropout.rate(), address(step));
                self.backend.map_or(mask, |backend| mask.on(backend)).words(slices.x.len(), &mut slices.words)
            }
        };
        result.unwrap();
    }

    /// Runs once, and asserts that as many are dropped as the rate says, within five standard deviations.
    pub fn check(&self, slices: &mut Slices) {
        slices.y.copy_from_slice(&slices.x);
        self.run(slices, 0);
        let dropped = match self.operation {
            Operation::Mask => slices.words.iter().map(|word| word.count_zeros() as usize).sum(),
            _ => zeros(&slices.y),
        };
        assert_rate(self.p, slices.x.len(), dropped, self.decisions);
    }

    /// What the operation would cost if its mask cost nothing. (A mask alone has that of as many values.)
    pub fn floor(&self) -> fn(&mut Slices, f32) {
        if let Operation::InPlace = self.operation { scale_in_place } else { scale }
    }
}

fn scale_in_place(slices: &mut Slices, s: f32) {
    for y in &mut slices.y {
        *y *= s;
    }
}

pub fn zeros(y: &[f32]) -> usize {
    y.iter().filter(|y| y.to_bits() == 0).count()
}

pub fn assert_rate(p: f64, elements: usize, dropped: usize, decisions: usize) {
    let fraction = dropped as f64 / elements as f64;
    let deviation = (p * (1.0 - p) / decisions as f64).sqrt();
    assert!((fraction - p).abs() < 5.0 * deviation, "{dropped} of {elements} dropped at p = {p}");
}
