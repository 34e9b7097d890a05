//! Decisions onto values: the one loop behind every layout and every kind of dropout.
//!
//! ```text
//! Source --- tile of decisions ---> Apply --- limb by limb ---> Pass <----- a chunk -----> Slices
//!                                     ^                           ^
//!                          Walk: where they lie      Effect: what they mean for values
//! ```
//!
//! | | |
//! |---|---|
//! | [`slices`] | [`Slices`]: what is read and written, out of place or in place |
//! | [`place`] | [`Place`]: an element of the output, or memory for one |
//! | [`effect`] | [`Effect`]: what decisions mean for values; [`Pair`], the usual one: what is kept, what is dropped |
//! | [`pass`] | a function of a chunk of elements over all elements of some slices |
//! | [`apply`] | [`Job`] and its loop: the tiles of a source over the rows, copies and feature maps of a walk |
//! | [`limbs`] | the loop of targets without vectors |
//! | [`past_caches`] | stores that go past the caches |
//! | [`operand`] | other slices, read in step; [`Sum`], which adds one |
//! | [`update`] | [`Update`]: whether results overwrite the output or are added to it |
//! | [`cut`], `parallel` | the same tensor in parts, on threads |
//!
//! Nothing here knows a kind of dropout. Everything below a [`Task`](crate::simd::Task) is inlined into it, generic
//! over the lanes: a function that handles vectors and is not inlined would be compiled without the instruction set,
//! and each vector would travel through memory.

mod apply;
mod cut;
mod effect;
mod limbs;
mod operand;
#[cfg(feature = "rayon")]
pub(crate) mod parallel;
mod pass;
mod past_caches;
mod place;
mod slices;
mod update;

pub(crate) use apply::Job;
pub(crate) use cut::Cut;
pub(crate) use effect::{Effect, Masked, Pair, Scale, Unchanged};
pub(crate) use operand::{Chunks, On, Sum};
pub(crate) use pass::ChunkFn;
pub(crate) use place::Place;
pub(crate) use slices::Slices;
pub(crate) use update::{Add, Overwrite, Update};
