//! What callers point to.

use core::ops::Range;
use core::ptr::NonNull;

use crate::error::dk_error::{self, *};

/// An array of the caller's, checked as far as a pointer can be: it is there, aligned, and ends in the address space.
pub(crate) struct Array<T> {
    pub(crate) start: NonNull<T>,
    len: usize,
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Array<T> {}

impl<T> Array<T> {
    /// Without elements any pointer will do, NULL included.
    pub(crate) fn new(start: *const T, len: usize) -> Result<Self, dk_error> {
        if len == 0 {
            return Ok(Self { start: NonNull::dangling(), len });
        }
        let start = NonNull::new(start.cast_mut()).ok_or(DK_ERROR_NULL)?;
        if !start.is_aligned() {
            return Err(DK_ERROR_ALIGNMENT);
        }
        // A slice has at most isize::MAX bytes and does not wrap around.
        let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok());
        if bytes.and_then(|bytes| start.addr().get().checked_add(bytes)).is_none() {
            return Err(DK_ERROR_LENGTH);
        }
        Ok(Self { start, len })
    }

    /// An error if it shares a byte with another one.
    pub(crate) fn check_apart<U>(self, other: Array<U>) -> Result<(), dk_error> {
        let (a, b) = (self.addresses(), other.addresses());
        if a.start.max(b.start) < a.end.min(b.end) { Err(DK_ERROR_OVERLAP) } else { Ok(()) }
    }

    fn addresses(self) -> Range<usize> {
        let start = self.start.addr().get();
        start..start + self.len * size_of::<T>()
    }

    /// # Safety
    /// The elements are there and initialised, and nobody writes them during `'a`.
    pub(crate) unsafe fn get<'a>(self) -> &'a [T] {
        // SAFETY: `new` checked what can be checked, the caller promises the rest.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.len).as_ref() }
    }

    /// # Safety
    /// The elements are there, and nobody else reads or writes them during `'a`.
    pub(crate) unsafe fn get_mut<'a>(self) -> &'a mut [T] {
        // SAFETY: `new` checked what can be checked, the caller promises the rest. C may not have written the elements
        // before, but to Rust memory from elsewhere always holds some value, and any bits make a number.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.len).as_mut() }
    }
}

/// What a single pointer points to.
///
/// # Safety
/// If it is not NULL, there is a `T`, and nobody writes it during the call.
pub(crate) unsafe fn read<T: Copy>(from: *const T) -> Result<T, dk_error> {
    // SAFETY: checked, and the rest is what the caller promises.
    Ok(unsafe { Array::new(from, 1)?.start.read() })
}

/// Writes a result, if it is one.
///
/// # Safety
/// If the pointer is not NULL, there is room for a `T`.
pub(crate) unsafe fn write<T>(to: *mut T, result: Result<T, dk_error>) -> Result<(), dk_error> {
    let to = Array::new(to, 1)?;
    // SAFETY: checked, and the rest is what the caller promises.
    unsafe { to.start.write(result?) };
    Ok(())
}
