//! The same with the constant rate p = 0.1.
#![cfg_attr(target_os = "none", no_std, no_main)]

use dropout_kernels::{Dropout, Rate};

const RATE: Rate = match Rate::new(0.1) {
    Ok(rate) => rate,
    Err(_) => panic!("not a probability"),
};

const DROPOUT: Dropout = Dropout::new(RATE);

firmware::image!(|_threshold, x: [f32; firmware::LEN]| DROPOUT.apply_in_place(firmware::TRAIN, x).ok());
