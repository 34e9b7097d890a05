//! Uncertainty from Monte-Carlo dropout: T forward passes at inference with dropout on, each with a mask of its own
//! (Gal and Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in deep learning", ICML
//! 2016).
//!
//! In each pass, run dropout layers with [`Mode::Train`](crate::Mode::Train) and the number of the pass as the
//! [`step`](crate::Address::step), and everything else in evaluation. Take another seed than that of training, or pass n
//! has the mask of training step n. From one batch of samples to the next the [`offset`](crate::Address::offset) goes on, by
//! the layer's number of decisions a batch, or all batches have the same masks. Add the output of each pass to a summary;
//! no pass is stored. [`Moments`] gives the mean and variance of any outputs, [`Uncertainty`] the entropies of class
//! probabilities. Both work in slices of the caller's, whose initial contents do not matter.
//!
//! Passes can be spread over threads or machines. Each summarises some of them in slices of its own, and
//! [`Moments::merge`] or [`Uncertainty::merge`] joins the summaries. What a summary consists of can be read, sent, and
//! made a summary again by [`Moments::resume`] or [`Uncertainty::resume`]. Passes that are added after it was resumed take
//! the next numbers.
//!
//! If only the last layers of a network have dropout, the layers before them give the same output in every pass: run
//! those once and the rest T times, for the same results bit for bit.
//!
//! If the input of a layer does not fit the cache, apply all T masks to one window of it before the next, with the
//! window's start as the [`offset`](crate::Address::offset). The masks are the same, and the input is read from memory
//! once. This pays where memory is the limit, which it is at rates that need few random bits.
//!
//! # Precision
//! The caller's slices say which [`Number`] a summary is kept in: `f32` or `f64`. All arithmetic is in this type.
//! Outputs may be of any type that converts to it without loss: `f16`, `bf16` and `f32` to `f32`, and all of them to
//! `f64`.
//!
//! With u = 2^-24 for `f32` and 2^-53 for `f64`, the relative error of the mean of T passes is at most
//! `(T / 2 + 5) * u`, relative to the largest magnitude among them. This holds for merged summaries too, however the
//! passes were split and in whatever order the parts are merged. The sampling error is far larger: the standard
//! deviation of the passes divided by `sqrt(T)`. For 100 passes `f32` has an error of 3e-6 of the magnitude, against a
//! tenth of the deviation. `f64` takes twice the memory, and microcontrollers have no hardware for it.
//!
//! No result depends on the CPU: the order of operations is fixed, and the logarithm is libm's. Merged summaries differ
//! from that of one run by rounding, so for the same bits keep the split and the order.
//!
//! Nothing here panics, and NaN comes from NaN alone, from a variance that is undefined, and from the entropy of a negative
//! probability. An infinite output makes the mean of its element infinite, with the sign of the first such output, and the
//! variance too. Whatever an element or a sample is given affects no other. T stops at `u32::MAX`.

mod mean;
mod moments;
mod number;
mod uncertainty;

pub use moments::Moments;
pub use number::Number;
pub use uncertainty::{Uncertainty, entropy};
