//! A training step as it is written: a layer, its forward pass and its backward pass, in a mode that the compiler does not
//! know.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;

use dropout_kernels::{Dropout, Rate};

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let dropout = Dropout::new(Rate::from_threshold(threshold).ok()?);
    let mode = black_box(firmware::TRAIN);
    dropout.apply_in_place(mode, x).ok()?;
    dropout.backward_in_place(mode, x).ok()
});
