//! DropBlock, against a loop over blocks.
#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "extents, counts, and values that nothing is done to: exact")]

use dropout_kernels::{Address, Backend, DropBlock, Dropout, Error, Layout, Mask, Mode, PackedMask, Rate};
use quickcheck::{Arbitrary, Gen};
use testkit::blocks::Blocks;
use testkit::case::{address, probability};
use testkit::oracle;
use testkit::value::{Value, assert_same, ones, random};
use testkit::{every_backend, laws};

laws!(
    single,
    BlockCase: equals_the_oracle::<f32>,
    in_place_equals_out_of_place::<f32>,
    backward_equals_forward::<f32>,
    parts_of_a_batch_equal_the_whole::<f32>,
    a_mask_that_drops_nothing_is_the_identity::<f32>,
    everything_is_dropped_at_1::<f32>,
    evaluation_is_the_identity::<f32>,
);
laws!(
    masks,
    BlockCase: blocks_of_one_are_elements,
    blocks_as_large_as_maps_are_maps,
    more_is_dropped_at_a_higher_rate,
    nothing_is_written_past_the_end,
);
every_backend!(
    less_is_dropped_than_the_rate_says_by_what_overlaps,
    wrong_arguments_are_refused,
    shared_channels_are_one_setting_of_many
);

/// Everything that the output depends on.
#[derive(Clone, Debug)]
struct BlockCase {
    blocks: Blocks,
    p: f64,
    address: Address,
    /// The seed of the elements.
    values: u64,
}

impl BlockCase {
    fn drop_block(&self) -> DropBlock {
        self.blocks.layer(Rate::new(self.p).unwrap()).unwrap()
    }

    fn elements(&self) -> usize {
        self.blocks.elements()
    }

    /// Of the mask.
    fn bits(&self) -> usize {
        self.blocks.bits()
    }

    fn x<E: Value>(&self) -> Vec<E> {
        random(self.values, self.elements())
    }

    fn words(&self, backend: Backend) -> Vec<u32> {
        // Neither all kept nor all dropped, so that a bit that is not written shows.
        let mut words = vec![0xA5A5_A5A5; self.bits().div_ceil(32)];
        self.drop_block().on(backend).draw(self.address, &mut words).unwrap();
        words
    }

    fn with_block_size(&self, size: impl Fn(usize) -> usize) -> Self {
        let mut case = self.clone();
        case.blocks.block_size = case.blocks.map.iter().map(|extent| size(*extent)).collect();
        case
    }

    fn with_samples(&self, samples: usize) -> Self {
        let mut case = self.clone();
        case.blocks.samples = samples;
        case
    }

    fn at(&self, p: f64) -> Self {
        Self { p, ..self.clone() }
    }
}

impl Arbitrary for BlockCase {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut below = |limit| usize::arbitrary(g) % limit;
        let axes = 1 + below(3);
        let limit = [60, 20, 8][axes - 1];
        let (mut samples, mut channels) = (1 + below(3), 1 + below(4));
        let mut map: Vec<usize> = (0..axes).map(|_| 1 + below(limit)).collect();
        match below(20) {
            0 => *[&mut samples, &mut channels, &mut map[below(axes)]][below(3)] = 0,
            1 => map[below(axes)] = 1 + below(200), // blocks of more than a word
            _ => {}
        }
        let largest = [1, 3, 8, 24, 100][below(5)];
        let block_size = (0..axes).map(|_| 1 + below(largest)).collect();
        let [channels_last, shared] = [below(2) == 1, below(3) == 0];
        let blocks = Blocks { samples, channels, map, block_size, channels_last, shared };
        // An empty map has a decision with the layers that it is compared with.
        let address = address(g, blocks.shape().iter().map(|extent| extent.max(&1)).product());
        Self { blocks, p: probability(g), address, values: u64::arbitrary(g) }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let (case, axes) = (self.clone(), self.blocks.map.len());
        let halved = move |axis| {
            let mut case = case.clone();
            let extent = match axis {
                0 => &mut case.blocks.samples,
                1 => &mut case.blocks.channels,
                _ => &mut case.blocks.map[axis - 2],
            };
            *extent /= 2;
            (*extent > 0).then_some(case)
        };
        Box::new((0..2 + axes).filter_map(halved))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as passes take it")]
fn packed(words: &[u32], decisions: usize) -> Option<PackedMask<'_>> {
    Some(PackedMask::new(words, 0, decisions).unwrap())
}

