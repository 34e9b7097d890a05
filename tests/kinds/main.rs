//! What holds for every kind of dropout, on every type of element. One crate, as compiling the kernels for all of them takes its time.

#[path = "../common/mod.rs"]
#[macro_use]
mod common;
#[path = "../../fuzz/src/checks/mod.rs"]
#[allow(dead_code, reason = "the fuzzer asks for more than the replay")]
mod fuzz;

mod alpha;
mod bad_masks;
mod corpora;
mod digest;
mod ends;
mod errors;
mod gaussian;
#[cfg(feature = "half")]
mod half;
mod laws;
#[cfg(feature = "rayon")]
mod parallel;
mod planes;
mod quantized;
mod stored;

use common::case::TensorCase;
use common::kind::Subject;
use common::value::Bits;
use dropout_kernels::{Kind, Layer, Mode};

/// Not the input and not zero, so that an element that is not written shows.
fn unwritten<E: Bits>(len: usize) -> Vec<E> {
    vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); len]
}

fn apply<E: Bits, K: Kind<E>>(layer: &Layer<K>, mode: Mode, x: &[E]) -> Vec<E> {
    let mut y = unwritten(x.len());
    layer.apply(mode, x, &mut y).unwrap();
    y
}

fn backward<E: Bits, K: Kind<E>>(layer: &Layer<K>, mode: Mode, gradient: &[E]) -> Vec<E> {
    let mut y = unwritten(gradient.len());
    layer.backward(mode, gradient, &mut y).unwrap();
    y
}

fn oracle<S: Subject>(case: &TensorCase, x: &[S::Element]) -> Vec<S::Element> {
    let subject = S::new(case);
    case.each::<S>(x, |u, x| subject.forward(u, x))
}
