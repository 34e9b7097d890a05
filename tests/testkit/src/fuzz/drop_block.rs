//! DropBlock of any shape, order of axes, block size and rate: the mask, against a loop over blocks, and what it does to values.
#![expect(clippy::cast_precision_loss, reason = "counts of elements that are looked at one by one: exact")]

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, DropBlock, Error, PackedMask};

use super::calls::{BACKWARD, FORWARD, Slices, WORD_CANARY};
use super::inputs::{Count, Decisions, Extent, Length, Rarely, Values, check_length, extents};
use crate::blocks::Blocks;
use crate::oracle::{self, pack};
use crate::value::Value;

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    /// Samples, channels, and the last two axes of a map.
    shape: [Extent; 4],
    /// Along the axes that have none of their own.
    block: Extent,
    trains: bool,
    /// The scale to use rather than the one that is counted, by representation.
    scale: Rarely<u64>,
    words: Length,
    slices: Slices,
    x_len: Length,
    axes: Axes,
    channels_last: bool,
    shared: bool,
    /// The first axis of a map of three.
    depth: Extent,
    block_size: [Option<Extent>; 3],
    values: Values,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Axes {
    Two,
    One,
    Three,
}

impl Input {
    fn blocks(&self) -> Blocks {
        let [samples, channels, h, w] = self.shape;
        let map = match self.axes {
            Axes::One => &[w][..],
            Axes::Two => &[h, w],
            Axes::Three => &[self.depth, h, w],
        };
        // The maps first, so that they are not all small.
        let shape = extents(&[map, &[samples, channels]].concat(), Count::MAX);
        let [ref map @ .., samples, channels] = shape[..] else { unreachable!() };
        let map = map.to_vec();
        let block_size = self.block_size.iter().take(map.len());
        let block_size = block_size.map(|size| size.unwrap_or(self.block).within(usize::MAX)).collect();
        Blocks { samples, channels, map, block_size, channels_last: self.channels_last, shared: self.shared }
    }
}

pub fn check(input: &Input) {
    let (blocks, decided) = (input.blocks(), input.decisions.get());
    let actual = blocks.layer(decided.rate());
    if let Err(error) = check_sizes(&blocks) {
        return assert_eq!(actual, Err(error));
    }
    let (drop_block, bits, decisions) = (actual.unwrap(), blocks.bits(), blocks.decisions());
    assert_eq!((drop_block.mask_words(), drop_block.patches()), (bits.div_ceil(32), decisions));
    if blocks.elements() > Count::MAX {
        return;
    }
    let dropped = blocks.drops(decided.p(), decided.address);
    let packed = pack(0, &dropped);
    let words = input.words.get(packed.len());
    let result = check_length("words", packed.len(), words).and(decided.check_reach(decisions as u64));
    for backend in Backend::all() {
        let drop_block = drop_block.on(backend);
        let drop_block = input.scale.0.map_or(drop_block, |scale| drop_block.with_scale(f64::from_bits(scale)));
        let drawn = input.slices.words(words, |words| {
            words.fill(WORD_CANARY);
            assert_eq!(drop_block.draw(decided.address, words).map(|mask| mask.decisions()), result.map(|()| bits));
            words.to_vec()
        });
        assert_eq!(drawn, if result.is_ok() { packed.clone() } else { vec![WORD_CANARY; words] });
        check_passes(input, &drop_block, &blocks, &packed, &dropped);
    }
}

/// Errs where the library must.
fn check_sizes(blocks: &Blocks) -> Result<(), Error> {
    if let Some(axis) = blocks.block_size.iter().position(|&size| size == 0) {
        return Err(Error::BlockSize { axis });
    }
    // The product of the extents that are not zero must fit, wherever a zero stands.
    let mut extents = blocks.shape().into_iter().filter(|&extent| extent > 0);
    extents.try_fold(1, usize::checked_mul).map(|_| ()).ok_or(Error::ShapeOverflow)
}

fn check_passes(input: &Input, drop_block: &DropBlock, blocks: &Blocks, packed: &[u32], dropped: &[bool]) {
    let (elements, bits) = (blocks.elements(), dropped.len());
    let kept = dropped.iter().filter(|&&dropped| !dropped).count();
    let scale = input.scale.0.map_or(bits as f64 / kept as f64, f64::from_bits);
    let stored = input.slices.mask_len.get(bits).min(bits);
    let mask = input.trains.then(|| PackedMask::new(packed, 0, stored).unwrap());
    let fits = if input.trains { check_length("mask", bits, stored) } else { Ok(()) };
    let (shape, shared) = (blocks.shape(), blocks.shared_axes());
    let x = input.values.get::<f32>(input.x_len.get(elements));
    let output = |(i, &x): (usize, &f32)| match input.trains {
        false => Some(x),
        _ if dropped[oracle::decision(&shape, &shared, i)] => Some(f32::DROPPED),
        _ => Some(x.times(scale)),
    };
    let expected: Vec<_> = x.iter().take(elements).enumerate().map(output).collect();
    let (slices, expected, layer) = (input.slices, (&expected[..], fits), drop_block);
    slices.check_pass(FORWARD, elements, &x, expected, &[&|x, y| layer.apply(mask, x, y)], &|x| layer.apply_in_place(mask, x));
    slices.check_pass(BACKWARD, elements, &x, expected, &[&|g, to| layer.backward(mask, g, to)], &|g| {
        layer.backward_in_place(mask, g)
    });
}
