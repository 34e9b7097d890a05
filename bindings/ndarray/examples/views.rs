//! Drops views in many orders of memory, asserts that all have the mask of the row-major array, and prints what an
//! element costs: `cargo run --release --example views`.
#![expect(clippy::cast_precision_loss, reason = "lengths below 2^53 are exact")]

use std::time::{Duration, Instant};

use dropout_kernels::{Address, Dropout, Mode, Rate};
use dropout_kernels_ndarray::{ArrayLayer, Error};
use ndarray::{Array2, ArrayViewMut2, Axis, s};

const SIDE: usize = 512;

fn main() -> Result<(), Error> {
    let layer = ArrayLayer::new(Dropout::new(Rate::new(0.1)?));
    let train = Mode::Train(Address { seed: 42, layer: 0, step: 0, offset: 0 });
    let x = Array2::<f32>::ones((SIDE, SIDE));
    let mut expected = Array2::zeros((SIDE, SIDE));
    layer.apply(train, x.view(), expected.view_mut())?;

    let time = |what: &str, mut y: ArrayViewMut2<'_, f32>| {
        let mut shortest = Duration::MAX;
        for _ in 0..50 {
            let start = Instant::now();
            layer.apply(train, x.view(), y.view_mut())?;
            shortest = shortest.min(start.elapsed());
        }
        assert_eq!(y, expected, "{what}");
        println!("{:>6.2} ns an element, {what}", shortest.as_secs_f64() * 1e9 / y.len() as f64);
        Ok::<_, Error>(())
    };
    // Room for all of them.
    let mut memory = Array2::<f32>::zeros((SIDE + 8, 2 * SIDE));
    time("row-major", Array2::zeros((SIDE, SIDE)).view_mut())?;
    time("a part of longer rows", memory.slice_mut(s![..SIDE, 8..SIDE + 8]))?;
    time("every second column", memory.slice_mut(s![..SIDE, ..;2]))?;
    time("rows in reverse", memory.slice_mut(s![..SIDE;-1, ..SIDE]))?;
    time("columns in reverse", memory.slice_mut(s![..SIDE, ..SIDE;-1]))?;
    time("column-major, from row-major", Array2::zeros((SIDE, SIDE)).reversed_axes().view_mut())?;

    // In place there is one order of memory, which can be any.
    let mut columns = Array2::<f32>::ones((SIDE, SIDE)).reversed_axes();
    layer.apply_in_place(train, columns.view_mut())?;
    assert_eq!(columns, expected);

    // Whole columns: one decision for each.
    let mut y = Array2::zeros((SIDE, SIDE));
    layer.sharing(&[Axis(0)]).apply(train, x.view(), y.view_mut())?;
    let dropped = y.columns().into_iter().filter(|column| column.iter().all(|&y| y == 0.0)).count();
    println!("{dropped} of {SIDE} columns dropped at p = 0.1");
    Ok(())
}
