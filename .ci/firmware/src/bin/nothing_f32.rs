//! The harness of `f32` alone.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|_threshold, _x: [f32; firmware::LEN]| Some(()));
