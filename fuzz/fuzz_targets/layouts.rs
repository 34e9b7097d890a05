#![no_main]

use testkit::fuzz::layouts::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
