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

pub(crate) mod sealed {
    use dropout_kernels::{self as kernels, AlphaDropout, AnyLayout, Dropout, Layer, Rate};
    use half::{bf16, f16};

    pub trait Kind: 'static {
        const NAME: &'static str;

        /// The number of axes at the end that share a decision.
        const MAP_AXES: usize;

        type Kernel: AnyLayout
            + kernels::Kind<f32>
            + kernels::Kind<f64>
            + kernels::Kind<f16>
            + kernels::Kind<bf16>
            + Copy
            + Send
            + Sync;

        fn kernel(rate: Rate) -> Layer<Self::Kernel>;
    }

    impl<const MAP_AXES: usize> Kind for super::Scaled<MAP_AXES> {
        const NAME: &'static str = ["dropout", "dropout1d", "dropout2d", "dropout3d"][MAP_AXES];
        const MAP_AXES: usize = MAP_AXES;

        type Kernel = kernels::Scaled;

        fn kernel(rate: Rate) -> Dropout {
            Dropout::new(rate).in_parallel()
        }
    }

    impl Kind for super::Alpha {
        const NAME: &'static str = "alpha-dropout";
        const MAP_AXES: usize = 0;

        type Kernel = kernels::Alpha;

        fn kernel(rate: Rate) -> AlphaDropout {
            AlphaDropout::new(rate).in_parallel()
        }
    }
}
