//! Which decision each element of a tensor reads: the index map.
//!
//! | | |
//! |---|---|
//! | [`axes`] | extents and strides, and the normal form that all constructors reduce to |
//! | [`part`], [`shape`] | [`Layout`]: the general constructor, and those with names |
//! | [`walk`] | the order in which a kernel visits a layout: rows of decisions, and the copies that share them |

mod axes;
mod part;
mod shape;
mod walk;

pub use axes::MAX_RANK;
pub use part::Part;
pub use shape::Layout;
pub(crate) use walk::{Stretch, Stretches, Walk};
