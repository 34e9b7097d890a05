//! A network as it is written: layers in a struct, each called with a mode that the compiler does not know.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;

use dropout_kernels::{Dropout, Rate};

struct Network {
    first: Dropout,
    second: Dropout,
}

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    let dropout = Dropout::new(Rate::from_threshold(threshold).ok()?);
    let network = black_box(Network { first: dropout, second: dropout });
    let mode = black_box(firmware::TRAIN);
    network.first.apply_in_place(mode, x).ok()?;
    network.second.apply_in_place(mode, x).ok()
});
