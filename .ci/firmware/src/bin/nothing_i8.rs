//! The harness of `i8` alone.
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::image!(|_threshold, _x: [i8; firmware::LEN]| Some(()));
