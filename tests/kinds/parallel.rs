//! On all threads, every kind and type gets the bits that it gets on one, from computed masks and stored ones.

use dropout_kernels::{
    Activation, Address, Backend, Dropout, Error, Filler, Fused, GaussianDropout, Layer, Layout, Mask, Mode, PackedMask, Rate,
    Scaling, Select,
};
use testkit::every_subject;
use testkit::memory::as_memory;
use testkit::subject::{Settings, Subject};
use testkit::value::{Bits, assert_same, random};

use crate::{apply, backward, unwritten};

every_subject!(threads_change_no_bit);

/// Each large enough to be cut, along an outermost axis that is shared, not shared, odd or all there is.
const LAYOUTS: [Result<Layout, Error>; 6] = [
    Ok(Layout::flat(300_001)),
    Layout::nchw([3, 7, 99, 131]),
    Layout::nhwc([9, 40, 70, 11]),
    Layout::hwc([600, 89, 5]),
    Layout::locked(&[5, 55_555]),
    Layout::rows(501, 500, 577),
];

const P: f64 = 0.3;
const ADDRESS: Address = Address { seed: 8, layer: 1, step: 2, offset: (1 << 39) - 1000 };
const TRAIN: Mode = Mode::Train(ADDRESS);

/// On the backend that is detected, whichever the test is for.
fn threads_change_no_bit<S: Subject>(backend: Backend) {
    if backend != Backend::detect() {
        return;
    }
    for layout in LAYOUTS {
        let layout = layout.unwrap();
        let x = random(3, layout.elements());
        let mut words = vec![0; layout.decisions().div_ceil(32)];
        Mask::new(Rate::new(P).unwrap(), ADDRESS).words(layout.decisions(), &mut words).unwrap();
        let stored = Mode::Stored(PackedMask::new(&words, 0, layout.decisions()).unwrap());
        let (train, evaluation) = ((Mode::Train(ADDRESS), Scaling::Inverted), (Mode::Eval, Scaling::Classic));
        // Noise has no mask to be stored.
        for (mode, scaling) in [train, evaluation].into_iter().chain((!S::NOISE).then_some((stored, Scaling::Inverted))) {
            let alone = S::layer(&Settings { scaling, ..Settings::of(P) }).with_layout(layout).on(backend);
            let passes = |layer: Layer<S::Kind, Layout>| {
                let (mut y, mut grad) = (unwritten(x.len()), x.clone());
                as_memory(&mut y, |y| layer.apply_uninit(mode, &x, y)).unwrap();
                layer.backward_in_place(mode, &mut grad).unwrap();
                [apply(&layer, mode, &x), y, backward(&layer, mode, &x), grad]
            };
            assert_all_same(&passes(alone.in_parallel()), &passes(alone));
        }
    }
}

fn assert_all_same<E: Bits>(actual: &[Vec<E>], expected: &[Vec<E>]) {
    actual.iter().zip(expected).for_each(|(actual, expected)| assert_same(actual, expected));
}

/// The bits are the same, so that only equality tells whether threads were asked for.
#[test]
fn threads_are_part_of_a_layer() {
    let alone = Dropout::new(Rate::new(0.5).unwrap());
    assert!(alone.in_parallel() != alone);
}

/// The sums of a gradient of the bias too, which one thread takes.
#[test]
fn fused_passes_are_cut_at_any_column() {
    const COLUMNS: usize = 777;
    let (x, residual) = (random::<f32>(5, 1000 * COLUMNS), random::<f32>(6, 1000 * COLUMNS));
    let bias = random::<f32>(7, COLUMNS);
    let alone = Dropout::new(Rate::new(0.2).unwrap());
    let [expected, actual] = [alone, alone.in_parallel()].map(|dropout| {
        let fused = Fused::new(dropout, Activation::Gelu).with_bias(&bias);
        let (mut with_residual, mut without, mut stream) = (vec![7.0; x.len()], vec![7.0; x.len()], residual.clone());
        fused.apply(TRAIN, &x, Some(&residual), &mut with_residual).unwrap();
        fused.apply(TRAIN, &x, None, &mut without).unwrap();
        fused.add(TRAIN, &x, &mut stream).unwrap();
        let (mut grad_x, mut added, mut grad_bias) = (vec![7.0; x.len()], residual.clone(), vec![0.0; COLUMNS]);
        fused.backward(TRAIN, &x, &residual, &mut grad_x, Some(&mut grad_bias)).unwrap();
        fused.backward_add(TRAIN, &x, &residual, &mut added, None).unwrap();
        [with_residual, without, stream, grad_x, added, grad_bias]
    });
    assert_all_same(&actual, &expected);
}

