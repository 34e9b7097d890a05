#![no_main]

use fuzzing::rate::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
