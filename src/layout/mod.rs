//! Which decision each element of a tensor reads: the index map.
//!
//! | | |
//! |---|---|
//! | [`axes`] | extents and strides, and the normal form that all constructors reduce to |
//! | [`part`] | [`Layout`], and its general constructor: a box of a tensor, anywhere in memory |
//! | [`shape`] | the constructors that have names |
//! | [`walk`] | the order in which a kernel visits a layout: rows of decisions, and the copies that share them |
//! | [`pattern`] | how a kernel lays out the bits of decisions in the order of memory |

mod axes;
mod part;
mod pattern;
mod shape;
mod walk;

pub use axes::MAX_RANK;
pub use part::{Layout, Part};
pub(crate) use pattern::{Expand, PLACES, Pattern, Transposed, Units};
pub(crate) use walk::{Stretch, Stretches, Walk};
