#![no_main]

use fuzzing::monte_carlo::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
