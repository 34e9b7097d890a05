//! Layouts that are larger than random ones: feature maps that are passed one by one, more of them than a tile has decisions; views whose
//! bits are transposed in several tiles; and parts of a whole that 32 bits cannot number.

use dropout_kernels::{Address, Backend, Dropout, Error, Layout, Mode, PackedMask, Part, Rate};
use testkit::oracle::{self, dropped};
use testkit::subject::{OfScaled, Settings, Subject};
use testkit::value::{Value, assert_same, random};
use testkit::{every_backend, every_subject};

use crate::{apply, backward, trained, unwritten};

every_subject!(large_maps);
every_subject!(views);
every_backend!(
    maps_past_a_large_tile,
    columns_of_a_wide_matrix,
    short_rows_of_a_wide_tensor,
    parts_of_a_tensor_larger_than_32_bits_number
);

const ADDRESS: Address = Address { seed: 9, layer: 8, step: 7, offset: 100 };
const TRAIN: Mode = Mode::Train(ADDRESS);

fn assert_passes<S: Subject>(backend: Backend, layout: Layout, x: &[S::Element], expected: [&[S::Element]; 2]) {
    let layer = S::layer(&Settings::of(0.3)).with_layout(layout).on(backend);
    assert_same(&apply(&layer, TRAIN, x), expected[0]);
    assert_same(&backward(&layer, TRAIN, x), expected[1]);
}

/// Channels; and the same ones in every sample: more of them than a limb, a block and a small tile have decisions.
fn large_maps<S: Subject>(backend: Backend) {
    for (shape, shared) in [(&[300, 257][..], &[1][..]), (&[2, 150, 256], &[0, 2])] {
        let x = random(6, shape.iter().product());
        let [forward, back] = trained::<S>(&Settings::of(0.3), ADDRESS, (shape, shared), &x);
        assert_passes::<S>(backend, Layout::shared(shape, shared).unwrap(), &x, [&forward, &back]);
    }
}

/// Axes in another order in memory than in the numbering of decisions; what lies in the gaps is someone else's.
fn views<S: Subject>(backend: Backend) {
    for (shape, strides, shared) in [
        (&[70, 131][..], &[1, 70][..], &[][..]), // column-major
        (&[131, 70], &[2, 265], &[]),
        (&[3, 150, 66], &[9900, 1, 150], &[0]), // matrices that read the same decisions
        (&[65, 5, 67], &[340, 67, 1], &[]),     // a gap after each five rows
        (&[2, 2100], &[2101, 1], &[]),
        (&[90, 2, 40], &[1, 3600, 90], &[1]),
    ] {
        let places = places(shape, strides);
        let x: Vec<S::Element> = random(6, places.len());
        let in_memory = |values: &[S::Element]| {
            let mut memory = unwritten(places[places.len() - 1] + 1);
            places.iter().zip(values).for_each(|(&place, value)| memory[place] = *value);
            memory
        };
        let expected = trained::<S>(&Settings::of(0.3), ADDRESS, (shape, shared), &x).map(|values| in_memory(&values));
        let start = vec![0; shape.len()];
        let part = Part { whole: shape, start: &start, shape, shared, strides: Some(strides) };
        assert_passes::<S>(backend, Layout::part(part).unwrap(), &in_memory(&x), [&expected[0], &expected[1]]);
    }
}

/// Where elements are in memory, in row-major order.
fn places(shape: &[usize], strides: &[usize]) -> Vec<usize> {
    shape.iter().zip(strides).fold(vec![0], |places, (&extent, &stride)| {
        places.into_iter().flat_map(|place| (0..extent).map(move |i| place + i * stride)).collect()
    })
}

/// Feature maps that are passed one by one, more of them than the largest tile has decisions.
fn maps_past_a_large_tile(backend: Backend) {
    const SHAPE: [usize; 2] = [4200, 256];
    let x = random(12, SHAPE[0] * SHAPE[1]);
    let [forward, back] = trained::<OfScaled<f32>>(&Settings::of(0.3), ADDRESS, (&SHAPE, &[1]), &x);
    assert_passes::<OfScaled<f32>>(backend, Layout::cl(SHAPE).unwrap(), &x, [&forward, &back]);
}

