//! DropBlock, against a loop over blocks.
#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "extents, counts, and values that nothing is done to: exact")]

use dropout_kernels::{Address, Backend, DropBlock, Dropout, Error, Layout, Mask, Mode, PackedMask, Rate};
use quickcheck::{Arbitrary, Gen};
use testkit::blocks::{self, gamma};
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
every_backend!(less_is_dropped_than_the_rate_says_by_what_overlaps, wrong_arguments_are_refused);

/// Everything that the output depends on.
#[derive(Clone, Debug)]
struct BlockCase {
    shape: [usize; 4],
    block: usize,
    p: f64,
    address: Address,
    /// The seed of the elements.
    values: u64,
}

impl BlockCase {
    fn drop_block(&self) -> DropBlock {
        DropBlock::new(Rate::new(self.p).unwrap(), self.block, self.shape).unwrap()
    }

    fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    fn x<E: Value>(&self) -> Vec<E> {
        random(self.values, self.elements())
    }

    fn words(&self, backend: Backend) -> Vec<u32> {
        // Neither all kept nor all dropped, so that a bit that is not written shows.
        let mut words = vec![0xA5A5_A5A5; self.elements().div_ceil(32)];
        self.drop_block().on(backend).draw(self.address, &mut words).unwrap();
        words
    }

    fn drops(&self) -> Vec<bool> {
        blocks::drops(self.shape, self.block, self.p, self.address)
    }

    fn with_block(&self, block: usize) -> Self {
        Self { block, ..self.clone() }
    }

    fn at(&self, p: f64) -> Self {
        Self { p, ..self.clone() }
    }
}

impl Arbitrary for BlockCase {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut below = |limit| usize::arbitrary(g) % limit;
        let mut shape = [1 + below(3), 1 + below(4), 1 + below(20), 1 + below(20)];
        match below(20) {
            0 => shape[below(4)] = 0,
            1 => shape[2 + below(2)] = 1 + below(200), // blocks of more than a word
            _ => {}
        }
        let largest = [1, 3, 8, 24, 100][below(5)];
        let block = 1 + below(largest);
        // An empty map has a decision with the layers that it is compared with.
        let address = address(g, shape.iter().map(|extent| extent.max(&1)).product());
        Self { shape, block, p: probability(g), address, values: u64::arbitrary(g) }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let case = self.clone();
        let halved = move |axis| {
            let mut case = case.clone();
            case.shape[axis] /= 2;
            case
        };
        let shape = self.shape;
        Box::new((0..4).filter(move |&axis| shape[axis] > 1).map(halved))
    }
}

fn packed(words: &[u32], decisions: usize) -> Mode<'_> {
    Mode::Stored(PackedMask::new(words, 0, decisions).unwrap())
}

fn apply<E: Value>(drop_block: &DropBlock, mode: Mode, x: &[E]) -> Vec<E> {
    let mut y = vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); x.len()];
    drop_block.apply(mode, x, &mut y).unwrap();
    y
}

fn equals_the_oracle<E: Value>(backend: Backend, case: &BlockCase) {
    let (x, dropped) = (case.x::<E>(), case.drops());
    let scale = x.len() as f64 / dropped.iter().filter(|&&dropped| !dropped).count() as f64;
    let expected = oracle::apply(&[x.len()], &[], &dropped, &x, |x| x.times(scale), E::DROPPED);
    let words = case.words(backend);
    assert_same(&apply(&case.drop_block().on(backend), packed(&words, x.len()), &x), &expected);

    let keep = |i: usize| words[i / 32] >> (i % 32) & 1 == 1;
    assert!((0..32 * words.len()).all(|i| keep(i) == dropped.get(i).is_some_and(|dropped| !dropped)));
}

fn in_place_equals_out_of_place<E: Value>(backend: Backend, case: &BlockCase) {
    let (drop_block, words) = (case.drop_block().on(backend), case.words(backend));
    for mode in [packed(&words, case.elements()), Mode::Eval] {
        let x = case.x::<E>();
        let mut y = x.clone();
        drop_block.apply_in_place(mode, &mut y).unwrap();
        assert_same(&y, &apply(&drop_block, mode, &x));
    }
}

