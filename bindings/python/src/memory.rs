//! Slices of memory that Python owns.

use std::{ptr, slice};

use dropout_kernels::{Element, Error};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::invalid;

/// What a pass reads and writes.
pub enum Memory<'a, E> {
    InPlace(&'a mut [E]),
    OutOfPlace(&'a [E], &'a mut [E]),
}

/// A pass over `len` elements at `x` to `len` at `y`, which is in place if these addresses are equal. Neither needs to be
/// aligned: views of bytes and files that are mapped to memory begin anywhere.
///
/// # Safety
/// As [`output`], for `y`, and for `x` except that nobody else writes to it.
pub unsafe fn over<E: Element>(
    x: usize,
    y: usize,
    len: usize,
    pass: impl FnOnce(Memory<'_, E>) -> Result<(), Error>,
) -> PyResult<()> {
    if len == 0 {
        return pass(Memory::InPlace(&mut [])).map_err(invalid);
    }
    check_present(x)?;
    check_present(y)?;
    let bytes = len * size_of::<E>();
    if x != y && x.abs_diff(y) < bytes {
        return Err(PyValueError::new_err("input and output overlap: expected one array, or two that share no memory"));
    }
    if !(x | y).is_multiple_of(align_of::<E>()) {
        let mut copy = Vec::<E>::with_capacity(len);
        // SAFETY: the caller promises `bytes` bytes at `x`, and the vector, which is no part of them, has as many. So it
        // has `len` elements then, which any bits make.
        unsafe {
            ptr::copy_nonoverlapping(x as *const u8, copy.as_mut_ptr().cast(), bytes);
            copy.set_len(len);
        }
        pass(Memory::InPlace(&mut copy)).map_err(invalid)?;
        // SAFETY: the caller promises `bytes` bytes at `y`, and the vector has as many.
        unsafe { ptr::copy_nonoverlapping(copy.as_ptr().cast(), y as *mut u8, bytes) };
        return Ok(());
    }
    // SAFETY: as the caller promises. Addresses of elements are multiples of their alignment, a power of two, as their
    // disjunction is.
    let output = unsafe { slice::from_raw_parts_mut(y as *mut E, len) };
    let memory = if x == y {
        Memory::InPlace(output)
    } else {
        // SAFETY: as above; and it does not overlap the output.
        Memory::OutOfPlace(unsafe { slice::from_raw_parts(x as *const E, len) }, output)
    };
    pass(memory).map_err(invalid)
}

/// `len` elements at an address.
///
/// # Safety
/// From `address` on there are `len` elements in one allocation, which stays as it is until the slice is dropped, and
/// which nobody else reads or writes until then. Any bits make an `E`: memory of the allocator's that was never written
/// has some, as it comes from code that this compiler does not see.
pub unsafe fn output<'a, E>(address: usize, len: usize) -> PyResult<&'a mut [E]> {
    if len == 0 {
        return Ok(&mut []);
    }
    check_present(address)?;
    if !address.is_multiple_of(align_of::<E>()) {
        return Err(PyValueError::new_err("misaligned memory: expected elements at multiples of their size"));
    }
    // SAFETY: the caller promises all but the alignment and that the address is not null, which was just checked.
    Ok(unsafe { slice::from_raw_parts_mut(address as *mut E, len) })
}

/// Tensors without memory are at null.
pub fn check_present(address: usize) -> PyResult<()> {
    if address == 0 {
        return Err(PyValueError::new_err("a tensor without memory: expected one whose elements are stored"));
    }
    Ok(())
}
