//! Slices of memory that Python owns.

use std::slice;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What a pass reads and writes.
pub enum Memory<'a, E> {
    InPlace(&'a mut [E]),
    OutOfPlace(&'a [E], &'a mut [E]),
}

impl<E> Memory<'_, E> {
    /// `len` elements at `x` and `len` at `y`, which are in place if these addresses are equal.
    ///
    /// # Safety
    /// As [`output`], for `y`, and for `x` except that nobody else writes to it.
    pub unsafe fn new(x: usize, y: usize, len: usize) -> PyResult<Self> {
        // SAFETY: as the caller promises.
        let output = unsafe { output(y, len) }?;
        if x == y {
            return Ok(Self::InPlace(output));
        }
        let bytes = size_of_val(output);
        if x.abs_diff(y) < bytes {
            return Err(PyValueError::new_err("input and output overlap: expected one array, or two that share no memory"));
        }
        check::<E>(x, len)?;
        // SAFETY: the caller promises that there are `len` elements at `x` to which nobody writes. They are aligned and
        // not at null, as was just checked, and they do not overlap the output.
        let input = if len == 0 { &[] } else { unsafe { slice::from_raw_parts(x as *const E, len) } };
        Ok(Self::OutOfPlace(input, output))
    }
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
    check::<E>(address, len)?;
    // SAFETY: the caller promises all but the alignment and that the address is not null, which was just checked.
    Ok(unsafe { slice::from_raw_parts_mut(address as *mut E, len) })
}

/// One element at an address.
///
/// # Safety
/// As [`output`].
pub unsafe fn number<'a, E>(address: usize) -> PyResult<&'a mut E> {
    check::<E>(address, 1)?;
    // SAFETY: the caller promises all but the alignment and that the address is not null, which was just checked.
    Ok(unsafe { &mut *(address as *mut E) })
}

/// What a wrong address would break first: views of bytes can be misaligned, and tensors without memory are at null.
fn check<E>(address: usize, len: usize) -> PyResult<()> {
    if len > 0 && address == 0 {
        return Err(PyValueError::new_err("a tensor without memory: expected one whose elements are stored"));
    }
    if !address.is_multiple_of(align_of::<E>()) {
        return Err(PyValueError::new_err("misaligned memory: expected elements at multiples of their size"));
    }
    Ok(())
}
