#![no_main]

use testkit::fuzz::generator::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