fn backward_equals_forward<E: Value>(backend: Backend, case: &BlockCase) {
    let (drop_block, words) = (case.drop_block().on(backend), case.words(backend));
    for mode in [packed(&words, case.elements()), Mode::Eval] {
        let gradient = case.x::<E>();
        let forward = apply(&drop_block, mode, &gradient);
        let mut backward = vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); gradient.len()];
        drop_block.backward(mode, &gradient, &mut backward).unwrap();
        assert_same(&backward, &forward);

        let mut in_place = gradient;
        drop_block.backward_in_place(mode, &mut in_place).unwrap();
        assert_same(&in_place, &forward);
    }
}

/// A batch cut between two samples, each part at its own offset, both with the scale of the whole.
fn parts_of_a_batch_equal_the_whole<E: Value>(backend: Backend, case: &BlockCase) {
    let x = case.x::<E>();
    let words = case.words(backend);
    let whole = apply(&case.drop_block().on(backend), packed(&words, x.len()), &x);

    let [n, c, h, w] = case.shape;
    let cut = case.values as usize % (n + 1);
    let (mut first, mut second) = (case.clone(), case.clone());
    first.shape = [cut, c, h, w];
    second.shape = [n - cut, c, h, w];
    second.address.offset = case.address.offset.wrapping_add(first.drop_block().decisions() as u64);
    assert_eq!(first.drop_block().decisions() + second.drop_block().decisions(), case.drop_block().decisions());

    let (x_first, x_second) = x.split_at(first.elements());
    let parts = [(first.drop_block(), first.words(backend), x_first), (second.drop_block(), second.words(backend), x_second)];
    let kept: usize = parts.iter().map(|(_, words, x)| PackedMask::new(words, 0, x.len()).unwrap().count_kept()).sum();
    let scale = x.len() as f64 / kept as f64;
    let part = |(drop_block, words, x): &(DropBlock, Vec<u32>, &[E])| {
        apply(&drop_block.with_scale(scale).on(backend), packed(words, x.len()), x)
    };
    assert_same(&parts.iter().flat_map(part).collect::<Vec<E>>(), &whole);
}

fn a_mask_that_drops_nothing_is_the_identity<E: Value>(backend: Backend, case: &BlockCase) {
    let (x, case) = (case.x::<E>(), case.at(0.0));
    assert_same(&apply(&case.drop_block().on(backend), packed(&case.words(backend), x.len()), &x), &x);
}

/// NaN and infinities included, and to the positive zero.
fn everything_is_dropped_at_1<E: Value>(backend: Backend, case: &BlockCase) {
    let (x, case) = (case.x::<E>(), case.at(1.0));
    let y = apply(&case.drop_block().on(backend), packed(&case.words(backend), x.len()), &x);
    assert_same(&y, &vec![E::DROPPED; x.len()]);
}

fn evaluation_is_the_identity<E: Value>(backend: Backend, case: &BlockCase) {
    let x = case.x::<E>();
    assert_same(&apply(&case.drop_block().on(backend), Mode::Eval, &x), &x);
}

fn blocks_of_one_are_elements(backend: Backend, case: &BlockCase) {
    let case = case.with_block(1);
    let mut words = vec![0; case.elements().div_ceil(32)];
    Mask::new(Rate::new(case.p).unwrap(), case.address).on(backend).words(case.elements(), &mut words).unwrap();
    assert_eq!(case.words(backend), words);
}

