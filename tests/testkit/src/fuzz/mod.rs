//! What the fuzz targets check: a module each, with its `Input` and its `check`, which panics where the library breaks its contract. The
//! library's own tests replay the corpora.

pub mod calls;
pub mod dense;
pub mod drop_block;
pub mod fused;
pub mod generator;
pub mod inputs;
pub mod kinds;
pub mod layer;
pub mod layouts;
pub mod monte_carlo;
pub mod packed;
pub mod rate;
pub mod select;
pub mod tensor;

use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::{Arbitrary, Unstructured};

/// Checks every input in the corpus of a target, without a fuzzer.
pub fn replay<I: for<'a> Arbitrary<'a>>(target: &str, check: fn(&I)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let files = fs::read_dir(root.join("fuzz/corpus").join(target)).unwrap();
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display()); // which the harness shows if the check fails
        // As libFuzzer's entry point reads it.
        check(&I::arbitrary_take_rest(Unstructured::new(&fs::read(file).unwrap())).unwrap());
    }
}
