//! The corpora of the fuzz targets, replayed without a fuzzer: inputs that between them take most branches that fuzzing has found.

use testkit::fuzz;

/// A test a target.
macro_rules! replay {
    ($($target:ident),+ $(,)?) => {
        $(#[test]
        fn $target() {
            fuzz::replay(stringify!($target), fuzz::$target::check);
        })+
    };
}
replay!(dense, drop_block, fused, generator, kinds, layouts, monte_carlo, packed, rate, select);
