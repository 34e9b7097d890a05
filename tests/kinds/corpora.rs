//! The corpora of the fuzz targets, replayed without a fuzzer: inputs that between them take most branches that fuzzing has found.

use std::fs;
use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};

use crate::fuzz;

/// A test a target.
macro_rules! replay {
    ($($target:ident),+ $(,)?) => {
        $(#[test]
        fn $target() {
            for (file, bytes) in corpus(stringify!($target)) {
                println!("{file}"); // which the harness shows if the check fails
                // As libFuzzer's entry point reads it.
                fuzz::$target::check(&Arbitrary::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap());
            }
        })+
    };
}
replay!(dense, drop_block, fused, generator, kinds, layouts, monte_carlo, packed, rate);

/// The files of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let inputs: Vec<_> = files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect();
    assert!(!inputs.is_empty());
    inputs
}
