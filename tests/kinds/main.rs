//! Values: what becomes of elements, in every kind of dropout and on every type of element; and the summaries of many passes.

mod alpha;
mod boundaries;
mod digest;
mod drop_block;
mod errors;
#[cfg(all(feature = "half", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod flush;
mod fused;
mod gaussian;
#[cfg(feature = "half")]
mod half;
mod layouts;
mod monte_carlo;
#[cfg(feature = "rayon")]
mod parallel;
mod precision;
mod quantized;
mod settings;
#[cfg(target_arch = "x86_64")]
mod streaming;

use dropout_kernels::{Address, Kind, Layer, Mode, Shape};
use testkit::oracle;
use testkit::subject::{Settings, Subject};
use testkit::value::Bits;

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

/// What both passes of training make of a tensor in row-major order, by the oracle.
fn trained<S: Subject>(
    settings: &Settings,
    address: Address,
    (shape, shared): (&[usize], &[usize]),
    x: &[S::Element],
) -> [Vec<S::Element>; 2] {
    let decisions = shape.iter().enumerate().filter(|(axis, _)| !shared.contains(axis)).map(|(_, extent)| extent).product();
    let (subject, uniforms) = (S::new(settings), S::uniforms(address, decisions));
    [S::forward, S::backward].map(|f: fn(&S, u64, S::Element) -> S::Element| {
        x.iter().enumerate().map(|(i, x)| f(&subject, uniforms[oracle::decision(shape, shared, i)], *x)).collect()
    })
}
