//! What the functions of all kinds have in common.

use dropout_kernels::{Element, Float, Kind, Layer, Layout, Mode, Rate};

use crate::error::{answer, dk_error};
use crate::layout::{dk_layout, layout};
use crate::memory::{Array, read};
use crate::mode::dk_mode;
use crate::rate::dk_rate;

/// A layer, and the layout to run it on, if there is one.
pub(crate) struct OnLayout<K> {
    layer: Layer<K>,
    layout: Option<Layout>,
}

/// The layer that `new` makes of a rate, on a layout or without one.
///
/// # Safety
/// The promise that lib.rs describes, of the layout.
pub(crate) unsafe fn layer<K: Copy>(
    new: impl FnOnce(Rate) -> Layer<K>,
    rate: dk_rate,
    from: *const dk_layout,
) -> Result<OnLayout<K>, dk_error> {
    let layer = new(rate.get()?);
    // SAFETY: what the caller promises.
    Ok(OnLayout { layer, layout: unsafe { layout(from)? } })
}

/// Calls a method of a layer, on its layout or without one.
macro_rules! call {
    ($on:expr, $method:ident($($argument:expr),*)) => {
        match $on.layout {
            Some(layout) => $on.layer.with_layout(layout).$method($($argument),*),
            None => $on.layer.$method($($argument),*),
        }
    };
}

/// The arguments of a pass: from the array `x` to the array `y`, or in place if they are the same.
pub(crate) struct Pass<E> {
    pub(crate) mode: *const dk_mode,
    pub(crate) x: *const E,
    pub(crate) y: *mut E,
    pub(crate) len: usize,
}

impl<E: Element> Pass<E> {
    /// # Safety
    /// The promise that lib.rs describes, of all pointers.
    #[inline(always)]
    pub(crate) unsafe fn forward<K: Kind<E>>(self, layer: Result<OnLayout<K>, dk_error>) -> dk_error {
        answer(layer.and_then(|on| {
            // SAFETY: what the caller promises.
            unsafe { self.run(|mode, x| call!(on, apply_in_place(mode, x)), |mode, x, y| call!(on, apply(mode, x, y))) }
        }))
    }

    /// # Safety
    /// The promise that lib.rs describes, of all pointers.
    #[inline(always)]
    pub(crate) unsafe fn backward<K: Kind<E>>(self, layer: Result<OnLayout<K>, dk_error>) -> dk_error {
        answer(layer.and_then(|on| {
            // SAFETY: what the caller promises.
            unsafe { self.run(|mode, x| call!(on, backward_in_place(mode, x)), |mode, x, y| call!(on, backward(mode, x, y))) }
        }))
    }

    /// # Safety
    /// The promise that lib.rs describes, of all pointers.
    #[inline(always)]
    pub(crate) unsafe fn backward_add<K: Kind<E>>(self, layer: Result<OnLayout<K>, dk_error>) -> dk_error
    where
        E: Float,
    {
        answer(layer.and_then(|on| {
            // SAFETY: what the caller promises.
            unsafe { self.run(|_, _| Err(dk_error::DK_ERROR_OVERLAP), |mode, x, y| Ok(call!(on, backward_add(mode, x, y))?)) }
        }))
    }

    /// # Safety
    /// The promise that lib.rs describes, of all pointers.
    #[inline(always)]
    unsafe fn run<F: Into<dk_error>>(
        self,
        in_place: impl FnOnce(Mode<'_>, &mut [E]) -> Result<(), F>,
        apart: impl FnOnce(Mode<'_>, &[E], &mut [E]) -> Result<(), F>,
    ) -> Result<(), dk_error> {
        let (x, y) = (Array::new(self.x, self.len)?, Array::new(self.y, self.len)?);
        // SAFETY: what the caller promises. `y` does not overlap the mask.
        let mode = unsafe { read(self.mode)?.get(y)? };
        let result = if x.start == y.start && self.len > 0 {
            // SAFETY: the same.
            in_place(mode, unsafe { y.get_mut() })
        } else {
            y.check_apart(x)?;
            // SAFETY: the same, and `y` does not overlap `x`.
            apart(mode, unsafe { x.get() }, unsafe { y.get_mut() })
        };
        result.map_err(Into::into)
    }
}
