#![no_main]

use fuzzing::packed::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
