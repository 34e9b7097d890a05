//! Which decision each element of a tensor reads: the index map.
//!
//! | | |
//! |---|---|
//! | [`shape`] | [`Layout`]: the constructors, and the normal form that they all reduce to |
//! | [`walk`] | the order in which a kernel visits a layout: rows of decisions, and the copies that share them |

mod shape;
mod walk;

pub use shape::{Layout, MAX_RANK};
pub(crate) use walk::{Offsets, Walk};
