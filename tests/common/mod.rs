//! What the tests share: the oracle, random arguments, and the way to run a test on every backend.
//!
//! A test is a plain function of a [`Backend`]; [`every_backend!`] and [`laws!`] make tests of it. No test names a backend.
#![allow(dead_code, unused_macros, reason = "each file of tests is a crate of its own and uses a part of this")]

pub mod case;
pub mod oracle;
pub mod value;

use std::fmt::Debug;
use std::io::Write;

use dropout_kernels::Backend;
use quickcheck::{QuickCheck, Testable};

/// How many random cases a law is tried with, on every backend each.
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
    QuickCheck::new().tests(CASES).quickcheck(law);
}

/// `every_backend!(test, ...)`: each is a `fn(Backend)`.
macro_rules! every_backend {
    ($($test:ident),+ $(,)?) => {
        mod every_backend {
            $(#[test]
            fn $test() {
                crate::common::each_backend(super::$test);
                crate::common::report(concat!(module_path!(), "::", stringify!($test)));
            })+
        }
    };
}

/// `laws!(module, Case: law, law::<f32>, ...)`: each is a `fn(Backend, &Case)`, tried with random cases.
macro_rules! laws {
    ($module:ident, $case:ty: $($law:ident $(::<$element:ty>)?),+ $(,)?) => {
        mod $module {
            use super::*;

            $(#[test]
            fn $law() {
                fn law(case: $case) {
                    let _case = crate::common::OnFailure("for", &case);
                    crate::common::each_backend(|backend| super::$law$(::<$element>)?(backend, &case));
                }
                crate::common::check(law as fn($case));
                crate::common::report(concat!(module_path!(), "::", stringify!($law)));
            })+
        }
    };
}
