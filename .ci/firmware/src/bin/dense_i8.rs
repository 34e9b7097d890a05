//! Dropout of `i8` in place, with the rate at run time.
#![cfg_attr(target_os = "none", no_std, no_main)]

use dropout_kernels::{QuantizedDropout, Rate};

firmware::image!(|threshold, x: [i8; firmware::LEN]| {
    let rate = Rate::from_threshold(threshold).ok()?;
    QuantizedDropout::new(rate, 3_i8).apply_in_place(firmware::TRAIN, x).ok()
});
