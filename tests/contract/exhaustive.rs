//! All of what other tests sample. What takes long is ignored unless asked for, and has its command and its CPU time (on a Zen 4) beside
//! it. `cargo test --release --lib --test contract -- --ignored` runs all, and two of the library's own that are as long.

use dropout_kernels::{Address, Backend, Dropout, Mask, Mode, Rate};
use testkit::oracle::{self, dropped, pack};
use testkit::value::Value;

/// The threshold that an `f32` should become: its 24 bits shifted to multiples of 2^-32, ties to even; `None` if it is no probability.
fn nearest_threshold(bits: u32) -> Option<u64> {
    const RANGE: u64 = 1 << 32;
    let (negative, exponent, fraction) = (bits >> 31 == 1, bits >> 23 & 0xFF, u64::from(bits & 0x7F_FFFF));
    let significand = if exponent == 0 { fraction } else { fraction | 1 << 23 };
    if exponent == 0xFF || negative && significand != 0 {
        return None;
    }
    // The value is significand * 2^(exponent - 150), and subnormals have the exponent of 1. Shifts by 26 places and more give too much,
    // or less than a half.
    let threshold = match exponent.max(1) {
        exponent @ 118.. => significand << (exponent - 118).min(26),
        exponent => {
            let shift = (118 - exponent).min(26);
            let (floor, rest, half) = (significand >> shift, significand % (1 << shift), 1 << (shift - 1));
            floor + u64::from(rest > half || rest == half && floor % 2 == 1)
        }
    };
    (threshold <= RANGE).then_some(threshold)
}

fn compare(range: std::ops::RangeInclusive<u32>) {
    for bits in range {
        let threshold = Rate::from_f32(f32::from_bits(bits)).ok().map(Rate::threshold);
        assert_eq!(threshold, nearest_threshold(bits), "the f32 of bits {bits:#010x}");
    }
}

/// `cargo test --release --test contract -- --ignored f32`: 16 seconds, in two threads.
#[test]
#[ignore = "all 2^32 of them"]
fn every_f32_becomes_the_nearest_threshold() {
    std::thread::scope(|scope| {
        scope.spawn(|| compare(0..=u32::MAX / 2));
        compare(u32::MAX / 2 + 1..=u32::MAX);
    });
}

const LONGEST: usize = 1030;

/// All windows of a tensor: as values, each at the alignment that it has in the whole, and as packed
/// words. One that begins at 0 and one that begins where that ends are the two parts of a tensor that is cut there.
fn windows(backend: Backend) {
    // A rate of one plane; and a general one, where the low word of the block counter overflows.
    for (p, offset) in [(0.5, 0), (0.3, (1 << 39) - 517)] {
        let rate = Rate::new(p).unwrap();
        let whole = Address { seed: 0x0123_4567_89AB_CDEF, layer: 7, step: 99, offset };
        let drops = dropped(p, whole, LONGEST);
        let x: Vec<f32> = (1..=LONGEST as u16).map(f32::from).collect();
        let y = oracle::apply(&[LONGEST], &[], &drops, &x, |x| x.times(oracle::scale(p)), 0.0);
        for start in 0..=LONGEST {
            let address = Address { offset: offset + start as u64, ..whole };
            for window in (start..=LONGEST).map(|end| start..end) {
                let mut actual = [f32::NAN; LONGEST];
                let actual = &mut actual[window.clone()];
                Dropout::new(rate).on(backend).apply(Mode::Train(address), &x[window.clone()], actual).unwrap();
                assert_eq!(actual, &y[window.clone()], "elements {window:?} at p = {p}");

                let (len, mut actual) = (window.len(), [0xA5A5_A5A5; LONGEST.div_ceil(32)]);
                let actual = &mut actual[..len.div_ceil(32)];
                Mask::new(rate, address).on(backend).words(len, actual).unwrap();
                assert_eq!(actual, pack(0, &drops[window.clone()]), "words of decisions {window:?} at p = {p}");
            }
        }
    }
}

/// `cargo test --release --test contract -- --ignored any_place`: 4 seconds.
#[test]
#[ignore = "half a million windows on every backend"]
fn a_cut_at_any_place_changes_nothing() {
    testkit::each_backend(windows);
    testkit::report("a_cut_at_any_place_changes_nothing");
}
