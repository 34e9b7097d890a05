//! Dropout of `f32` in place, with the rate at run time.
#![cfg_attr(target_os = "none", no_std, no_main)]

use dropout_kernels::{Dropout, Rate};

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let rate = Rate::from_threshold(threshold).ok()?;
    Dropout::new(rate).apply_in_place(firmware::TRAIN, x).ok()
});
