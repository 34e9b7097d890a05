//! Drops views in many orders of memory, asserts that all have the mask of the row-major array, and prints what an
//! element costs in CPU time: `cargo run --release --example views`.
#![expect(clippy::cast_precision_loss, reason = "lengths below 2^53 are exact")]

use std::time::Duration;

use cpu_time::ThreadTime;
use dropout_kernels::kind::Scaled;
use dropout_kernels::{Address, Dropout, Mode, Rate};
use dropout_kernels_ndarray::{ArrayLayer, Error};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, s};

const TRAIN: Mode<'_> = Mode::Train(Address { seed: 42, layer: 0, step: 0, offset: 0 });

fn main() -> Result<(), Error> {
    let dropout = ArrayLayer::new(Dropout::new(Rate::new(0.1)?));
    let sides: &[usize] = if cfg!(debug_assertions) { &[512] } else { &[512, 4000] };
    for &side in sides {
        measure(&dropout, side)?;
    }

    // Whole columns: one decision for each.
    let mut y = Array2::<f32>::ones((512, 512));
    dropout.sharing(&[Axis(0)]).apply_in_place(TRAIN, y.view_mut())?;
    let dropped = y.columns().into_iter().filter(|column| column.iter().all(|&y| y == 0.0)).count();
    println!("{dropped} of 512 columns dropped at p = 0.1");
    Ok(())
}

fn measure(dropout: &ArrayLayer<Scaled>, side: usize) -> Result<(), Error> {
    let shape = (side, side);
    let rows = Array2::<f32>::ones(shape);
    let columns = Array2::<f32>::ones(shape.f());
    let mut expected = Array2::zeros(shape);
    dropout.apply(TRAIN, rows.view(), expected.view_mut())?;

    let time = |what: &str, x: Option<ArrayView2<'_, f32>>, mut y: ArrayViewMut2<'_, f32>| {
        let mut shortest = Duration::MAX;
        for run in 0..if side > 1000 { 8 } else { 50 } {
            let start = ThreadTime::now();
            match x {
                Some(x) => dropout.apply(TRAIN, x, y.view_mut()),
                None => dropout.apply_in_place(TRAIN, y.view_mut()),
            }?;
            shortest = shortest.min(start.elapsed());
            assert!(run > 0 || y == expected, "{what}");
        }
        println!("{side:>5} square {:>6.2} ns an element, {what}", shortest.as_secs_f64() * 1e9 / y.len() as f64);
        Ok::<_, Error>(())
    };
    time("row-major", Some(rows.view()), Array2::zeros(shape).view_mut())?;
    time("column-major", Some(columns.view()), Array2::zeros(shape.f()).view_mut())?;
    time("column-major from row-major", Some(rows.view()), Array2::zeros(shape.f()).view_mut())?;
    time("row-major from column-major", Some(columns.view()), Array2::zeros(shape).view_mut())?;
    time("row-major in place", None, Array2::ones(shape).view_mut())?;
    time("column-major in place", None, Array2::ones(shape.f()).view_mut())?;
    // Room for all of them.
    let mut memory = Array2::<f32>::zeros((side, 2 * side));
    time("part of longer rows", Some(rows.view()), memory.slice_mut(s![.., 8..side + 8]))?;
    time("rows in reverse", Some(rows.view()), memory.slice_mut(s![..;-1, ..side]))?;
    time("every second column", Some(rows.view()), memory.slice_mut(s![.., ..;2]))?;
    time("columns in reverse", Some(rows.view()), memory.slice_mut(s![.., ..side;-1]))
}
