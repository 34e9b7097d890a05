//! Means and variances of Monte-Carlo dropout.

use dropout_kernels::monte_carlo::Moments;

use crate::error::{
    answer,
    dk_error::{self, *},
};
use crate::memory::{Array, read};

/// The moments of some passes of Monte-Carlo dropout. They may be stored, sent, and put together again. Of no passes,
/// what the arrays hold does not matter, and functions make it 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_moments {
    /// The number of passes.
    pub passes: u32,
    /// The mean of each element.
    pub mean: *mut f32,
    /// The sum of each element's squared differences from its mean.
    pub m2: *mut f32,
    /// The number of elements of either array.
    pub len: usize,
}

/// A summary whose arrays were checked.
#[derive(Clone, Copy)]
struct Summary {
    passes: u32,
    mean: Array<f32>,
    m2: Array<f32>,
}

impl Summary {
    fn new(dk_moments { passes, mean, m2, len }: dk_moments) -> Result<Self, dk_error> {
        let (mean, m2) = (Array::new(mean, len)?, Array::new(m2, len)?);
        mean.check_apart(m2)?;
        Ok(Self { passes, mean, m2 })
    }

    /// The summary behind a pointer, if it has `len` elements.
    ///
    /// # Safety
    /// The promise that lib.rs describes.
    unsafe fn read(from: *const dk_moments, len: usize) -> Result<Self, dk_error> {
        // SAFETY: what the caller promises.
        let moments = unsafe { read(from)? };
        if moments.len != len {
            return Err(DK_ERROR_LENGTH);
        }
        let summary = Self::new(moments)?;
        summary.check_apart(Array::new(from, 1)?)?;
        Ok(summary)
    }

    fn check_apart<T>(self, other: Array<T>) -> Result<(), dk_error> {
        self.mean.check_apart(other).and(self.m2.check_apart(other))
    }

    /// # Safety
    /// The promise that lib.rs describes, of both arrays, of which there are no other references.
    unsafe fn get<'a>(self) -> Result<Moments<'a>, dk_error> {
        // SAFETY: what the caller promises, and `new` checked that they do not overlap.
        Ok(unsafe { Moments::resume(self.passes, self.mean.get_mut(), self.m2.get_mut()) }?)
    }
}

/// The moments of no passes yet, of outputs of `len` elements, in these two arrays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_moments_new(moments: *mut dk_moments, mean: *mut f32, m2: *mut f32, len: usize) -> dk_error {
    let new = || {
        let (own, empty) = (Array::new(moments, 1)?, dk_moments { passes: 0, mean, m2, len });
        let summary = Summary::new(empty)?;
        summary.check_apart(own)?;
        // SAFETY: the promise that lib.rs describes.
        unsafe {
            summary.get()?;
            own.start.write(empty);
        }
        Ok(())
    };
    answer(new())
}

/// Adds the output of one pass.
///
/// `DK_ERROR_LENGTH` unless `len` is that of the moments. This holds for all functions of moments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_moments_add(moments: *mut dk_moments, y: *const f32, len: usize) -> dk_error {
    let add = || {
        let y = Array::new(y, len)?;
        // SAFETY: the promise that lib.rs describes; the arrays do not overlap.
        unsafe {
            let summary = Summary::read(moments, len)?;
            summary.check_apart(y)?;
            let mut sum = summary.get()?;
            sum.add(y.get())?;
            (*moments).passes = sum.passes();
        }
        Ok(())
    };
    answer(add())
}

/// Adds all passes of `other`, which stays as it is; no other thread may use it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_moments_merge(moments: *mut dk_moments, other: *const dk_moments) -> dk_error {
    let merge = || {
        // SAFETY: the promise that lib.rs describes; the four arrays do not overlap.
        unsafe {
            let len = read(other)?.len;
            let (summary, other) = (Summary::read(moments, len)?, Summary::read(other, len)?);
            summary.check_apart(other.mean).and(summary.check_apart(other.m2))?;
            let mut sum = summary.get()?;
            sum.merge(&other.get()?)?;
            (*moments).passes = sum.passes();
        }
        Ok(())
    };
    answer(merge())
}

/// The variance of each element over the passes, which divides by their number. Of no passes it is NaN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_moments_population_variance(moments: *const dk_moments, variance: *mut f32, len: usize) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    let apart = unsafe { moments_and_output(moments, variance, len) };
    answer(apart.map(|(moments, variance)| fill(variance, moments.population_variance())))
}

/// The unbiased estimate, which divides by the number of passes less one. Of one pass it is NaN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_moments_sample_variance(moments: *const dk_moments, variance: *mut f32, len: usize) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    let apart = unsafe { moments_and_output(moments, variance, len) };
    answer(apart.map(|(moments, variance)| fill(variance, moments.sample_variance())))
}

/// # Safety
/// The promise that lib.rs describes.
unsafe fn moments_and_output<'a>(
    moments: *const dk_moments,
    output: *mut f32,
    len: usize,
) -> Result<(Moments<'a>, &'a mut [f32]), dk_error> {
    let output = Array::new(output, len)?;
    // SAFETY: what the caller promises; the arrays do not overlap.
    unsafe {
        let summary = Summary::read(moments, len)?;
        summary.check_apart(output)?;
        Ok((summary.get()?, output.get_mut()))
    }
}

fn fill(output: &mut [f32], values: impl Iterator<Item = f32>) {
    for (output, value) in output.iter_mut().zip(values) {
        *output = value;
    }
}
