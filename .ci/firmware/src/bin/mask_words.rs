//! A mask as words, with the rate at run time.
#![cfg_attr(target_os = "none", no_std, no_main)]

use dropout_kernels::{Mask, Rate};

firmware::image!(|threshold, x: [u32; firmware::LEN / 32]| {
    let rate = Rate::from_threshold(threshold).ok()?;
    Mask::new(rate, firmware::ADDRESS).words(firmware::LEN, x).ok()
});
