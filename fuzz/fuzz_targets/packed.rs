#![no_main]

use testkit::fuzz::packed::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
