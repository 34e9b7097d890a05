#![no_main]

use testkit::fuzz::kinds::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
