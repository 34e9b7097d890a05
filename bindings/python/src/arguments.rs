//! What callers pass, refused by the argument's name: `ValueError` for a value that has no result, `TypeError` for a
//! type that is not taken.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use dropout_kernels::Address;

/// Seed, layer, step and offset: a `dropout_kernels.Address`, or a plain tuple.
pub fn address(value: &Bound<'_, PyAny>) -> PyResult<Address> {
    if let Ok((seed, layer, step, offset)) = value.extract() {
        return Ok(Address { seed, layer, step, offset });
    }
    let parts = value.cast::<PyTuple>().ok().filter(|parts| parts.len() == 4);
    let parts = parts.ok_or_else(|| PyTypeError::new_err(format!("address {value}: expected an Address")))?;
    Ok(Address {
        seed: integer("seed", "0 to 2**64 - 1", &parts.get_item(0)?)?,
        layer: layer(&parts.get_item(1)?)?,
        step: integer("step", "0 to 2**32 - 1", &parts.get_item(2)?)?,
        offset: offset(&parts.get_item(3)?)?,
    })
}

pub fn layer(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    integer("layer", "0 to 2**32 - 1", value)
}

pub fn offset(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    integer("offset", "0 to 2**64 - 1", value)
}

pub fn threads(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    integer("threads", "0 or more", value)
}

pub fn zero_point(value: &Bound<'_, PyAny>) -> PyResult<i32> {
    integer("zero_point", "a value of the array's type", value)
}

pub fn block_size(value: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let sizes = value.try_iter().map_err(|_| PyTypeError::new_err(format!("block_size {value}: expected a sequence")))?;
    sizes.map(|size| integer("block_size", "1 or more", &size?)).collect()
}

pub fn p(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    real("p", value)
}

/// A number. The library refuses what is not finite, and so integers that are too large for a float.
pub fn real(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract().or_else(|error: PyErr| {
        if overflows(value, &error) {
            Ok(if value.lt(0)? { f64::NEG_INFINITY } else { f64::INFINITY })
        } else {
            Err(PyTypeError::new_err(format!("{name} {value}: expected a number")))
        }
    })
}

fn integer<'py, T>(name: &str, expected: &str, value: &Bound<'py, PyAny>) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    value.extract().map_err(|error| {
        if overflows(value, &error) {
            PyValueError::new_err(format!("{name} {value}: expected {expected}"))
        } else {
            PyTypeError::new_err(format!("{name} {value}: expected an integer"))
        }
    })
}

fn overflows(value: &Bound<'_, PyAny>, error: &PyErr) -> bool {
    error.is_instance_of::<PyOverflowError>(value.py())
}
