//! The library against the oracles of `testkit`: any arguments of any function, good or bad, as the fuzz targets check them.

use testkit::fuzz::{self, bytes::Bytes};

/// Two tests of each target, without a fuzzer: the inputs of its corpus, which between them take most branches that fuzzing has found,
/// and random ones.
macro_rules! targets {
    ($($target:ident),+ $(,)?) => {
        $(mod $target {
            use super::*;

            fn check(bytes: Bytes) {
                bytes.check(fuzz::$target::check);
            }

            #[test]
            fn corpus() {
                fuzz::bytes::check_corpus(stringify!($target), check);
            }

            #[test]
            fn random() {
                fuzz::bytes::check_random(check);
                testkit::report(concat!("oracle::", stringify!($target)));
            }
        })+
    };
}
targets!(drop_block, fused, generator, kinds, layers, monte_carlo, packed, rate, select);
