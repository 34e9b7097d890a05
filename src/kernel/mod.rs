//! From runs of keep bits to values.
//!
//! ```text
//! Plan: which decisions, which layout --- drive: run after run ---> chunks: a loop over memory ---> Effect: of a chunk
//! ```
//!
//! | | |
//! |---|---|
//! | [`plan`] | [`Plan`]: whose decisions, on which backend, in which layout; [`Run`](plan::Run): a stretch of memory |
//! | [`drive`] | decisions become runs with their keep bits. Knows no element |
//! | [`expand`] | bits in the order of decisions into bits in the order of memory |
//! | [`effect`], [`effects`] | [`Effect`]: what becomes of a chunk of elements; and all there are |
//! | [`filler`], [`columns`] | the effects of a choice, and rows that repeat |
//! | [`noise`], [`normal`] | the same with noise in place of keep bits |
//! | [`chunks`] | the loop over the elements of a run |
//! | [`slices`], [`place`] | what is read and written, out of place or in place |
//! | [`past_caches`] | stores that go past the caches |
//! | [`job`] | an effect on a tensor, on one thread or on many |
//! | [`elements`] | the kernels of each element type, which are compiled here and not in the crate of the caller |
//!
//! Nothing here knows a kind of dropout. Everything below a [`Task`](crate::simd::Task) is inlined into it, generic
//! over the lanes: a function that handles vectors and is not inlined would be compiled without the instruction set,
//! and each vector would travel through memory. So would they where a chunk is chosen by value or filled element by element,
//! in some builds or at some levels of optimisation: choices are between references, and lanes fill chunks.

mod chunks;
mod columns;
mod drive;
mod effect;
mod effects;
mod elements;
mod expand;
mod filler;
mod job;
mod noise;
mod normal;
mod past_caches;
mod place;
mod plan;
mod slices;

pub(crate) use columns::{Column, Columns, check_columns, load_columns};
pub(crate) use drive::{all, all_laid_out, computed, laid_out, stored};
pub(crate) use effect::{Effect, operand};
pub(crate) use effects::{Affine, Rescale, Scale, Sum};
pub(crate) use elements::Compiled;
pub use elements::{Element, Float, Integer};
pub use filler::Filler;
pub(crate) use filler::{Either, Mean};
pub(crate) use job::Job;
pub(crate) use noise::Noisy;
pub(crate) use plan::{Drives, Origin, Plan};
pub(crate) use slices::Slices;
