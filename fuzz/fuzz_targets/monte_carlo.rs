#![no_main]

use testkit::fuzz::monte_carlo::{Input, check};

libfuzzer_sys::fuzz_target!(|input: Input| check(&input));
