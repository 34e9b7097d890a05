//! The address of a decision: the coordinates that, with a rate, determine a mask.

use crate::error::Error;

/// The address of a mask: the same address and rate give the same mask, on every CPU and in every build.
///
/// The fields are coordinates of a counter-based generator (Philox4x32-10). Masks whose seed, layer or step differ are
/// unrelated: no two of them evaluate the generator at the same key and counter. There is no state to advance or to save. A
/// training loop counts its own `step` and numbers the layers of its network; one that goes on from a checkpoint goes on
/// with the same seed and the next step.
///
/// `offset` is the *logical* index of the first decision: it counts decisions, not elements. For a window of a larger
/// tensor, pass the index at which the window starts, and it gets its part of the tensor's mask. For part of an
/// N x C x H x W batch with one decision per channel, that is `first_n * C`.
///
/// ```
/// use dropout_kernels::{Address, Mask, Rate};
///
/// let address = Address { seed: 42, layer: 3, step: 1_000, offset: 0 };
/// let mask = Mask::new(Rate::new(0.1)?, address);
/// let window = Mask::new(Rate::new(0.1)?, Address { offset: 600, ..address });
/// assert_eq!(mask.keeps(600 + 7)?, window.keeps(7)?);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias("seed", "rng", "manual_seed"))]
pub struct Address {
    /// The run. All 64 bits are used.
    pub seed: u64,
    /// The layer within the network.
    pub layer: u32,
    /// The training step, or the number of the pass in Monte-Carlo dropout, which then has a seed of its own.
    pub step: u32,
    /// The logical index of the first decision.
    pub offset: u64,
}

impl Address {
    /// `Error::IndexOverflow` if the last of `decisions` decisions has an index of 2^64 or more.
    pub(crate) const fn check_reach(self, decisions: u64) -> Result<(), Error> {
        if decisions > 0 && self.offset.checked_add(decisions - 1).is_none() {
            return Err(Error::IndexOverflow { offset: self.offset, decisions });
        }
        Ok(())
    }

    /// That of the decision `decisions` further on.
    #[inline(always)]
    pub(crate) const fn advanced(self, decisions: u64) -> Self {
        Self { offset: self.offset.wrapping_add(decisions), ..self }
    }
}
