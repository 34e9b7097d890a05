//! What holds for every kind of dropout, on every type of element. One crate, as compiling the kernels for all of them takes its time.

mod alpha;
mod bad_masks;
mod corpora;
mod digest;
mod ends;
mod errors;
#[cfg(all(feature = "half", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod flush;
mod gaussian;
#[cfg(feature = "half")]
mod half;
mod laws;
mod maps;
mod memory;
#[cfg(feature = "rayon")]
mod parallel;
mod parts;
mod precision;
mod quantized;
mod select;
mod settings;
mod stored;

use dropout_kernels::{Address, Kind, Layer, Mode, Scaling, Shape};
use testkit::case::TensorCase;
use testkit::subject::Subject;
use testkit::value::Bits;

/// What a test that needs no more than a rate has for the rest: no layout, no seed.
fn flat(p: f64, scaling: Scaling) -> TensorCase {
    TensorCase { shape: vec![], shared: vec![], p, scaling, address: Address::default(), values: 0 }
}

/// Not the input and not zero, so that an element that is not written shows.
fn unwritten<E: Bits>(len: usize) -> Vec<E> {
    vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); len]
}

fn apply<E: Bits, K: Kind<E>, L: Shape>(layer: &Layer<K, L>, mode: Mode, x: &[E]) -> Vec<E> {
    let mut y = unwritten(x.len());
    layer.apply(mode, x, &mut y).unwrap();
    y
}

fn backward<E: Bits, K: Kind<E>, L: Shape>(layer: &Layer<K, L>, mode: Mode, gradient: &[E]) -> Vec<E> {
    let mut y = unwritten(gradient.len());
    layer.backward(mode, gradient, &mut y).unwrap();
    y
}

fn oracle<S: Subject>(case: &TensorCase, x: &[S::Element]) -> Vec<S::Element> {
    let subject = S::new(case);
    case.each::<S>(x, |u, x| subject.forward(u, x))
}