fn apply<E: Value>(drop_block: &DropBlock, mask: Option<PackedMask>, x: &[E]) -> Vec<E> {
    let mut y = vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); x.len()];
    drop_block.apply(mask, x, &mut y).unwrap();
    y
}

fn equals_the_oracle<E: Value>(backend: Backend, case: &BlockCase) {
    let (x, blocks) = (case.x::<E>(), &case.blocks);
    let dropped = blocks.drops(case.p, case.address);
    let scale = dropped.len() as f64 / dropped.iter().filter(|&&dropped| !dropped).count() as f64;
    let expected = oracle::apply(&blocks.shape(), &blocks.shared_axes(), &dropped, &x, |x| x.times(scale), E::DROPPED);
    let words = case.words(backend);
    assert_same(&apply(&case.drop_block().on(backend), packed(&words, dropped.len()), &x), &expected);

    let keep = |i: usize| words[i / 32] >> (i % 32) & 1 == 1;
    assert!((0..32 * words.len()).all(|i| keep(i) == dropped.get(i).is_some_and(|dropped| !dropped)));
    assert_eq!(case.drop_block().patches(), blocks.decisions());
}

fn in_place_equals_out_of_place<E: Value>(backend: Backend, case: &BlockCase) {
    let (drop_block, words) = (case.drop_block().on(backend), case.words(backend));
    for mask in [packed(&words, case.bits()), None] {
        let x = case.x::<E>();
        let mut y = x.clone();
        drop_block.apply_in_place(mask, &mut y).unwrap();
        assert_same(&y, &apply(&drop_block, mask, &x));
    }
}

fn backward_equals_forward<E: Value>(backend: Backend, case: &BlockCase) {
    let (drop_block, words) = (case.drop_block().on(backend), case.words(backend));
    for mask in [packed(&words, case.bits()), None] {
        let gradient = case.x::<E>();
        let forward = apply(&drop_block, mask, &gradient);
        let mut backward = vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); gradient.len()];
        drop_block.backward(mask, &gradient, &mut backward).unwrap();
        assert_same(&backward, &forward);

        let mut in_place = gradient;
        drop_block.backward_in_place(mask, &mut in_place).unwrap();
        assert_same(&in_place, &forward);
    }
}

/// A batch cut between two samples, each part at its own offset, both with the scale of the whole.
fn parts_of_a_batch_equal_the_whole<E: Value>(backend: Backend, case: &BlockCase) {
    let x = case.x::<E>();
    let whole = apply(&case.drop_block().on(backend), packed(&case.words(backend), case.bits()), &x);

    let samples = case.blocks.samples;
    let cut = case.values as usize % (samples + 1);
    let (first, mut second) = (case.with_samples(cut), case.with_samples(samples - cut));
    second.address.offset = case.address.offset.wrapping_add(first.drop_block().patches() as u64);
    assert_eq!(first.drop_block().patches() + second.drop_block().patches(), case.drop_block().patches());

    let (x_first, x_second) = x.split_at(first.elements());
    let parts = [(&first, first.words(backend), x_first), (&second, second.words(backend), x_second)];
    let kept: usize = parts.iter().map(|(part, words, _)| PackedMask::new(words, 0, part.bits()).unwrap().count_kept()).sum();
    let scale = case.bits() as f64 / kept as f64;
    let part = |(part, words, x): &(&BlockCase, Vec<u32>, &[E])| {
        apply(&part.drop_block().with_scale(scale).on(backend), packed(words, part.bits()), x)
    };
    assert_same(&parts.iter().flat_map(part).collect::<Vec<E>>(), &whole);
}

