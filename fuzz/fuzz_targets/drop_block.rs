#![no_main]

use fuzzing::drop_block::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
