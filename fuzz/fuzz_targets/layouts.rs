#![no_main]

use fuzzing::layouts::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