fn a_mask_that_drops_nothing_is_the_identity<E: Value>(backend: Backend, case: &BlockCase) {
    let (x, case) = (case.x::<E>(), case.at(0.0));
    assert_same(&apply(&case.drop_block().on(backend), packed(&case.words(backend), case.bits()), &x), &x);
}

/// NaN and infinities included, and to the positive zero.
fn everything_is_dropped_at_1<E: Value>(backend: Backend, case: &BlockCase) {
    let (x, case) = (case.x::<E>(), case.at(1.0));
    let y = apply(&case.drop_block().on(backend), packed(&case.words(backend), case.bits()), &x);
    assert_same(&y, &vec![E::DROPPED; x.len()]);
}

fn evaluation_is_the_identity<E: Value>(backend: Backend, case: &BlockCase) {
    let x = case.x::<E>();
    assert_same(&apply(&case.drop_block().on(backend), None, &x), &x);
}

fn blocks_of_one_are_elements(backend: Backend, case: &BlockCase) {
    let case = case.with_block_size(|_| 1);
    let mut words = vec![0; case.bits().div_ceil(32)];
    Mask::new(Rate::new(case.p).unwrap(), case.address).on(backend).words(case.bits(), &mut words).unwrap();
    assert_eq!(case.words(backend), words);
}

/// Up to the scale, which is 2 with the one and counted with the other.
fn blocks_as_large_as_maps_are_maps(backend: Backend, case: &BlockCase) {
    let case = case.with_block_size(|extent| extent + 1);
    let axes = [case.blocks.map_axes(), case.blocks.shared_axes()].concat();
    let layout = Layout::shared(&case.blocks.shape(), &axes).unwrap();
    let maps = Dropout::new(Rate::new(case.p).unwrap()).with_layout(layout).on(backend);
    let mut expected = ones(case.elements());
    maps.apply_in_place(Mode::Train(case.address), &mut expected).unwrap();
    let y =
        apply(&case.drop_block().with_scale(2.0).on(backend), packed(&case.words(backend), case.bits()), &ones(expected.len()));
    assert!(expected.iter().zip(y).all(|(expected, y)| (*expected == 0.0) == (y == 0.0)));
}

/// Masks are nested: what is dropped at p is dropped at every higher rate.
fn more_is_dropped_at_a_higher_rate(backend: Backend, case: &BlockCase) {
    let (low, high) = (case.words(backend), case.at(f64::midpoint(case.p, 1.0)).words(backend));
    assert!(low.iter().zip(high).all(|(low, high)| high & !low == 0));
}

/// Words and elements amid others, at any alignment. No scale is negative.
fn nothing_is_written_past_the_end(backend: Backend, case: &BlockCase) {
    const GUARD: usize = 16;
    let (drop_block, elements) = (case.drop_block().on(backend), case.elements());
    assert_eq!(drop_block.mask_words(), case.bits().div_ceil(32));
    let start = case.values as usize % GUARD;
    let mut words = vec![0xA5A5_A5A5; start + drop_block.mask_words() + GUARD];
    let mut y = vec![-77.0_f32; start + elements + GUARD];
    let mask = drop_block.draw(case.address, &mut words[start..start + drop_block.mask_words()]).unwrap();
    drop_block.apply(Some(mask), &ones(elements), &mut y[start..start + elements]).unwrap();
    let (words_inside, inside) = (start..start + drop_block.mask_words(), start..start + elements);
    assert!(words.iter().enumerate().all(|(i, word)| words_inside.contains(&i) || *word == 0xA5A5_A5A5));
    assert!(y.iter().enumerate().all(|(i, y)| inside.contains(&i) != (*y == -77.0)));
}

