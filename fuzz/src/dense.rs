//! Layers without a layout: any length, offset, rate, representation and alignment; the whole, and its two halves.

use arbitrary::Arbitrary;
use dropout_kernels::Backend;

use super::inputs::{Count, Values};
use super::layer::Layer;
use super::value::{Value, assert_same};

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    len: Count,
    cut: u16,
    values: Values,
}

pub fn check(input: &Input) {
    check_type::<f32>(input);
}

fn check_type<E: Value>(Input { layer, len, cut, values }: &Input) {
    let len = len.get();
    let x = values.get::<E>(len);
    let fits = layer.check_mode(len).is_ok();
    let reads: Vec<_> = (0..if fits { len } else { 0 }).map(Some).collect();
    let expected = layer.expected(&x, &reads);
    layer.check(&layer.dropout(), (len, len), &x, &expected);
    if !fits {
        return;
    }

    let cut = usize::from(*cut) % (len + 1);
    let words = layer.words(len);
    let expected: Vec<E> = expected.into_iter().flatten().collect();
    for backend in Backend::all() {
        let dropout = layer.dropout().on(backend);
        let mut y = x.clone();
        let (first_half, second_half) = y.split_at_mut(cut);
        dropout.apply_in_place(layer.mode(&words, cut, len), second_half).unwrap();
        dropout.apply_in_place(layer.mode(&words, 0, cut), first_half).unwrap();
        assert_same(&y, &expected);
    }
}
