#![no_main]

use fuzzing::select::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
