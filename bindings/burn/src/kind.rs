//! The kinds of dropout that the module has.

use burn::serde::{Deserialize, Serialize};

/// What a [`Dropout`](crate::Dropout) drops, and what becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Kind {
    /// Elements, as `burn::nn::Dropout`. They become 0.
    #[default]
    Elements,
    /// Whole channels of N x C x L, N x C x H x W or N x C x D x H x W tensors: PyTorch's `Dropout1d`, `Dropout2d` and
    /// `Dropout3d`. They become 0.
    Channels,
    /// Elements, as [`dropout_kernels::AlphaDropout`]: for self-normalising networks.
    Alpha,
}
