//! The library's errors, as Python has them.

use dropout_kernels::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub fn invalid(error: Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}
