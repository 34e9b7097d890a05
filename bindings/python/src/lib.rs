//! The native half of the Python package `dropout_kernels`: flat functions on addresses of memory.
//!
//! Only the package's own Python modules call them. They pass addresses of arrays and tensors that they hold, whose
//! type, device, shape and contiguity they have checked. `_native.pyi` describes the parameters.

mod arguments;
mod error;
mod memory;
mod pass;
mod threads;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use dropout_kernels::{
    Address, AlphaDropout, DropBlock, Dropout, GaussianDropout, GaussianNoise, Integer, Layout, Mask, Part, QuantizedDropout,
    Rate,
};
use error::invalid;
use memory::Memory;
use pass::{Pass, with_float};

/// Element types, by the numbers that the Python modules pass.
const FLOATS: [&str; 4] = ["F32", "F64", "F16", "BF16"];
const INTEGERS: [&str; 3] = ["I8", "U8", "I16"];

/// Kinds of dropout that have a rate or a deviation and nothing else. Only of ALPHA is the backward pass another map.
const KINDS: [&str; 5] = ["DROPOUT", "ALPHA", "ALPHA_BACKWARD", "GAUSSIAN", "NOISE"];

/// Seed, layer, step and offset, as Python gets them.
type Position = (u64, u32, u32, u64);

/// A shape; its shared axes; its strides, if it is not in row-major order; and, if it is a part of a larger tensor, that
/// tensor's shape and where in it the part begins.
type Axes = (Vec<usize>, Vec<usize>, Option<Vec<usize>>, Option<(Vec<usize>, Vec<usize>)>);

fn layout((shape, shared, strides, place): &Axes) -> PyResult<Layout> {
    let (whole, start) = place.as_ref().map_or((&shape[..], &[][..]), |(whole, start)| (whole, start));
    Layout::part(Part { whole, start, shape, shared, strides: strides.as_deref() }).map_err(invalid)
}

/// A pass of a kind in `KINDS`.
#[pyfunction]
#[pyo3(signature = (kind, element, value, address, x, y, len, axes, threads, /))]
fn run(
    py: Python<'_>,
    kind: usize,
    element: usize,
    value: Bound<'_, PyAny>,
    #[pyo3(from_py_with = arguments::address)] address: Address,
    x: usize,
    y: usize,
    len: usize,
    axes: Option<Axes>,
    #[pyo3(from_py_with = arguments::threads)] threads: usize,
) -> PyResult<()> {
    let layout = axes.as_ref().map(layout).transpose()?;
    let pass = &Pass { py, address, x, y, len, layout, threads };
    let rate = || Rate::new(arguments::real("p", &value)?).map_err(invalid);
    match kind {
        0 => with_float!(element, E => pass.forward::<E, _>(Dropout::new(rate()?))),
        1 => with_float!(element, E => pass.forward::<E, _>(AlphaDropout::new(rate()?))),
        2 => with_float!(element, E => pass.backward::<E, _>(AlphaDropout::new(rate()?))),
        3 => with_float!(element, E => pass.forward::<E, _>(GaussianDropout::new(rate()?))),
        4 => with_float!(element, E => pass.forward::<E, _>(noise(arguments::real("deviation", &value)?)?)),
        _ => Err(PyTypeError::new_err("unknown kind")),
    }
}

/// Noise of this deviation, whose sign a rounding to `f32` could lose.
fn noise(deviation: f64) -> PyResult<GaussianNoise> {
    if !(0.0..=f64::from(f32::MAX)).contains(&deviation) {
        let message = format!("standard deviation {deviation:?}: expected a finite f32 that is not negative");
        return Err(PyValueError::new_err(message));
    }
    GaussianNoise::new(deviation as f32).map_err(invalid)
}

