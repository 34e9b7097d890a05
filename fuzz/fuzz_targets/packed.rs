#![no_main]

use dropout_kernels_fuzz::checks::packed::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
