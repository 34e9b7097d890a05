//! What becomes of kept and dropped elements, and which elements share a decision.

/// A kind of dropout, the parameter of [`Layer`](crate::Layer): [`Scaled`] or [`Alpha`].
///
/// Sealed: [`Dropout`](crate::Dropout) and its siblings name all that there are.
pub trait Kind: sealed::Kind {}

impl<K: sealed::Kind> Kind for K {}

/// The kind of [`Dropout`](crate::Dropout), [`Dropout1d`](crate::Dropout1d), [`Dropout2d`](crate::Dropout2d) and
/// [`Dropout3d`](crate::Dropout3d): kept values are scaled. The last `MAP_AXES` axes share a decision.
pub enum Scaled<const MAP_AXES: usize> {}

/// The kind of [`AlphaDropout`](crate::AlphaDropout).
pub enum Alpha {}

/// The names of all kinds. Their order is part of checkpoints.
pub(crate) const NAMES: [&str; 5] = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha-dropout"];

pub(crate) mod sealed {
    use dropout_kernels::{self as kernels, AlphaDropout, Dropout, Layer, Rate};
    use half::{bf16, f16};

    pub trait Kind: 'static {
        /// Among the [names](super::NAMES).
        const INDEX: u32;
        const NAME: &'static str = super::NAMES[Self::INDEX as usize];

        /// The number of axes at the end that share a decision.
        const MAP_AXES: usize;

        type Kernel: kernels::Kind<f32> + kernels::Kind<f64> + kernels::Kind<f16> + kernels::Kind<bf16> + Copy + Send + Sync;

        fn kernel(rate: Rate) -> Layer<Self::Kernel>;

        /// Of a kept value `a * x + b`: a and b; and what a dropped one becomes. At p = 1, where nothing is kept and no
        /// scale is finite, a is 1.
        fn values(rate: Rate) -> [f64; 3];
    }

    impl<const MAP_AXES: usize> Kind for super::Scaled<MAP_AXES> {
        const INDEX: u32 = MAP_AXES as u32;
        const MAP_AXES: usize = MAP_AXES;

        type Kernel = kernels::kind::Scaled;

        fn kernel(rate: Rate) -> Dropout {
            Dropout::new(rate).in_parallel()
        }

        fn values(rate: Rate) -> [f64; 3] {
            [if rate.keep() > 0.0 { rate.scale() } else { 1.0 }, 0.0, 0.0]
        }
    }

    impl Kind for super::Alpha {
        const INDEX: u32 = 4;
        const MAP_AXES: usize = 0;

        type Kernel = kernels::kind::Alpha;

        fn kernel(rate: Rate) -> AlphaDropout {
            AlphaDropout::new(rate).in_parallel()
        }

        fn values(rate: Rate) -> [f64; 3] {
            /// What SELU tends to for large negative inputs.
            const LIMIT: f64 = -1.758_099_340_847_376_6;
            let keep = rate.keep();
            if keep <= 0.0 {
                return [1.0, 0.0, 0.0];
            }
            let a = (keep + LIMIT * LIMIT * keep * (1.0 - keep)).powf(-0.5);
            let b = -a * (1.0 - keep) * LIMIT;
            [a, b, a * LIMIT + b]
        }
    }
}
