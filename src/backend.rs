//! The choice of an instruction set: detection, and the only dispatch on it.

use core::fmt;

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Lanes, Portable, Scalar, Task, VECTORS, run};

/// A task that runs on every backend of the target: what a task that is generic over [`Lanes`] is.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) trait AnyTask: Task<Scalar> + Task<Portable> + Task<Avx2> + Task<Avx512> {}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
impl<T: Task<Scalar> + Task<Portable> + Task<Avx2> + Task<Avx512>> AnyTask for T {}

/// A task that runs on every backend of the target: what a task that is generic over [`Lanes`] is.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(crate) trait AnyTask: Task<Scalar> + Task<Portable> {}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
impl<T: Task<Scalar> + Task<Portable>> AnyTask for T {}

/// An instruction set that this CPU has. All backends give the same bits and differ only in speed.
///
/// There is no need to choose one: everything runs on [`detect`](Self::detect) unless told otherwise. Tests and
/// benchmarks iterate over [`all`](Self::all).
///
/// ```
/// use dropout_kernels::Backend;
///
/// println!("running on {}", Backend::detect());
/// assert!(Backend::all().any(|backend| backend == Backend::detect()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Set {
    Scalar,
    Portable,
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    Avx2(Avx2),
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    Avx512(Avx512),
}

impl Backend {
    /// The fastest backend of this CPU. Builds with `--cfg dropout_kernels_backend="NAME"` in RUSTFLAGS use none faster
    /// than `NAME`: `scalar`, `portable` or `avx2`.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        if !cfg!(any(dropout_kernels_backend = "scalar", dropout_kernels_backend = "portable")) {
            if let (Some(lanes), false) = (Avx512::detect(), cfg!(dropout_kernels_backend = "avx2")) {
                return Self(Set::Avx512(lanes));
            }
            if let Some(lanes) = Avx2::detect() {
                return Self(Set::Avx2(lanes));
            }
        }
        let portable = VECTORS && !cfg!(dropout_kernels_backend = "scalar");
        Self(if portable { Set::Portable } else { Set::Scalar })
    }

    /// All backends that run on this CPU, the slowest first: `scalar`, which targets with vectors have with the feature
    /// `scalar` alone, then the vectors.
    pub fn all() -> impl Iterator<Item = Self> {
        let scalar = (!VECTORS || cfg!(feature = "scalar")).then_some(Set::Scalar);
        let everywhere = scalar.into_iter().chain(VECTORS.then_some(Set::Portable));
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        let everywhere = everywhere.chain(Avx2::detect().map(Set::Avx2)).chain(Avx512::detect().map(Set::Avx512));
        everywhere.map(Self)
    }

    /// The name: `scalar`, `portable` (SSE2, NEON or wasm simd128), `avx2` or `avx512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Set::Scalar => "scalar",
            Set::Portable => "portable",
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            Set::Avx2(_) => "avx2",
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            Set::Avx512(_) => "avx512",
        }
    }

    /// Runs a task, compiled for this backend.
    #[inline(always)]
    pub(crate) fn run(self, task: impl AnyTask) {
        match self.0 {
            Set::Scalar if VECTORS && cfg!(feature = "scalar") => run(Scalar, task),
            // Only one of these is compiled: a target without vectors has no other backend, and one with them has the
            // scalar backend in tests alone.
            Set::Scalar | Set::Portable if VECTORS => Portable.call(task),
            Set::Scalar | Set::Portable => run(Scalar, task),
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            Set::Avx2(lanes) => lanes.call(task),
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            Set::Avx512(lanes) => lanes.call(task),
        }
    }
}

/// The [name](Backend::name).
impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::simd::WideLanes;

    /// What a test does on an instruction set with vectors.
    pub(crate) trait WideTask {
        fn run<L: WideLanes>(&self, lanes: L);
    }

    struct On<'t, T>(&'t T);

    impl<L: WideLanes, T: WideTask> Task<L> for On<'_, T> {
        #[inline(always)]
        fn run(self, lanes: L) {
            self.0.run(lanes);
        }
    }

    /// Does it on all that this CPU has, compiled with their instructions.
    pub(crate) fn each_wide(test: &impl WideTask) {
        Portable.call(On(test));
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        {
            if let Some(lanes) = Avx2::detect() {
                lanes.call(On(test));
            }
            if let Some(lanes) = Avx512::detect() {
                lanes.call(On(test));
            }
        }
    }
}