/// Dropout of quantised values.
#[pyfunction]
#[pyo3(signature = (element, p, zero_point, fixed_point_scale, address, x, y, len, axes, threads, /))]
fn quantized(
    py: Python<'_>,
    element: usize,
    #[pyo3(from_py_with = arguments::p)] p: f64,
    #[pyo3(from_py_with = arguments::zero_point)] zero_point: i32,
    fixed_point_scale: bool,
    #[pyo3(from_py_with = arguments::address)] address: Address,
    x: usize,
    y: usize,
    len: usize,
    axes: Option<Axes>,
    #[pyo3(from_py_with = arguments::threads)] threads: usize,
) -> PyResult<()> {
    fn of<E: Integer + TryFrom<i32>>(pass: &Pass<'_>, rate: Rate, zero_point: i32, scaled: bool) -> PyResult<()> {
        let outside = |_| PyValueError::new_err(format!("zero_point {zero_point}: expected a value of the array's type"));
        let dropout = QuantizedDropout::<E>::new(rate, E::try_from(zero_point).map_err(outside)?);
        pass.forward::<E, _>(if scaled { dropout.with_fixed_point_scale() } else { dropout })
    }
    let layout = axes.as_ref().map(layout).transpose()?;
    let pass = &Pass { py, address, x, y, len, layout, threads };
    let rate = Rate::new(p).map_err(invalid)?;
    match element.wrapping_sub(FLOATS.len()) {
        0 => of::<i8>(pass, rate, zero_point, fixed_point_scale),
        1 => of::<u8>(pass, rate, zero_point, fixed_point_scale),
        2 => of::<i16>(pass, rate, zero_point, fixed_point_scale),
        _ => Err(PyTypeError::new_err("unknown element type")),
    }
}

/// DropBlock, whose mask is drawn and forgotten: the backward pass is the same map.
#[pyfunction]
#[pyo3(signature = (element, p, block_size, shape, channels_last, shared_channels, address, x, y, len, threads, /))]
fn drop_block(
    py: Python<'_>,
    element: usize,
    #[pyo3(from_py_with = arguments::p)] p: f64,
    #[pyo3(from_py_with = arguments::block_size)] block_size: Vec<usize>,
    shape: Vec<usize>,
    channels_last: bool,
    shared_channels: bool,
    #[pyo3(from_py_with = arguments::address)] address: Address,
    x: usize,
    y: usize,
    len: usize,
    #[pyo3(from_py_with = arguments::threads)] threads: usize,
) -> PyResult<()> {
    let rate = Rate::new(p).map_err(invalid)?;
    let layer = match (channels_last, &block_size[..], &shape[..]) {
        (false, &[l], &[n, c, length]) => DropBlock::ncl(rate, [l], [n, c, length]),
        (true, &[l], &[n, length, c]) => DropBlock::nlc(rate, [l], [n, length, c]),
        (false, &[h, w], &[n, c, height, width]) => DropBlock::nchw(rate, [h, w], [n, c, height, width]),
        (true, &[h, w], &[n, height, width, c]) => DropBlock::nhwc(rate, [h, w], [n, height, width, c]),
        (false, &[d, h, w], &[n, c, depth, height, width]) => DropBlock::ncdhw(rate, [d, h, w], [n, c, depth, height, width]),
        (true, &[d, h, w], &[n, depth, height, width, c]) => DropBlock::ndhwc(rate, [d, h, w], [n, depth, height, width, c]),
        _ => {
            let (sizes, axes) = (block_size.len(), shape.len());
            return Err(PyValueError::new_err(format!(
                "{sizes} block sizes for {axes} axes: expected one for each spatial axis, of which there are 1 to 3"
            )));
        }
    };
    let layer = layer.map_err(invalid)?;
    let layer = if shared_channels { layer.with_shared_channels() } else { layer };
    let layer = if threads > 1 { layer.in_parallel() } else { layer };
    let mut words = vec![0; layer.mask_words()];
    let mask = threads::run(py, len, threads, || layer.draw(address, &mut words))?.map_err(invalid)?;
    let pass = Pass { py, address, x, y, len, layout: None, threads };
    with_float!(element, E => pass.over::<E>(|memory| match memory {
        Memory::InPlace(x) => layer.apply_in_place(Some(mask), x),
        Memory::OutOfPlace(x, y) => layer.apply(Some(mask), x, y),
    }))
}

