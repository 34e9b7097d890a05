//! A peer: a hash of a counter, with random access, whose randomness a 32-bit key limits.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let scale = if threshold >> 31 == 1 { 2.0 } else { 10.0 / 9.0 };
    let (key, threshold) = (firmware::peers::key(firmware::ADDRESS.step), threshold as u32);
    for (i, x) in (0..).zip(x) {
        *x = if firmware::peers::mix(key.wrapping_add(i)) < threshold { 0.0 } else { *x * scale };
    }
    Some(())
});
