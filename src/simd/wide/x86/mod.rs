//! x86-64, detected at run time.
//!
//! | | |
//! |---|---|
//! | [`methods`] | methods that are compiled with instructions beyond those of the build |
//! | [`avx2`], [`avx512`] | the instruction sets |

// First, for its macros.
#[macro_use]
mod methods;

mod avx2;
mod avx512;

pub(crate) use avx2::Avx2;
pub(crate) use avx512::Avx512;
