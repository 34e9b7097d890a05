//! The element types, and their kernels. These are compiled here: the methods of layers are generic, and so compiled in the
//! crate of their caller, but only call what is here.

use core::mem::MaybeUninit;

use super::effect::Effect;
use super::effects::{Affine, Inverted, Rescale, Scale, Sum};
use super::filler::{Either, Mean};
use super::job::Job;
use super::noise::Noisy;
use crate::element::sealed;

/// An element type for which an effect is compiled.
pub(crate) trait Compiled<F>: sealed::Element {
    fn run(job: Job<'_, Self>, effect: F);

    fn run_to_memory(job: Job<'_, Self, MaybeUninit<Self>>, effect: F);

    /// Adds what becomes of the elements of `operand` to those of the job, which is in place.
    fn add(job: Job<'_, Self>, operand: &[Self], effect: F);
}

/// An element type for which choices between tensors are compiled.
pub(crate) trait Selected: sealed::Element {
    fn choose(job: Job<'_, Self>, either: Either<'_, Self>);
    fn expect(job: Job<'_, Self>, mean: Mean<'_, Self>);
    fn invert(job: Job<'_, Self>);
}

macro_rules! selected {
    ($($type:ty),+) => {
        $(impl Selected for $type {
            fn choose(mut job: Job<'_, Self>, either: Either<'_, Self>) {
                job.run(either);
            }

            fn expect(mut job: Job<'_, Self>, mean: Mean<'_, Self>) {
                job.run(mean);
            }

            fn invert(mut job: Job<'_, Self>) {
                job.run(Inverted);
            }
        })+
    };
}

/// Compiles an effect for some types, with the way to add it.
macro_rules! compiled {
    ($($effect:ident: $($type:ty),+; $add:expr;)+) => {
        $($(impl Compiled<$effect<$type>> for $type {
            fn run(mut job: Job<'_, Self>, effect: $effect<$type>) {
                job.run(effect);
            }

            fn run_to_memory(mut job: Job<'_, Self, MaybeUninit<Self>>, effect: $effect<$type>) {
                job.run(effect);
            }

            fn add(job: Job<'_, Self>, operand: &[Self], effect: $effect<$type>) {
                $add(job, operand, effect);
            }
        })+)+
    };
}

macro_rules! noisy {
    ($($type:ty),+) => {
        $(impl Compiled<Noisy> for $type {
            fn run(job: Job<'_, Self>, noisy: Noisy) {
                noisy.run(job, None);
            }

            fn run_to_memory(job: Job<'_, Self, MaybeUninit<Self>>, noisy: Noisy) {
                noisy.run(job, None);
            }

            fn add(job: Job<'_, Self>, operand: &[Self], noisy: Noisy) {
                noisy.run(job, Some(operand));
            }
        })+
    };
}

/// Adds gradients.
fn add_effect<E: Float>(mut job: Job<'_, E>, operand: &[E], effect: impl Effect<E> + Send + Sync) {
    job.run(Sum { effect, operand });
}

/// In the backward pass, which alone is added, alpha dropout has a scale and nothing else.
fn add_affine<E: Float>(job: Job<'_, E>, operand: &[E], effect: Affine<E>) {
    debug_assert!(effect.b.is_none());
    E::add(job, operand, Scale(effect.a));
}

fn add_rescaled<E>(_: Job<'_, E>, _: &[E], _: Rescale<E>) {
    debug_assert!(false, "`backward_add` is for floats alone");
}

selected!(f32, f64, i8, u8, i16);
noisy!(f32, f64);
compiled! {
    Scale: f32, f64; add_effect;
    Affine: f32, f64; add_affine;
    Rescale: i8, u8, i16; add_rescaled;
}

#[cfg(feature = "half")]
selected!(half::f16, half::bf16);
#[cfg(feature = "half")]
noisy!(half::f16, half::bf16);
#[cfg(feature = "half")]
compiled! {
    Scale: half::f16, half::bf16; add_effect;
    Affine: half::f16, half::bf16; add_affine;
}

impl Float for f32 {}
impl Float for f64 {}
#[cfg(feature = "half")]
impl Float for half::f16 {}
#[cfg(feature = "half")]
impl Float for half::bf16 {}
impl Integer for i8 {}
impl Integer for u8 {}
impl Integer for i16 {}

/// An element type: a [`Float`] or an [`Integer`].
///
/// Sealed: the kernels are written for these types only.
#[expect(private_bounds, reason = "this is what seals it")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an element type",
    note = "the element types are `f32`, `f64`, `i8`, `u8`, `i16` and, with the feature `half`, `half::f16` and `half::bf16`"
)]
pub trait Element: Selected + Copy + Send + Sync + 'static {}

impl<E: Selected> Element for E {}

/// A floating-point element type: `f32`, `f64`, and with the feature `half` that crate's `f16` and `bf16`.
///
/// Scales and other constants are computed in `f64` and rounded to the type of the arithmetic: `f32` for half
/// precision, the element's own type otherwise. Each operation is rounded once, and results of half precision once
/// more, to the element.
///
/// # Precision
/// The largest errors against exact arithmetic, in units in the last place:
///
/// | | `f32`, `f64` | `f16` | `bf16` |
/// |---|---|---|---|
/// | an element times a scale ([`Dropout`](crate::Dropout), [`DropBlock`](crate::DropBlock)) | 1.5 | 0.501 | 0.501 |
/// | an element times or plus its noise ([`GaussianDropout`](crate::GaussianDropout), [`GaussianNoise`](crate::GaussianNoise)) | 0.5 | 0.501 | 0.501 |
/// | `a * x + b` of [`AlphaDropout`](crate::AlphaDropout), in units of the larger of product and sum | 2 | 0.501 | 0.501 |
///
/// Those of half precision are measured, over all numbers at ten rates. 1.5 follows from two roundings, of the scale
/// and of the product; a search in `f32` met 1.44 for the product and 1.88 for the sum. Alpha's constants in `f64` are
/// themselves rounded several times, which adds 3. [`GaussianDropout`](crate::GaussianDropout),
/// [`Activation::Gelu`](crate::Activation::Gelu) and [`entropy`](crate::monte_carlo::entropy) state the errors of their
/// functions.
///
/// The mean error over a large tensor of half precision, `E[y] / E[x] - 1`, measured over all numbers of one exponent:
///
/// | p | 0.05 | 0.1 | 0.2 | 0.25 | 0.3 | 0.4 | 0.5 | any |
/// |---|---|---|---|---|---|---|---|---|
/// | `f16` | -1.4e-6 | 1.3e-7 | 0 | 3.2e-7 | -5.1e-7 | 1.3e-7 | 0 | below 2^-12 |
/// | `bf16` | 3.5e-5 | -2.0e-5 | -3.3e-5 | 1.0e-5 | -4.1e-6 | -3.3e-5 | 0 | below 2^-9 |
///
/// It is largest where the scale is so close to a power of two that all products round back to that.
///
/// # Subnormal numbers
/// Some programs tell the CPU to flush subnormal numbers to zero (FTZ and DAZ on x86, FZ on Arm). Results of `f16` are
/// the same there. `f32` and `f64`, and `bf16`, whose exponents are those of `f32`, lose their subnormal numbers in
/// products and sums, as the program has asked for; what is copied keeps them. All results rely on rounding to nearest,
/// the default.
#[expect(private_bounds, reason = "this is what seals it")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a floating-point element type",
    note = "they are `f32`, `f64` and, with the feature `half`, `half::f16` and `half::bf16`"
)]
pub trait Float: Element + sealed::Float + Compiled<Scale<Self>> + Compiled<Affine<Self>> + Compiled<Noisy> {}

/// An element type of quantised tensors: `i8`, `u8` or `i16`.
#[expect(private_bounds, reason = "this is what seals it")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an element type of quantised tensors",
    note = "they are `i8`, `u8` and `i16`"
)]
pub trait Integer: Element + sealed::Integer + Compiled<Rescale<Self>> {}
