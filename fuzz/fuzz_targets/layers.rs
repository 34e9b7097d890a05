#![no_main]

use testkit::fuzz::layers::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
