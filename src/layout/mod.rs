//! Which decision each element of a tensor reads: the index map.
//!
//! | | |
//! |---|---|
//! | [`shape`] | [`Layout`]: its constructors, one form for all of them |
//! | [`walk`] | the same as a kernel comes past it: rows of decisions, their copies, stretches of elements |

mod shape;
mod walk;

pub use shape::{Layout, MAX_RANK};
pub(crate) use walk::{Offsets, Walk};
