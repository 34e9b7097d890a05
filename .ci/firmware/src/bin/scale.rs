//! A floor: a multiplication for each element.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let scale = if threshold >> 31 == 1 { 2.0 } else { 10.0 / 9.0 };
    x.iter_mut().for_each(|x| *x *= scale);
    Some(())
});
