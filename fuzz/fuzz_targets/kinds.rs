#![no_main]

use fuzzing::kinds::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
