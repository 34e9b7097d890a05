#![no_main]

use testkit::fuzz::dense::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
