//! Which mask a pass takes.

use dropout_kernels::{Address, Mode, PackedMask};

use crate::error::dk_error::{self, *};
use crate::memory::Array;

/// The address of a mask: the same address and rate give the same mask, on every CPU.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_address {
    /// The run.
    pub seed: u64,
    /// The layer within the network.
    pub layer: u32,
    /// The training step, or the number of the pass in Monte-Carlo dropout.
    pub step: u32,
    /// The logical index of the first decision: 0, or where a window of a larger tensor begins.
    pub offset: u64,
}

impl dk_address {
    pub(crate) fn get(self) -> Address {
        let Self { seed, layer, step, offset } = self;
        Address { seed, layer, step, offset }
    }
}

/// A stored mask: keep bits in 32-bit words, bit i % 32 of word i / 32, counted from the least significant.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_stored_mask {
    /// NULL if there are none.
    pub words: *const u32,
    /// The number of words.
    pub len: usize,
    /// The bit of the words with which the mask begins.
    pub first: usize,
    /// The number of decisions: as many as the tensor has, or for DropBlock the number of bits of the mask.
    pub decisions: usize,
}

impl dk_stored_mask {
    /// The mask for a pass that writes `output`, which it must not overlap.
    ///
    /// # Safety
    /// The words are there, and nobody writes them during `'a`.
    pub(crate) unsafe fn get<'a, T>(self, output: Array<T>) -> Result<PackedMask<'a>, dk_error> {
        let Self { words, len, first, decisions } = self;
        let words = Array::new(words, len)?;
        output.check_apart(words)?;
        // SAFETY: what the caller promises; this call does not write them either.
        Ok(PackedMask::new(unsafe { words.get() }, first, decisions)?)
    }
}

/// What a pass does: keep everything, drop by a computed mask, or drop by a stored one.
#[repr(u32)]
pub enum dk_pass {
    /// Inference: nothing is dropped.
    DK_EVAL = 0,
    /// Training, and each pass of Monte-Carlo dropout: the mask of the address.
    DK_TRAIN = 1,
    /// The same with the stored mask.
    DK_STORED = 2,
}

/// What a pass does, and by which mask. Give the backward pass the mode of the forward pass.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_mode {
    /// A `dk_pass`.
    pub pass: u32,
    /// Read if `pass` is `DK_TRAIN`.
    pub address: dk_address,
    /// Read if `pass` is `DK_STORED`.
    pub mask: dk_stored_mask,
}

impl dk_mode {
    /// The mode for a pass that writes `output`, which a stored mask must not overlap.
    ///
    /// # Safety
    /// The words of a stored mask are there, and nobody writes them during `'a`.
    pub(crate) unsafe fn get<'a, T>(self, output: Array<T>) -> Result<Mode<'a>, dk_error> {
        const EVAL: u32 = dk_pass::DK_EVAL as u32;
        const TRAIN: u32 = dk_pass::DK_TRAIN as u32;
        const STORED: u32 = dk_pass::DK_STORED as u32;
        match self.pass {
            EVAL => Ok(Mode::Eval),
            TRAIN => Ok(Mode::Train(self.address.get())),
            // SAFETY: what the caller promises.
            STORED => Ok(Mode::Stored(unsafe { self.mask.get(output)? })),
            _ => Err(DK_ERROR_PASS),
        }
    }
}
