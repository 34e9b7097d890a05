//! All of what other tests sample, which takes long. It is ignored unless asked for, and has its command and its CPU time (on a Zen 4)
//! beside it. `cargo test --release --lib --test contract -- --ignored` runs it, and two of the library's own that are as long.

use dropout_kernels::Rate;

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
