//! The same results on a host.

extern crate std;

use std::println;

use crate::{THRESHOLDS, Value, checksum, fill};

/// Prints what a function gives.
pub fn run<V: Value, const N: usize>(function: fn(u64, &mut [V; N]), x: &mut [V; N]) {
    for threshold in THRESHOLDS {
        fill(x);
        function(threshold, x);
        println!("{threshold:016x} {:08x}", checksum(x));
    }
}
