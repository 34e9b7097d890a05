#![no_main]

use fuzzing::generator::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
