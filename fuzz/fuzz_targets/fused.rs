#![no_main]

use fuzzing::fused::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
