//! What the tests and the fuzz targets share: the oracles, the checks of the fuzz targets, and the way to run a test on every backend.
//!
//! A test is a plain function of a [`Backend`], of which [`every_backend!`] makes a test. No test names a backend.
#![allow(missing_docs, reason = "for these tests only")]
#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate, clippy::return_self_not_must_use)]

pub mod activation;
pub mod blocks;
pub mod fuzz;
pub mod memory;
pub mod normal;
pub mod oracle;
pub mod subject;
pub mod summaries;
pub mod value;

use std::io::Write;

use dropout_kernels::Backend;

pub fn each_backend(test: impl Fn(Backend)) {
    for backend in Backend::all() {
        let _backend = OnFailure(backend.name());
        test(backend);
    }
}

/// Names the backend if the test fails while this lives.
struct OnFailure(&'static str);

impl Drop for OnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("on the backend {}", self.0);
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

/// `every_subject!(test)`: a test for each kind and type of element. `test` is a `fn<S: Subject>(Backend)`.
#[macro_export]
macro_rules! every_subject {
    ($test:ident) => {
        mod $test {
            $crate::every_subject!(
                $test,
                scaled_f32: OfScaled<f32>, alpha_f32: OfAlpha<f32>, gaussian_f32: OfGaussian<f32>, additive_f32: OfAdditive<f32>,
                scaled_f64: OfScaled<f64>, alpha_f64: OfAlpha<f64>, gaussian_f64: OfGaussian<f64>, additive_f64: OfAdditive<f64>,
                quantized_i8: OfQuantized<i8>, quantized_u8: OfQuantized<u8>, quantized_i16: OfQuantized<i16>
            );
            #[cfg(feature = "half")]
            use half::{bf16, f16};
            #[cfg(feature = "half")]
            $crate::every_subject!(
                $test,
                scaled_f16: OfScaled<f16>, alpha_f16: OfAlpha<f16>, gaussian_f16: OfGaussian<f16>, additive_f16: OfAdditive<f16>,
                scaled_bf16: OfScaled<bf16>, alpha_bf16: OfAlpha<bf16>, gaussian_bf16: OfGaussian<bf16>, additive_bf16: OfAdditive<bf16>
            );
        }
    };
    ($test:ident, $($name:ident: $kind:ident<$element:ident>),+) => {
        $(#[test]
        fn $name() {
            $crate::each_backend(super::$test::<$crate::subject::$kind<$element>>);
        })+
    };
}
