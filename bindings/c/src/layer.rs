//! What the functions of all kinds have in common.

use dropout_kernels::{Element, Float, Kind, Layer, Layout, Mode, Rate};

use crate::error::{answer, dk_error};
use crate::layout::{dk_layout, layout};
use crate::memory::{Array, read};
use crate::mode::dk_mode;
use crate::rate::dk_rate;

/// A layer, on a layout or without one.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, for one call")]
pub(crate) enum AnyLayer<K> {
    Flat(Layer<K>),
    LaidOut(Layer<K, Layout>),
}

/// The layer that `new` makes of a rate, on a layout or without one.
///
/// # Safety
/// The promise that lib.rs describes, of the layout.
pub(crate) unsafe fn layer<K: Copy>(
    new: impl FnOnce(Rate) -> Layer<K>,
    rate: dk_rate,
    from: *const dk_layout,
) -> Result<AnyLayer<K>, dk_error> {
    let layer = new(rate.get()?);
    // SAFETY: what the caller promises.
    let layout = unsafe { layout(from)? };
    Ok(layout.map_or(AnyLayer::Flat(layer), |layout| AnyLayer::LaidOut(layer.with_layout(layout))))
}

/// Calls a method of such a layer.
macro_rules! call {
    ($layer:expr, $method:ident($($argument:expr),*)) => {
        match $layer {
            AnyLayer::Flat(layer) => layer.$method($($argument),*),
            AnyLayer::LaidOut(layer) => layer.$method($($argument),*),
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
    pub(crate) unsafe fn forward<K: Kind<E>>(self, layer: Result<AnyLayer<K>, dk_error>) -> dk_error {
        answer(layer.and_then(|layer| {
            // SAFETY: what the caller promises.
            unsafe { self.run(|mode, x| call!(&layer, apply_in_place(mode, x)), |mode, x, y| call!(&layer, apply(mode, x, y))) }
        }))
    }

    /// # Safety
    /// The promise that lib.rs describes, of all pointers.
    #[inline(always)]
    pub(crate) unsafe fn backward<K: Kind<E>>(self, layer: Result<AnyLayer<K>, dk_error>) -> dk_error {
        answer(layer.and_then(|layer| {
            // SAFETY: what the caller promises.
            unsafe {
                self.run(|mode, x| call!(&layer, backward_in_place(mode, x)), |mode, x, y| call!(&layer, backward(mode, x, y)))
            }
        }))
    }

    /// # Safety
    /// The promise that lib.rs describes, of all pointers.
    #[inline(always)]
    pub(crate) unsafe fn backward_add<K: Kind<E>>(self, layer: Result<AnyLayer<K>, dk_error>) -> dk_error
    where
        E: Float,
    {
        answer(layer.and_then(|layer| {
            // SAFETY: what the caller promises.
            unsafe { self.run(|_, _| Err(dk_error::DK_ERROR_OVERLAP), |mode, x, y| Ok(call!(&layer, backward_add(mode, x, y))?)) }
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
