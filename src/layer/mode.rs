//! Whether a pass drops, and what.

use crate::address::Address;
use crate::mask::PackedMask;

/// What a layer does in a pass: drop by a computed mask, drop by a stored one, or keep everything.
///
/// Layers of every kind take this one type. Its values differ from layer to layer: each layer has an
/// [`Address::layer`](crate::Address::layer) of its own, or layers of one rate and shape drop the same elements.
///
/// One combination is an error at run time: [`Stored`](Self::Stored) for [`GaussianDropout`](crate::GaussianDropout) and
/// [`GaussianNoise`](crate::GaussianNoise), which have noise instead of a mask
/// ([`Error::StoredMask`](crate::Error::StoredMask)). Types of their own would rule it out at compile time, but a network of
/// several kinds would then need several types that say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode<'a> {
    /// Training, and each pass of Monte-Carlo dropout: the mask of this address and the layer's rate.
    Train(Address),
    /// The same with a stored mask: one that [`Mask::words`](crate::Mask::words) or
    /// [`apply_recording`](crate::Layer::apply_recording) wrote, or
    /// one of a fixed set in flash (Masksembles: Durasov, Bagautdinov, Baque and Fua, CVPR 2021). The scale of kept
    /// values follows from the layer's rate, however many the mask keeps. At p = 1 there is no finite scale, so the
    /// mask should keep nothing.
    Stored(PackedMask<'a>),
    /// Inference: keep everything. There is no address, because nothing is random.
    Eval,
}

impl Mode<'_> {
    /// The same mode for the layer of this number: other computed masks. Stored masks and evaluation stay as they are.
    ///
    /// ```
    /// use dropout_kernels::{Address, Mode};
    ///
    /// let first = Mode::Train(Address { seed: 42, step: 7, ..Address::default() });
    /// assert_eq!(first.with_layer(3), Mode::Train(Address { seed: 42, layer: 3, step: 7, offset: 0 }));
    /// ```
    #[must_use]
    pub const fn with_layer(self, layer: u32) -> Self {
        match self {
            Self::Train(address) => Self::Train(Address { layer, ..address }),
            other => other,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Forward,
    Backward,
}
