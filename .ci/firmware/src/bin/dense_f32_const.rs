//! The same with constant rates.
#![cfg_attr(target_os = "none", no_std, no_main)]

use dropout_kernels::{Dropout, Rate};

const RATES: [Rate; 2] = [constant(0.1), constant(0.5)];

const fn constant(p: f64) -> Rate {
    match Rate::new(p) {
        Ok(rate) => rate,
        Err(_) => panic!("not a probability"),
    }
}

firmware::image!(|threshold, x: [f32; firmware::LEN]| {
    if threshold == RATES[0].threshold() {
        Dropout::new(RATES[0]).apply_in_place(firmware::TRAIN, x).ok()
    } else {
        Dropout::new(RATES[1]).apply_in_place(firmware::TRAIN, x).ok()
    }
});