/// Columns are counted from the first element of a part, across its gaps.
#[test]
fn rows_with_gaps_are_cut() {
    // Rows so short that many share a limb of decisions.
    const COLUMNS: usize = 13;
    let layout = Layout::rows(40_001, COLUMNS, 15).unwrap();
    let (x, row) = (random::<f32>(5, layout.elements()), random::<f32>(7, COLUMNS));
    let rate = Rate::new(0.2).unwrap();
    let (dropout, select) = (Dropout::new(rate).with_layout(layout), Select::new(rate).with_layout(layout));
    let [expected, actual] = [(dropout, select), (dropout.in_parallel(), select.in_parallel())].map(|(dropout, select)| {
        let fused = Fused::new(dropout, Activation::Relu).with_bias(&row);
        let (mut y, mut grad_x, mut chosen) = (vec![7.0; x.len()], vec![7.0; x.len()], vec![7.0; x.len()]);
        fused.apply(TRAIN, &x, None, &mut y).unwrap();
        fused.backward(TRAIN, &x, &x, &mut grad_x, None).unwrap();
        select.apply(TRAIN, &x, Filler::Row(&row), &mut chosen).unwrap();
        [y, grad_x, chosen]
    });
    assert_all_same(&actual, &expected);
}

#[test]
fn choices_and_sums_are_cut() {
    let layout = Layout::rows(801, 700, 777).unwrap();
    let (x, other) = (random::<f64>(5, layout.elements()), random::<f64>(6, layout.elements()));
    let (select, dropout) = (Select::new(Rate::new(0.2).unwrap()), Dropout::new(Rate::new(0.2).unwrap()));
    let (select, dropout) = (select.with_layout(layout), dropout.with_layout(layout));
    let [expected, actual] = [(select, dropout), (select.in_parallel(), dropout.in_parallel())].map(|(select, dropout)| {
        let (mut y, mut grad_kept, mut grad_dropped) = (vec![7.0; x.len()], vec![7.0; x.len()], vec![7.0; x.len()]);
        select.apply(TRAIN, &x, Filler::Tensor(&other), &mut y).unwrap();
        select.backward(TRAIN, &x, &mut grad_kept, Some(&mut grad_dropped)).unwrap();
        let mut added = other.clone();
        dropout.backward_add(TRAIN, &x, &mut added).unwrap();
        [y, grad_kept, grad_dropped, added]
    });
    assert_all_same(&actual, &expected);
}

#[test]
fn the_words_of_masks_are_cut() {
    for decisions in [(1_usize << 18) - 1, 1 << 18, 1_000_003] {
        let mask = Mask::new(Rate::new(0.3).unwrap(), ADDRESS);
        let (mut expected, mut words) = (vec![7; decisions.div_ceil(32)], vec![7; decisions.div_ceil(32)]);
        mask.words(decisions, &mut expected).unwrap();
        mask.in_parallel().words(decisions, &mut words).unwrap();
        assert_eq!(words, expected);
    }
}

/// What a pool of four threads has run, in nanoseconds for each.
#[cfg(target_os = "linux")]
fn run_times(pool: &rayon::ThreadPool) -> Vec<u64> {
    pool.broadcast(|_| {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        statistics.split(' ').next().unwrap().parse().unwrap()
    })
}

/// Asserts that at least two threads of a pool work. Other processes may keep them from it for a while.
#[cfg(target_os = "linux")]
fn assert_shared(name: &str, mut work: impl FnMut() + Send) {
    const MILLISECOND: u64 = 1_000_000;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let shared = (0..1000).any(|_| {
        let before = run_times(&pool);
        pool.install(&mut work);
        run_times(&pool).iter().zip(before).filter(|(after, before)| *after - before > MILLISECOND).count() > 1
    });
    assert!(shared, "{name} ran on one thread");
}

#[cfg(target_os = "linux")]
#[test]
fn several_threads_work() {
    let layout = Layout::nhwc([2, 256, 256, 32]).unwrap();
    let rate = Rate::new(0.1).unwrap();
    let x = random::<f32>(3, layout.elements());
    let (mut y, mut words) = (x.clone(), vec![0; 1 << 22]);

    let dropout = Dropout::new(rate).with_layout(layout).in_parallel();
    assert_shared("dropout", || dropout.apply(TRAIN, &x, &mut y).unwrap());
    assert_shared("a sum", || dropout.backward_add(TRAIN, &x, &mut y).unwrap());
    let fused = Fused::new(dropout, Activation::Gelu);
    assert_shared("fused", || fused.apply(TRAIN, &x, None, &mut y).unwrap());
    let gaussian = GaussianDropout::new(rate).in_parallel();
    assert_shared("noise", || gaussian.apply(TRAIN, &x, &mut y).unwrap());
    let select = Select::new(rate).in_parallel();
    assert_shared("a choice", || select.apply_in_place(TRAIN, &mut y, Filler::Tensor(&x)).unwrap());
    let mask = Mask::new(rate, ADDRESS).in_parallel();
    assert_shared("a mask", || mask.words(32 * words.len(), &mut words).unwrap());
    let recording = Dropout::new(rate).in_parallel();
    let words = &mut words[..x.len() / 32];
    assert_shared("recording", || recording.apply_recording(ADDRESS, &x, &mut y, words).unwrap());
}
