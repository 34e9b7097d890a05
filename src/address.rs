//! Where in the space of all decisions a call reads.

use crate::error::Error;

/// The address of a decision: two calls with the same address and rate get the same mask, on every CPU and in every build.
///
/// The fields are independent coordinates of one counter-based generator (Philox4x32-10): addresses that differ anywhere
/// have unrelated masks, and none collides with another. There is no state to advance and nothing global: a training loop
/// counts its own `step`, and each layer of a network has a number.
///
/// `offset` is the *logical* index of the first decision at hand. A slice that is a window of a larger tensor passes where the
/// window starts, and so gets the same mask as the whole; for a channels-first tensor split over N that is `first_n * C`.
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
pub struct Address {
    /// The run: all 64 bits count.
    pub seed: u64,
    /// The layer within the network.
    pub layer: u32,
    /// The forward pass: the training step, or the sample of Monte-Carlo dropout.
    pub step: u32,
    /// The logical index of the first decision.
    pub offset: u64,
}

impl Address {
    /// Errs if the last of `decisions` decisions from `offset` on would have an index of 2^64 or more.
    pub(crate) const fn check_reach(self, decisions: u64) -> Result<(), Error> {
        if decisions > 0 && self.offset.checked_add(decisions - 1).is_none() {
            return Err(Error::IndexOverflow { offset: self.offset, decisions });
        }
        Ok(())
    }
}
