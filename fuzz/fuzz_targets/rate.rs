#![no_main]

use testkit::fuzz::rate::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