/// Columns as a rank of a cluster holds them: more blocks than a tile has, of which each row needs a part of one, or several. Without
/// gaps, and with something between the rows.
fn columns_of_a_wide_matrix(backend: Backend) {
    const WHOLE: [usize; 2] = [90, 1000];
    let x = random::<f32>(14, WHOLE[0] * WHOLE[1]);
    let expected = trained::<OfScaled<f32>>(&Settings::of(0.3), ADDRESS, (&WHOLE, &[]), &x);
    for (start, columns) in [(0, 1), (999, 1), (500, 16), (51, 100), (300, 256), (1, 998)] {
        for gap in [0, 1] {
            let of_part = |values: &[f32]| -> Vec<f32> {
                let row = |row: &[f32]| [&row[start..start + columns], &unwritten(gap)].concat();
                let rows: Vec<f32> = values.chunks(WHOLE[1]).flat_map(row).collect();
                rows[..rows.len() - gap].to_vec()
            };
            let (shape, strides) = ([WHOLE[0], columns], [columns + gap, 1]);
            let part = Part { whole: &WHOLE, start: &[0, start], shape: &shape, shared: &[], strides: Some(&strides) };
            let expected = expected.each_ref().map(|values| of_part(values));
            assert_passes::<OfScaled<f32>>(backend, Layout::part(part).unwrap(), &of_part(&x), [&expected[0], &expected[1]]);
        }
    }
}

/// Short rows of it with gaps: a stretch of memory needs decisions of more blocks than a tile has.
fn short_rows_of_a_wide_tensor(backend: Backend) {
    let (whole, start, shape, strides) = ([6, 50, 1000], [0, 0, 700], [6, 50, 4], [251, 5, 1]);
    let x = random::<f32>(15, whole.iter().product());
    let expected = trained::<OfScaled<f32>>(&Settings::of(0.3), ADDRESS, (&whole, &[]), &x);
    let (of_whole, of_part) = (places(&shape, &[50_000, 1000, 1]), places(&shape, &strides));
    let in_memory = |values: &[f32]| {
        let mut memory = unwritten(of_part[of_part.len() - 1] + 1);
        of_part.iter().zip(&of_whole).for_each(|(&place, i)| memory[place] = values[start[2] + i]);
        memory
    };
    let part = Part { whole: &whole, start: &start, shape: &shape, shared: &[], strides: Some(&strides) };
    let [forward, back] = expected.map(|values| in_memory(&values));
    assert_passes::<OfScaled<f32>>(backend, Layout::part(part).unwrap(), &in_memory(&x), [&forward, &back]);
}

/// A whole of 5.4 * 10^9 decisions, of which no target has to hold more than its part: one row after another, and rows that are further
/// apart than 2^32.
fn parts_of_a_tensor_larger_than_32_bits_number(backend: Backend) {
    const P: f64 = 0.375; // which is realised exactly
    const WHOLE: [usize; 4] = [2, 3, 30_000, 30_000];
    let address = Address { seed: 15, layer: 1, step: 2, offset: (1 << 39) - 3_000_000_000 };
    let dropout = Dropout::new(Rate::new(P).unwrap()).on(backend);
    for (start, shape) in
        [([1, 2, 29_000, 100], [1, 1, 8, 16]), ([0, 1, 3, 29_900], [2, 2, 2, 100]), ([1, 0, 5, 0], [1, 1, 1, 5000])]
    {
        let layout = Layout::part(Part { whole: &WHOLE, start: &start, shape: &shape, ..Part::default() }).unwrap();
        assert_eq!(layout.decisions(), usize::try_from(5_400_000_000_u64).unwrap_or(usize::MAX));
        let mut drops = vec![];
        for n in start[0]..start[0] + shape[0] {
            for c in start[1]..start[1] + shape[1] {
                for h in start[2]..start[2] + shape[2] {
                    let row = (n as u64 * 3 + c as u64) * 900_000_000 + h as u64 * 30_000 + start[3] as u64;
                    drops.extend(dropped(P, Address { offset: address.offset + row, ..address }, shape[3]));
                }
            }
        }
        let x = random::<f32>(16, drops.len());
        let expected = oracle::apply(&[x.len()], &[], &drops, &x, |x| x.times(oracle::scale(P)), 0.0);
        let mut y = vec![77.0; x.len()];
        dropout.with_layout(layout).apply(Mode::Train(address), &x, &mut y).unwrap();
        assert_same(&y, &expected);

        // A mask of so many cannot be stored on every target, and these are too short.
        let refused = |name, expected, actual| {
            Err(if usize::BITS > 32 { Error::Length { name, expected, actual } } else { Error::ShapeOverflow })
        };
        let (dropout, stored) = (dropout.with_layout(layout), Mode::Stored(PackedMask::new(&[0], 0, 32).unwrap()));
        assert_eq!(dropout.apply(stored, &x, &mut y), refused("mask", layout.decisions(), 32));
        assert_eq!(dropout.apply_recording(address, &x, &mut y, &mut [0]), refused("words", 168_750_000, 1));
        assert_same(&y, &expected);
    }
}
