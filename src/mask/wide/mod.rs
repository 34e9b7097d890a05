//! Blocks in vectors.
//!
//! | | |
//! |---|---|
//! | [`rounds`] | eight calls of Philox at once |
//! | [`planes`] | the decisions of eight blocks |

mod planes;
mod rounds;
