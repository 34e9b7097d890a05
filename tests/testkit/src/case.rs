//! Random arguments for the laws.
#![expect(clippy::cast_precision_loss, reason = "thresholds have at most 33 bits: exact")]

use dropout_kernels::{Address, Dropout, Layer, Layout, Mask, Mode, Rate, Scaling};
use quickcheck::{Arbitrary, Gen};

use crate::oracle::{self, Block};
use crate::subject::{OfScaled, Subject};
use crate::value::{self, Bits, Value};

const RANGE: u64 = 1 << 32;

/// A mask and how much of it to ask for: up to a little more than two tiles of 32 blocks.
#[derive(Clone, Debug)]
pub struct MaskCase {
    pub p: f64,
    pub address: Address,
    pub decisions: usize,
}

impl MaskCase {
    pub fn rate(&self) -> Rate {
        Rate::new(self.p).unwrap()
    }

    pub fn mask(&self) -> Mask {
        Mask::new(self.rate(), self.address)
    }

    /// What the oracle says.
    pub fn drops(&self) -> Vec<bool> {
        drops(self.p, self.address, self.decisions)
    }
}

/// Everything that a layer's output depends on.
#[derive(Clone, Debug)]
pub struct TensorCase {
    pub shape: Vec<usize>,
    pub shared: Vec<usize>,
    pub p: f64,
    pub scaling: Scaling,
    pub address: Address,
    /// The seed of the elements.
    pub values: u64,
}

impl TensorCase {
    pub const fn train(&self) -> Mode<'static> {
        Mode::Train(self.address)
    }

    pub fn layout(&self) -> Layout {
        Layout::shared(&self.shape, &self.shared).unwrap()
    }

    pub fn dropout(&self) -> Dropout<Layout> {
        self.layer::<OfScaled<f32>>()
    }

    pub fn layer<S: Subject>(&self) -> Layer<S::Kind, Layout> {
        S::layer(self).with_layout(self.layout())
    }

    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn decisions(&self) -> usize {
        let axes = self.shape.iter().enumerate();
        axes.filter(|(axis, _)| !self.shared.contains(axis)).map(|(_, extent)| extent).product()
    }

    pub fn x<E: Bits>(&self) -> Vec<E> {
        value::random(self.values, self.elements())
    }

    /// What training should make of `x`.
    pub fn expected<E: Value>(&self, x: &[E]) -> Vec<E> {
        let subject = OfScaled::new(self);
        self.each::<OfScaled<E>>(x, |u, x| subject.forward(u, x))
    }

    /// The output if `f` makes it of an element and its decision's uniform integer.
    pub fn each<S: Subject>(&self, x: &[S::Element], f: impl Fn(u64, S::Element) -> S::Element) -> Vec<S::Element> {
        let uniforms = S::uniforms(self.address, self.decisions());
        let output = |(i, &x)| f(uniforms[oracle::decision(&self.shape, &self.shared, i)], x);
        x.iter().enumerate().map(output).collect()
    }
}

/// The oracle's decisions from an address's offset on.
pub fn drops(p: f64, address: Address, decisions: usize) -> Vec<bool> {
    let threshold = oracle::threshold(p);
    uniforms(oracle::decide, address, decisions).into_iter().map(|u| oracle::drops(u, threshold)).collect()
}

/// The oracle's uniform integers from an address's offset on, given its function for those of a block.
pub fn uniforms(block: Block, Address { seed, layer, step, offset }: Address, decisions: usize) -> Vec<u64> {
    let skipped = (offset % 128) as usize;
    let blocks = (offset / 128..).take((skipped + decisions).div_ceil(128));
    let blocks: Vec<[u64; 128]> = blocks.map(|number| block(seed, layer, step, number)).collect();
    let mut uniforms = blocks.concat();
    uniforms.truncate(skipped + decisions);
    uniforms.split_off(skipped)
}

impl Arbitrary for MaskCase {
    fn arbitrary(g: &mut Gen) -> Self {
        // Most masks are short, so that a law sees many.
        let limit = *g.choose(&[40, 300, 2000, 9000]).unwrap();
        let decisions = usize::arbitrary(g) % limit;
        Self { p: probability(g), address: address(g, decisions), decisions }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let case = self.clone();
        Box::new(self.decisions.shrink().map(move |decisions| Self { decisions, ..case.clone() }))
    }
}

impl Arbitrary for TensorCase {
    fn arbitrary(g: &mut Gen) -> Self {
        let (mut shape, mut elements) = (Vec::new(), 1);
        for _ in 0..u8::arbitrary(g) % 9 {
            let extent = match u8::arbitrary(g) % 40 {
                0 => 0,
                1..=12 => 1,
                13..=32 => 2 + usize::arbitrary(g) % 4,
                _ => usize::arbitrary(g) % 700,
            };
            // Bounded, so that a law sees many shapes.
            shape.push(if elements * extent > 5000 { 1 } else { extent });
            elements *= shape.last().unwrap().max(&1);
        }
        let mut shared: Vec<usize> = (0..shape.len()).filter(|_| bool::arbitrary(g)).collect();
        if bool::arbitrary(g) {
            shared.reverse();
        }
        let scaling = *g.choose(&[Scaling::Inverted, Scaling::Classic]).unwrap();
        let address = address(g, elements);
        Self { shape, shared, p: probability(g), scaling, address, values: u64::arbitrary(g) }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let case = self.clone();
        let halved = move |axis| {
            let mut case = case.clone();
            case.shape[axis] /= 2;
            case
        };
        let extents = self.shape.clone();
        Box::new((0..extents.len()).filter(move |&axis| extents[axis] > 1).map(halved))
    }
}

/// A rate from all kinds: the ends, few bits, one bit, any.
pub fn probability(g: &mut Gen) -> f64 {
    let threshold = match u8::arbitrary(g) % 8 {
        0 => *g.choose(&[0, 1, RANGE - 1, RANGE]).unwrap(),
        1 => {
            let zeros = u8::arbitrary(g) % 29;
            (u64::arbitrary(g) % ((RANGE >> zeros) + 1)) << zeros
        }
        2 => 1 << (u8::arbitrary(g) % 33),
        _ => u64::arbitrary(g) % (RANGE + 1),
    };
    threshold as f64 / RANGE as f64
}

/// An address with room for so many decisions, often where a counter carries.
pub fn address(g: &mut Gen, decisions: usize) -> Address {
    let anywhere = u64::arbitrary(g);
    let near = *g.choose(&[0, 1 << 39, 1 << 63, u64::MAX, anywhere]).unwrap();
    let last_start = u64::MAX - (decisions as u64).saturating_sub(1);
    let offset = near.saturating_sub(u64::from(u16::arbitrary(g)) / 8).min(last_start);
    Address { seed: u64::arbitrary(g), layer: u32::arbitrary(g), step: u32::arbitrary(g), offset }
}
