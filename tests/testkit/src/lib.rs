//! What the tests and the fuzz targets share: the oracle, random arguments, and the way to run a test on every backend.
//!
//! A test is a plain function of a [`Backend`]; [`every_backend!`] and [`laws!`] make tests of it. No test names a backend.
#![allow(missing_docs, reason = "for these tests only")]
#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate, clippy::return_self_not_must_use)]

pub mod activation;
pub mod blocks;
pub mod case;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod memory;
pub mod normal;
pub mod oracle;
pub mod passes;
pub mod refuse;
pub mod region;
pub mod subject;
pub mod value;

use std::env;
use std::fmt::Debug;
use std::io::Write;

use dropout_kernels::Backend;
use quickcheck::{QuickCheck, Testable};

/// How many random cases a law is tried with, on every backend each, unless the environment has quickcheck's `QUICKCHECK_TESTS`.
const CASES: u64 = 500;

pub fn each_backend(test: impl Fn(Backend)) {
    for backend in Backend::all() {
        let _backend = OnFailure("on the backend", backend.name());
        test(backend);
    }
}

/// What to say if the test fails while this lives. (quickcheck tells of the cases that it shrinks to, but not of one that it cannot
/// shrink.)
pub struct OnFailure<T: Debug>(pub &'static str, pub T);

impl<T: Debug> Drop for OnFailure<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} {:?}", self.0, self.1);
        }
    }
}

/// Says where a test ran. Written past the harness, which hides what passing tests print: on a CPU without some backend a skip must
/// not look like a pass.
pub fn report(test: &str) {
    let names: Vec<_> = Backend::all().map(Backend::name).collect();
    let line = format!("{test} ran on {}\n", names.join(", "));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

pub fn check(law: impl Testable) {
    let mut quickcheck = QuickCheck::new();
    if env::var_os("QUICKCHECK_TESTS").is_none() {
        quickcheck = quickcheck.tests(CASES);
    }
    quickcheck.quickcheck(law);
}

/// `every_backend!(test, ...)`: each is a `fn(Backend)`.
#[macro_export]
macro_rules! every_backend {
    ($($test:ident),+ $(,)?) => {
        mod every_backend {
            $(#[test]
            fn $test() {
                $crate::each_backend(super::$test);
                $crate::report(concat!(module_path!(), "::", stringify!($test)));
            })+
        }
    };
}

/// `laws!(module, Case: law, law::<OfScaled<f32>>, ...)`: each is a `fn(Backend, &Case)`, tried with random cases.
#[macro_export]
macro_rules! laws {
    ($module:ident, $case:ty: $($law:ident $(::<$subject:ty>)?),+ $(,)?) => {
        mod $module {
            use super::*;

            $(#[test]
            fn $law() {
                fn law(case: $case) {
                    let _case = $crate::OnFailure("for", &case);
                    $crate::each_backend(|backend| super::$law$(::<$subject>)?(backend, &case));
                }
                $crate::check(law as fn($case));
                $crate::report(concat!(module_path!(), "::", stringify!($law)));
            })+
        }
    };
}

/// Calls the macro with `module: Subject` for each kind and type of element.
#[macro_export]
macro_rules! every_subject {
    ($macro:ident) => {
        $crate::every_mask_subject!($macro);
        $crate::noises!($macro);
    };
}

/// The same without the kinds that have no mask.
#[macro_export]
macro_rules! every_mask_subject {
    ($macro:ident) => {
        $crate::float_masks!($macro);
        $macro!(
            quantized_i8: $crate::subject::OfQuantized<i8>,
            quantized_u8: $crate::subject::OfQuantized<u8>,
            quantized_i16: $crate::subject::OfQuantized<i16>
        );
    };
}

/// The same of floating-point elements alone.
#[macro_export]
macro_rules! every_float_subject {
    ($macro:ident) => {
        $crate::float_masks!($macro);
        $crate::noises!($macro);
    };
}

#[macro_export]
macro_rules! float_masks {
    ($macro:ident) => {
        $macro!(
            scaled_f32: $crate::subject::OfScaled<f32>,
            scaled_f64: $crate::subject::OfScaled<f64>,
            alpha_f32: $crate::subject::OfAlpha<f32>,
            alpha_f64: $crate::subject::OfAlpha<f64>
        );
        #[cfg(feature = "half")]
        $macro!(
            scaled_f16: $crate::subject::OfScaled<::half::f16>,
            scaled_bf16: $crate::subject::OfScaled<::half::bf16>,
            alpha_f16: $crate::subject::OfAlpha<::half::f16>,
            alpha_bf16: $crate::subject::OfAlpha<::half::bf16>
        );
    };
}

#[macro_export]
macro_rules! noises {
    ($macro:ident) => {
        $macro!(
            gaussian_f32: $crate::subject::OfGaussian<f32>,
            gaussian_f64: $crate::subject::OfGaussian<f64>,
            additive_f32: $crate::subject::OfAdditive<f32>,
            additive_f64: $crate::subject::OfAdditive<f64>
        );
        #[cfg(feature = "half")]
        $macro!(
            gaussian_f16: $crate::subject::OfGaussian<::half::f16>,
            gaussian_bf16: $crate::subject::OfGaussian<::half::bf16>,
            additive_f16: $crate::subject::OfAdditive<::half::f16>,
            additive_bf16: $crate::subject::OfAdditive<::half::bf16>
        );
    };
}
