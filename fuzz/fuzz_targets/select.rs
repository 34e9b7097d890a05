#![no_main]

use testkit::fuzz::select::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
