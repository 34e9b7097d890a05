//! The harness of `u32` alone.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|_threshold, _x: [u32; firmware::LEN / 32]| Some(()));
