//! DropBlock: dropout of patches of feature maps.
//!
//! | | |
//! |---|---|
//! | [`kind`] | the layer, and its constructors |
//! | [`grid`] | how many elements and patches there are, and how likely a patch is dropped |
//! | [`draw`] | the bits of a mask, on one thread or on many |

mod draw;
mod grid;
mod kind;

pub use kind::DropBlock;
