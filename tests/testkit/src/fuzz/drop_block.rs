//! DropBlock of any shape, block size and rate: the mask, against a loop over blocks, and what it does to values.
#![expect(clippy::cast_precision_loss, reason = "counts of elements that are looked at one by one: exact")]

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, DropBlock, Error, Mode, PackedMask};

use super::calls::{Slices, WORD_CANARY};
use super::inputs::{Count, Decided, Decisions, Extent, Length, Values, check_length, pack};
use crate::blocks;
use crate::value::Value;

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    shape: [Extent; 4],
    block: Extent,
    pass: Pass,
    /// The scale to use rather than the one that is counted, by representation.
    scale: Option<u64>,
    words: Length,
    slices: Slices,
    x_len: Length,
    values: Values,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Pass {
    Train,
    Stored,
    Eval,
}

pub fn check(input: &Input) {
    let (shape, block) = (input.shape.map(Extent::get), input.block.get());
    let decided = input.decisions.get();
    let actual = DropBlock::new(decided.rate(), block, shape);
    let (elements, decisions) = match sizes(shape, block) {
        Ok(sizes) => sizes,
        Err(error) => return assert_eq!(actual, Err(error)),
    };
    let drop_block = actual.unwrap();
    assert_eq!((drop_block.words(), drop_block.decisions()), (elements.div_ceil(32), decisions));
    if elements > Count::MAX {
        return;
    }
    let dropped = if elements > 0 { blocks::drops(shape, block, decided.p(), decided.address) } else { vec![] };
    let packed = pack(0, &dropped);
    let words = input.words.get(packed.len());
    let result = check_length("words", packed.len(), words).and(decided.check_reach(decisions as u64));
    for backend in Backend::all() {
        let drop_block = drop_block.on(backend);
        let drop_block = input.scale.map_or(drop_block, |scale| drop_block.with_scale(f64::from_bits(scale)));
        let drawn = input.slices.words(words, |words| {
            words.fill(WORD_CANARY);
            assert_eq!(drop_block.draw(decided.address, words).map(|mask| mask.decisions()), result.map(|()| elements));
            words.to_vec()
        });
        assert_eq!(drawn, if result.is_ok() { packed.clone() } else { vec![WORD_CANARY; words] });
        check_passes(input, decided, &drop_block, &packed, &dropped);
    }
}

/// Elements and decisions.
fn sizes(shape: [usize; 4], block: usize) -> Result<(usize, usize), Error> {
    if block == 0 {
        return Err(Error::BlockSize);
    }
    // The product of the extents that are not zero must fit, wherever a zero stands.
    let volume = shape.iter().filter(|&&extent| extent > 0).try_fold(1, |n: usize, &extent| n.checked_mul(extent));
    let volume = volume.ok_or(Error::ShapeOverflow)?;
    if shape.contains(&0) {
        return Ok((0, 0));
    }
    let [n, c, h, w] = shape;
    let corners = |extent: usize| extent - block.min(extent) + 1;
    Ok((volume, n * c * corners(h) * corners(w)))
}

fn check_passes(input: &Input, decided: Decided, drop_block: &DropBlock, packed: &[u32], dropped: &[bool]) {
    let elements = dropped.len();
    let kept = dropped.iter().filter(|&&dropped| !dropped).count();
    let scale = input.scale.map_or(elements as f64 / kept as f64, f64::from_bits);
    let stored = input.slices.mask_len.get(elements).min(elements);
    let (mode, fits) = match input.pass {
        Pass::Train => {
            let reach = decided.check_reach(elements as u64);
            (Mode::Train(decided.address), reach.and(Err(Error::ComputedMask)))
        }
        Pass::Stored => (Mode::Stored(PackedMask::new(packed, 0, stored).unwrap()), check_length("mask", elements, stored)),
        Pass::Eval => (Mode::Eval, Ok(())),
    };
    let x = input.values.get::<f32>(input.x_len.get(elements));
    let output = |(&x, &dropped): (&f32, &bool)| match input.pass {
        Pass::Eval => Some(x),
        _ if dropped => Some(f32::DROPPED),
        _ => Some(x.times(scale)),
    };
    let expected: Vec<_> = x.iter().zip(dropped).map(output).collect();
    input.slices.check_passes(drop_block, mode, elements, &x, [&expected, &expected], fits);
}