/// N x C x H x W.
fn squares([samples, channels, h, w]: [usize; 4], side: usize) -> Blocks {
    Blocks { samples, channels, map: vec![h, w], block_size: vec![side; 2], channels_last: false, shared: false }
}

/// Each element is kept if none of the blocks that cover it is dropped: within five standard errors, from the spread of the maps; and with all
/// usual sizes the paper's approximation leaves it within a sixth of p.
fn less_is_dropped_than_the_rate_says_by_what_overlaps(backend: Backend) {
    const MAPS: usize = 2000;
    for (side, block) in [(7, 3), (14, 3), (14, 7), (28, 7), (56, 7), (28, 4)] {
        for p in [0.05, 0.1, 0.2] {
            let address = Address { seed: 7, layer: 1, step: 2, offset: 0 };
            let case = BlockCase { blocks: squares([MAPS, 1, side, side], block), p, address, values: 0 };
            let words = case.words(backend);
            let elements = side * side;
            let dropped = |map: usize| {
                let kept = PackedMask::new(&words, map * elements, elements).unwrap().count_kept();
                1.0 - kept as f64 / elements as f64
            };
            let mean = (0..MAPS).map(dropped).sum::<f64>() / MAPS as f64;
            let variance = (0..MAPS).map(|map| (dropped(map) - mean).powi(2)).sum::<f64>() / (MAPS - 1) as f64;

            let gamma = case.blocks.gamma(p);
            let covering = |at: usize| (at.min(side - block) + 1 - (at + 1).saturating_sub(block)) as f64;
            let kept: f64 = (0..elements).map(|i| (1.0 - gamma).powf(covering(i / side) * covering(i % side))).sum();
            let expected = 1.0 - kept / elements as f64;
            let error = (variance / MAPS as f64).sqrt();
            assert!((mean - expected).abs() < 5.0 * error, "{mean} of {side} x {side} by {block} at p = {p}, not {expected}");
            assert!(expected < p && expected > p * 5.0 / 6.0, "{expected} of {side} x {side} by {block} at p = {p}");
        }
    }
}

