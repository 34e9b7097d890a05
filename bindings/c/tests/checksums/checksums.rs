//! Prints what `checksums.c` prints, computed by the library itself.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "that is how C makes the same inputs"
)]

use dropout_kernels::monte_carlo::Moments;
use dropout_kernels::{
    Address, AlphaDropout, DropBlock, Dropout, Element, Error, GaussianDropout, Integer, Kind, Layer, Layout, Mask, Mode,
    PackedMask, Part, QuantizedDropout, Rate,
};

const N: usize = 300;
const WORDS: usize = N.div_ceil(32);
const ADDRESS: Address = Address { seed: 0x0123_4567_89ab_cdef, layer: 7, step: 99, offset: 5 };

fn main() -> Result<(), Error> {
    let rate = Rate::new(0.3)?;
    let x: [f32; N] = std::array::from_fn(|i| f32::from((i * 37 % 101) as i8 - 50) / 8.0);
    let maps = Layout::ncl([3, 20, 5])?;
    let part = Layout::part(Part { whole: &[4, 20, 9], start: &[1, 0, 2], shape: &[3, 20, 5], ..Part::default() })?;

    print("dk_rate_from_double", Rate::new(0.1)?.threshold().to_le_bytes());
    print("dk_rate_from_ratio", Rate::from_ratio(1, 3)?.threshold().to_le_bytes());
    print("dk_rate_scale", rate.scale().to_le_bytes());
    let (multiplier, shift) = rate.fold_scale(1_518_500_250, -3);
    print("dk_rate_fold_scale", [multiplier.to_le_bytes(), shift.to_le_bytes()].concat());
    let (mut words, mut keeps) = ([0; WORDS], [false; N]);
    let mask = Mask::new(rate, ADDRESS);
    mask.words(N, &mut words)?;
    mask.bools(&mut keeps)?;
    print("dk_mask_words", words.iter().flat_map(|word| word.to_le_bytes()));
    print("dk_mask_keeps", keeps.map(u8::from));
    print_sizes("dk_layout_size", [part.elements(), part.decisions(), part.decisions().div_ceil(32)]);
    print("dk_error_name", *b"DK_ERROR_RATE");

    let layouts = [Layout::flat(N), maps, part];
    floats("dropout", Dropout::new(rate), &layouts, &x)?;
    floats("alpha_dropout", AlphaDropout::new(rate), &layouts, &x)?;
    floats("gaussian_dropout", GaussianDropout::new(rate), &layouts, &x)?;

    integers("i8", rate, -3_i8, maps, |i| i as i8, |y| y.to_le_bytes().to_vec())?;
    integers("u8", rate, 130_u8, maps, |i| i as u8, |y| y.to_le_bytes().to_vec())?;
    integers("i16", rate, 1000_i16, maps, |i| i as i16, |y| y.to_le_bytes().to_vec())?;

    let numbers = std::array::from_fn::<_, N, _>(|i| (i * 37) as f32);
    for pass in ["", "_backward"] {
        dense(&format!("{pass}_f32"), Dropout::new(rate), numbers, |y| y.to_le_bytes().to_vec())?;
    }
    dense("_i8", QuantizedDropout::new(rate, -3), std::array::from_fn(|i| (i * 37) as i8), |y| y.to_le_bytes().to_vec())?;
    dense("_u8", QuantizedDropout::new(rate, 130), std::array::from_fn(|i| (i * 37) as u8), |y| y.to_le_bytes().to_vec())?;
    dense("_i16", QuantizedDropout::new(rate, 1000), std::array::from_fn(|i| (i * 37) as i16), |y| y.to_le_bytes().to_vec())?;

    let mut y = [0.0; N];
    let stored = Mode::Stored(PackedMask::new(&words, 20, N - 20)?);
    Dropout::new(rate).apply(stored, &x[..N - 20], &mut y[..N - 20])?;
    print_floats("DK_STORED", &y);

    drop_block(rate, &x)?;
    moments(rate, &x)
}

