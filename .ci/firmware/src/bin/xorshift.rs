//! A peer: a loop over the generator xorshift32 (Marsaglia, 2003), with its poor randomness and no random access.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let scale = if threshold >> 31 == 1 { 2.0 } else { 10.0 / 9.0 };
    let (mut state, threshold) = (2_463_534_242_u32, threshold as u32);
    for x in x {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *x = if state < threshold { 0.0 } else { *x * scale };
    }
    Some(())
});