/// Up to the scale, which is 2 with the one and counted with the other.
fn blocks_as_large_as_maps_are_maps(backend: Backend, case: &BlockCase) {
    let [_, _, h, w] = case.shape;
    let case = case.with_block(h.max(w) + 1);
    let maps = Dropout::new(Rate::new(case.p).unwrap()).with_layout(Layout::nchw(case.shape).unwrap()).on(backend);
    let mut expected = ones(case.elements());
    maps.apply_in_place(Mode::Train(case.address), &mut expected).unwrap();
    let words = case.words(backend);
    let mask = PackedMask::new(&words, 0, case.elements()).unwrap();
    assert!(expected.iter().enumerate().all(|(i, y)| mask.keeps(i) == Some(*y != 0.0)));
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
    let start = case.values as usize % GUARD;
    let mut words = vec![0xA5A5_A5A5; start + drop_block.words() + GUARD];
    let mut y = vec![-77.0_f32; start + elements + GUARD];
    let mask = drop_block.draw(case.address, &mut words[start..start + drop_block.words()]).unwrap();
    drop_block.apply(Mode::Stored(mask), &ones(elements), &mut y[start..start + elements]).unwrap();
    let (words_inside, inside) = (start..start + drop_block.words(), start..start + elements);
    assert!(words.iter().enumerate().all(|(i, word)| words_inside.contains(&i) || *word == 0xA5A5_A5A5));
    assert!(y.iter().enumerate().all(|(i, y)| inside.contains(&i) != (*y == -77.0)));
}

/// Each element is kept if none of the blocks that cover it is dropped: within five standard errors, from the spread of the maps; and with all
/// usual sizes the paper's approximation leaves it within a sixth of p.
fn less_is_dropped_than_the_rate_says_by_what_overlaps(backend: Backend) {
    const MAPS: usize = 2000;
    for (side, block) in [(7, 3), (14, 3), (14, 7), (28, 7), (56, 7), (28, 4)] {
        for p in [0.05, 0.1, 0.2] {
            let address = Address { seed: 7, layer: 1, step: 2, offset: 0 };
            let case = BlockCase { shape: [MAPS, 1, side, side], block, p, address, values: 0 };
            let words = case.words(backend);
            let elements = side * side;
            let dropped = |map: usize| {
                let kept = PackedMask::new(&words, map * elements, elements).unwrap().count_kept();
                1.0 - kept as f64 / elements as f64
            };
            let mean = (0..MAPS).map(dropped).sum::<f64>() / MAPS as f64;
            let variance = (0..MAPS).map(|map| (dropped(map) - mean).powi(2)).sum::<f64>() / (MAPS - 1) as f64;

            let gamma = gamma(p, [side; 2], [block; 2]);
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
    assert_eq!(DropBlock::new(rate, 0, [1; 4]).unwrap_err().to_string(), "block size 0: expected at least 1");
    assert_eq!(DropBlock::new(rate, 2, [usize::MAX, 1, 2, 1]), Err(Error::ShapeOverflow));
    let empty = DropBlock::new(rate, 2, [usize::MAX, 1, 0, 1]).unwrap();
    assert_eq!((empty.words(), empty.decisions()), (0, 0));

    // 50 elements; 2 x 4 x 4 blocks.
    let drop_block = DropBlock::new(rate, 2, [1, 2, 5, 5]).unwrap().on(backend);
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

    let (mode, mut y) = (packed(&words, 50), [77.0; 51]);
    assert_eq!(drop_block.apply(mode, &X[..49], &mut y[..49]), Err(length("x", 50, 49)));
    assert_eq!(drop_block.apply(mode, &X, &mut y), Err(length("y", 50, 51)));
    assert_eq!(drop_block.apply_in_place(Mode::Eval, &mut y), Err(length("x", 50, 51)));
    assert_eq!(drop_block.backward(mode, &X, &mut y), Err(length("grad_x", 50, 51)));
    assert_eq!(drop_block.backward_in_place(packed(&words, 51), &mut y[..50]), Err(length("mask", 50, 51)));
    let error = drop_block.apply(Mode::Train(address(0)), &X, &mut y[..50]).unwrap_err();
    assert_eq!(error, Error::ComputedMask);
    assert!(error.to_string().contains("expected Stored or Eval"));
    assert_eq!(y, [77.0; 51]);
}

/// The scale is counted over the whole, not over each thread's part.
#[cfg(feature = "rayon")]
#[test]
fn threads_change_no_bit() {
    let case = BlockCase { shape: [3, 5, 101, 103], block: 7, p: 0.1, address: Address::default(), values: 1 };
    let (x, words) = (case.x::<f32>(), case.words(Backend::detect()));
    let (drop_block, mode) = (case.drop_block(), packed(&words, x.len()));
    assert_same(&apply(&drop_block.in_parallel(), mode, &x), &apply(&drop_block, mode, &x));
}