/// Decisions as packed words.
#[pyfunction]
#[pyo3(signature = (p, address, decisions, out, threads, /))]
fn mask_words(
    py: Python<'_>,
    #[pyo3(from_py_with = arguments::p)] p: f64,
    #[pyo3(from_py_with = arguments::address)] address: Address,
    decisions: usize,
    out: usize,
    #[pyo3(from_py_with = arguments::threads)] threads: usize,
) -> PyResult<()> {
    let mask = Mask::new(Rate::new(p).map_err(invalid)?, address);
    let mask = if threads > 1 { mask.in_parallel() } else { mask };
    // SAFETY: `dropout_kernels.numpy` passes the address of an array of so many `uint32`, which it has just made.
    let words = unsafe { memory::output(out, decisions.div_ceil(32)) }?;
    threads::run(py, decisions, threads, || mask.words(decisions, words))?.map_err(invalid)
}

/// Decisions as bools.
#[pyfunction]
#[pyo3(signature = (p, address, decisions, out, /))]
fn mask_bools(
    py: Python<'_>,
    #[pyo3(from_py_with = arguments::p)] p: f64,
    #[pyo3(from_py_with = arguments::address)] address: Address,
    decisions: usize,
    out: usize,
) -> PyResult<()> {
    let mask = Mask::new(Rate::new(p).map_err(invalid)?, address);
    // SAFETY: `dropout_kernels.numpy` passes the address of an array of so many `bool`, which it has just filled with
    // zeros, so that each byte is a bool.
    let keep = unsafe { memory::output(out, decisions) }?;
    threads::run(py, decisions, 1, || mask.bools(keep))?.map_err(invalid)
}

/// An address, checked, as a plain tuple.
#[pyfunction]
#[pyo3(signature = (address, /))]
fn position(#[pyo3(from_py_with = arguments::address)] address: Address) -> Position {
    (address.seed, address.layer, address.step, address.offset)
}

/// The position of a PyTorch module's next pass, of which seed and step are in its buffers. The step is then one more.
#[pyfunction]
#[pyo3(signature = (seed, layer, step, offset, /))]
fn count(
    seed: usize,
    #[pyo3(from_py_with = arguments::layer)] layer: u32,
    step: usize,
    #[pyo3(from_py_with = arguments::offset)] offset: u64,
) -> PyResult<Position> {
    memory::check_present(seed)?;
    memory::check_present(step)?;
    let (seed, step) = (seed as *const i64, step as *mut i64);
    // SAFETY: `dropout_kernels.torch` passes the addresses of two tensors on the CPU, each with one `int64`, which it
    // holds. Whoever else reads or writes them does so with the interpreter's lock, which this call keeps. They may lie
    // at any address, as in a file that is mapped to memory, but not at null, which was just checked.
    unsafe {
        let now = step.read_unaligned().cast_unsigned() as u32;
        step.write_unaligned(i64::from(now.wrapping_add(1)));
        Ok((seed.read_unaligned().cast_unsigned(), layer, now, offset))
    }
}

/// Takes back what `count` has added to the step, which was `now`.
#[pyfunction]
#[pyo3(signature = (step, now, /))]
fn rewind(step: usize, now: u32) -> PyResult<()> {
    memory::check_present(step)?;
    // SAFETY: as above.
    unsafe { (step as *mut i64).write_unaligned(i64::from(now)) };
    Ok(())
}

/// The native half of `dropout_kernels`.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    for names in [&[FLOATS.as_slice(), &INTEGERS].concat()[..], &KINDS] {
        for (number, name) in names.iter().enumerate() {
            module.add(*name, number)?;
        }
    }
    module.add_function(wrap_pyfunction!(run, module)?)?;
    module.add_function(wrap_pyfunction!(quantized, module)?)?;
    module.add_function(wrap_pyfunction!(drop_block, module)?)?;
    module.add_function(wrap_pyfunction!(mask_words, module)?)?;
    module.add_function(wrap_pyfunction!(mask_bools, module)?)?;
    module.add_function(wrap_pyfunction!(position, module)?)?;
    module.add_function(wrap_pyfunction!(count, module)?)?;
    module.add_function(wrap_pyfunction!(rewind, module)?)
}
