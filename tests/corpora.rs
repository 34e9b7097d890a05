//! The corpora of the fuzz targets, replayed without a fuzzer: inputs that between them take most branches that fuzzing has found.

/// A test a target.
macro_rules! replay {
    ($($target:ident),+ $(,)?) => {
        $(#[test]
        fn $target() {
            fuzzing::replay(stringify!($target), fuzzing::$target::check);
        })+
    };
}
replay!(dense, drop_block, fused, generator, kinds, layouts, monte_carlo, packed, rate, select);
