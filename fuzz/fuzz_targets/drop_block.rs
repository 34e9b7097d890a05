#![no_main]

use testkit::fuzz::drop_block::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
