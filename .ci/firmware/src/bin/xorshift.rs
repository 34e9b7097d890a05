//! A peer: a loop over the generator xorshift32, with its poor randomness and no random access.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let scale = if threshold >> 31 == 1 { 2.0 } else { 10.0 / 9.0 };
    let (mut state, threshold) = (firmware::peers::XORSHIFT_SEED, threshold as u32);
    for x in x {
        state = firmware::peers::xorshift(state);
        *x = if state < threshold { 0.0 } else { *x * scale };
    }
    Some(())
});
