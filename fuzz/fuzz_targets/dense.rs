#![no_main]

use fuzzing::dense::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
