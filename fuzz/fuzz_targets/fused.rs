#![no_main]

use testkit::fuzz::fused::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