/// All passes of a kind, each of elements, maps and a part, in evaluation, and of elements in place.
fn floats<K: Kind<f32>>(kind: &str, layer: Layer<K>, [flat, maps, part]: &[Layout; 3], x: &[f32; N]) -> Result<(), Error> {
    for pass in ["", "_backward", "_backward_add"] {
        let mut all = Vec::new();
        let train = Mode::Train(ADDRESS);
        for (layout, mode) in [(flat, train), (maps, train), (part, train), (flat, Mode::Eval), (flat, train)] {
            let (layer, mut y) = (layer.with_layout(*layout), *x);
            match pass {
                "" => layer.apply(mode, x, &mut y)?,
                "_backward" => layer.backward(mode, x, &mut y)?,
                _ => layer.backward_add(mode, x, &mut y)?,
            }
            all.extend(y);
        }
        print_floats(&format!("dk_{kind}{pass}_f32"), &all);
    }
    Ok(())
}

fn integers<E: Integer>(
    name: &str,
    rate: Rate,
    zero_point: E,
    maps: Layout,
    number: fn(usize) -> E,
    bytes: fn(&E) -> Vec<u8>,
) -> Result<(), Error> {
    let x: [E; N] = std::array::from_fn(|i| number(i * 37));
    let mut y = [x; 3];
    let layer = QuantizedDropout::new(rate, zero_point);
    layer.apply(Mode::Train(ADDRESS), &x, &mut y[0])?;
    layer.with_fixed_point_scale().with_layout(maps).apply(Mode::Train(ADDRESS), &x, &mut y[1])?;
    layer.with_fixed_point_scale().apply(Mode::Train(ADDRESS), &x, &mut y[2])?;
    print(&format!("dk_dropout_{name}"), y.as_flattened().iter().flat_map(bytes));
    Ok(())
}

/// A whole tensor at once, of which C does one window after another.
fn dense<E: Element, K: Kind<E> + Copy>(
    name: &str,
    layer: Layer<K>,
    mut x: [E; N],
    bytes: fn(&E) -> Vec<u8>,
) -> Result<(), Error> {
    layer.apply_in_place(Mode::Train(ADDRESS), &mut x)?;
    print(&format!("dk_dropout_dense{name}"), x.iter().flat_map(bytes));
    Ok(())
}

fn drop_block(rate: Rate, x: &[f32; N]) -> Result<(), Error> {
    let layer = DropBlock::nhwc(rate, [2, 3], [3, 5, 5, 4])?;
    print_sizes("dk_drop_block_size", [N, layer.patches(), layer.mask_words()]);
    let (mut words, mut y) = ([0; WORDS], [0.0; N]);
    layer.draw(ADDRESS, &mut words)?;
    print("dk_drop_block_draw", words.iter().flat_map(|word| word.to_le_bytes()));
    let mask = Some(PackedMask::new(&words, 0, N)?);
    layer.apply(mask, x, &mut y)?;
    print_floats("dk_drop_block_f32", &y);
    layer.backward_in_place(mask, &mut y)?;
    print_floats("dk_drop_block_backward_f32", &y);
    layer.backward_add(mask, x, &mut y)?;
    print_floats("dk_drop_block_backward_add_f32", &y);
    Ok(())
}

fn moments(rate: Rate, x: &[f32; N]) -> Result<(), Error> {
    let mut sums = [[[0.0_f32; N]; 2]; 2];
    let [[mean, m2], [other_mean, other_m2]] = &mut sums;
    let (mut first, mut second) = (Moments::new(mean, m2)?, Moments::new(other_mean, other_m2)?);
    for step in 0..7 {
        let mut y = [0.0; N];
        Dropout::new(rate).apply(Mode::Train(Address { step, ..ADDRESS }), x, &mut y)?;
        if step < 4 { &mut first } else { &mut second }.add(&y)?;
    }
    print_floats("dk_moments_add", &[first.mean(), first.m2(), second.mean(), second.m2()].concat());
    first.merge(&second)?;
    print_floats("dk_moments_merge", &[first.mean(), first.m2()].concat());
    print_floats("dk_moments_population_variance", &first.population_variance().collect::<Vec<_>>());
    print_floats("dk_moments_sample_variance", &first.sample_variance().collect::<Vec<_>>());
    print_floats("dk_moments_new", &[0.0; 2 * N]);
    Ok(())
}

fn print_floats(name: &str, y: &[f32]) {
    print(name, y.iter().flat_map(|y| y.to_le_bytes()));
}

fn print_sizes(name: &str, sizes: [usize; 3]) {
    print(name, sizes.into_iter().flat_map(|size| (size as u64).to_le_bytes()));
}

/// FNV-1a.
fn print(name: &str, bytes: impl IntoIterator<Item = u8>) {
    let sum =
        bytes.into_iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    println!("{name:36} {sum:016x}");
}
