//! Inputs of a fuzz target as bytes, which need no fuzzer: those of its corpus, and random ones.

use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::{env, fs};

use arbitrary::Unstructured;
use quickcheck::{Arbitrary, Gen, QuickCheck};

/// How many random inputs a target is tried with, unless the environment has quickcheck's `QUICKCHECK_TESTS`.
const CASES: u64 = 5000;

/// An input as libFuzzer has it.
#[derive(Clone)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// As libFuzzer's entry point reads them.
    pub fn check<I: for<'a> arbitrary::Arbitrary<'a>>(&self, check: fn(&I)) {
        check(&I::arbitrary_take_rest(Unstructured::new(&self.0)).unwrap());
    }
}

/// Checks every input in the corpus of a target.
pub fn check_corpus(target: &str, check: impl Fn(Bytes)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let files = fs::read_dir(root.join("fuzz/corpus").join(target)).unwrap();
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display()); // which the harness shows if the check fails
        check(Bytes(fs::read(file).unwrap()));
    }
}

pub fn check_random(check: fn(Bytes)) {
    let mut quickcheck = QuickCheck::new();
    if env::var_os("QUICKCHECK_TESTS").is_none() {
        quickcheck = quickcheck.tests(CASES);
    }
    quickcheck.quickcheck(check);
}

/// A command that writes them to a file: `cargo +nightly fuzz run TARGET input` is then the case again.
impl Debug for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("printf '")?;
        self.0.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        f.write_str("' >input")
    }
}

impl Arbitrary for Bytes {
    /// What is read beyond their end is zero.
    fn arbitrary(g: &mut Gen) -> Self {
        Self((0..64 + u16::arbitrary(g) % 400).map(|_| u8::arbitrary(g)).collect())
    }

    /// By cutting the end off, and by blocks of zeros. Byte by byte would take minutes.
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let (bytes, len) = (self.0.clone(), self.0.len());
        let cut = [0, len / 2, len - len / 4, len - len / 16].into_iter().filter(move |end| *end < len);
        let blocks = [64, 16, 4].into_iter().flat_map(move |size| (0..len).step_by(size).map(move |i| i..len.min(i + size)));
        let is_zero = |block: &[u8]| block.iter().all(|byte| *byte == 0);
        let (whole, blocks_of) = (bytes.clone(), bytes.clone());
        let zeroed = blocks.filter(move |block| !is_zero(&blocks_of[block.clone()])).map(move |block| {
            let mut bytes = whole.clone();
            bytes[block].fill(0);
            Self(bytes)
        });
        Box::new(cut.map(move |end| Self(bytes[..end].to_vec())).chain(zeroed))
    }
}