fn wrong_arguments_are_refused(backend: Backend) {
    const X: [f32; 50] = [1.0; 50];
    let rate = Rate::new(0.5).unwrap();
    for (size, axis) in [([0, 2, 2], 0), ([2, 0, 2], 1), ([2, 2, 0], 2), ([2, 0, 0], 1)] {
        for error in [DropBlock::ncdhw(rate, size, [1; 5]), DropBlock::ndhwc(rate, size, [usize::MAX; 5])] {
            assert_eq!(error, Err(Error::BlockSize { axis }));
        }
    }
    for error in [DropBlock::ncl(rate, [0], [1; 3]), DropBlock::nlc(rate, [0], [0; 3])] {
        assert_eq!(error.unwrap_err().to_string(), "block size 0 along axis 0 of the maps: expected at least 1");
    }
    for error in [DropBlock::nchw(rate, [2, 0], [1; 4]), DropBlock::nhwc(rate, [2, 0], [1; 4])] {
        assert_eq!(error, Err(Error::BlockSize { axis: 1 }));
    }
    assert_eq!(DropBlock::nchw(rate, [2, 2], [usize::MAX, 1, 2, 1]), Err(Error::ShapeOverflow));
    assert_eq!(DropBlock::nlc(rate, [2], [usize::MAX, 2, 1]), Err(Error::ShapeOverflow));
    let empty = DropBlock::nhwc(rate, [2, 2], [usize::MAX, 1, 0, 1]).unwrap();
    for empty in [empty, empty.with_shared_channels()] {
        assert_eq!((empty.mask_words(), empty.patches()), (0, 0));
    }

    // 50 elements; 2 x 4 x 4 blocks.
    let drop_block = DropBlock::nchw(rate, [2, 2], [1, 2, 5, 5]).unwrap().on(backend);
    let address = |offset| Address { seed: 1, layer: 2, step: 3, offset };
    let length = |name, expected, actual| Error::Length { name, expected, actual };
    for len in [0, 1, 3] {
        let mut words = vec![0xA5A5_A5A5; len];
        assert_eq!(drop_block.draw(address(0), &mut words), Err(length("words", 2, len)));
        assert!(words.iter().all(|word| *word == 0xA5A5_A5A5));
    }
    let mut words = [0xA5A5_A5A5; 2];
    let (offset, decisions) = (u64::MAX - 30, 32);
    assert_eq!(drop_block.draw(address(offset), &mut words), Err(Error::IndexOverflow { offset, decisions }));
    assert_eq!(words, [0xA5A5_A5A5; 2]);
    assert!(drop_block.draw(address(offset - 1), &mut words).is_ok());

    let (mask, mut y) = (packed(&words, 50), [77.0; 51]);
    assert_eq!(drop_block.apply(mask, &X[..49], &mut y[..49]), Err(length("x", 50, 49)));
    assert_eq!(drop_block.apply(mask, &X, &mut y), Err(length("y", 50, 51)));
    assert_eq!(drop_block.apply_in_place(None, &mut y), Err(length("x", 50, 51)));
    assert_eq!(drop_block.backward(mask, &X, &mut y), Err(length("grad_x", 50, 51)));
    assert_eq!(drop_block.backward_in_place(packed(&words, 51), &mut y[..50]), Err(length("mask", 50, 51)));
    assert_eq!(y, [77.0; 51]);

    // A mask of shared channels is as long as a map.
    let shared = drop_block.with_shared_channels();
    assert_eq!((shared.mask_words(), shared.patches()), (1, 16));
    assert_eq!(shared.draw(address(0), &mut [0; 2]), Err(length("words", 1, 2)));
    assert_eq!(shared.apply(mask, &X, &mut y[..50]), Err(length("mask", 25, 50)));
    assert_eq!(y, [77.0; 51]);
}

/// Whatever is set before.
fn shared_channels_are_one_setting_of_many(backend: Backend) {
    let layer = DropBlock::nhwc(Rate::new(0.5).unwrap(), [2, 3], [2, 7, 5, 3]).unwrap();
    let expected = layer.with_shared_channels().on(backend).with_scale(3.0);
    assert_eq!(layer.on(backend).with_scale(3.0).with_shared_channels(), expected);
    assert_eq!(expected.with_shared_channels(), expected);
    #[cfg(feature = "rayon")]
    assert_eq!(layer.in_parallel().with_shared_channels(), layer.with_shared_channels().in_parallel());
}

/// Masks that are cut between maps, between 32 of them, between samples, and not at all. The scale is counted over the
/// whole, not over each thread's part.
#[cfg(feature = "rayon")]
#[test]
fn threads_change_no_bit() {
    let of = |samples, channels, map: &[usize], channels_last, shared| Blocks {
        samples,
        channels,
        map: map.to_vec(),
        block_size: vec![7; map.len()],
        channels_last,
        shared,
    };
    for blocks in [
        of(3, 5, &[128, 160], false, false),
        of(3, 50, &[61, 63], false, false),
        of(5, 16, &[30, 20, 11], true, false),
        of(64, 2, &[5001], true, true),
        of(1, 3, &[301, 303], true, false),
    ] {
        let case = BlockCase { blocks, p: 0.1, address: Address { offset: 77, ..Address::default() }, values: 1 };
        let (x, words) = (case.x::<f32>(), case.words(Backend::detect()));
        let (drop_block, mask) = (case.drop_block(), packed(&words, case.bits()));
        let mut in_parallel = vec![0xA5A5_A5A5; words.len()];
        drop_block.in_parallel().draw(case.address, &mut in_parallel).unwrap();
        assert_eq!(in_parallel, words);
        assert_same(&apply(&drop_block.in_parallel(), mask, &x), &apply(&drop_block, mask, &x));
    }
}
