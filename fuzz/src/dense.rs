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
    let fits = layer.check_reach(len as u64).is_ok();
    let reads: Vec<_> = (0..if fits { len } else { 0 }).map(Some).collect();
    let expected = layer.expected(&x, &reads);
    layer.check(&layer.dropout(), (len, len as u64), &x, &expected);
    if !fits {
        return;
    }

    let cut = usize::from(*cut) % (len + 1);
    // One past the last index there is, where the cut is at the end of everything: an empty slice may start at any offset.
    let second = layer.mode_from(cut as u64);
    let expected: Vec<E> = expected.into_iter().flatten().collect();
    for backend in Backend::all() {
        let dropout = layer.dropout().on(backend);
        let mut y = x.clone();
        let (first_half, second_half) = y.split_at_mut(cut);
        dropout.apply_in_place(second, second_half).unwrap();
        dropout.apply_in_place(layer.mode_from(0), first_half).unwrap();
        assert_same(&y, &expected);
    }
}
