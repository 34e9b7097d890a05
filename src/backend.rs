//! The choice between instruction sets: detection, and the one dispatch.

#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Lanes, PORTABLE_IS_VECTORS, Portable, Scalar, Task};

/// A task that runs on every instruction set: one that is generic over lanes.
#[cfg(target_arch = "x86_64")]
pub(crate) trait AnyTask: Task<Scalar> + Task<Portable> + Task<Avx2> + Task<Avx512> {}

#[cfg(target_arch = "x86_64")]
impl<T: Task<Scalar> + Task<Portable> + Task<Avx2> + Task<Avx512>> AnyTask for T {}

/// A task that runs on every instruction set: one that is generic over lanes.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) trait AnyTask: Task<Scalar> + Task<Portable> {}

#[cfg(not(target_arch = "x86_64"))]
impl<T: Task<Scalar> + Task<Portable>> AnyTask for T {}

/// An instruction set that this CPU has. All of them give the same bits; they differ in speed alone.
///
/// Nobody needs to name one: everything runs on [`detect`](Self::detect) unless told otherwise. Tests and benchmarks go through
/// [`all`](Self::all).
///
/// ```
/// use dropout_kernels::Backend;
///
/// println!("running on {}", Backend::detect().name());
/// assert!(Backend::all().any(|backend| backend == Backend::detect()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Set {
    Scalar,
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Backend {
    /// The fastest instruction set of this CPU. A build with `--cfg dropout_kernels_backend="NAME"` in its RUSTFLAGS uses none faster than
    /// the named one.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if !cfg!(any(dropout_kernels_backend = "scalar", dropout_kernels_backend = "portable")) {
            if let (Some(lanes), false) = (Avx512::detect(), cfg!(dropout_kernels_backend = "avx2")) {
                return Self(Set::Avx512(lanes));
            }
            if let Some(lanes) = Avx2::detect() {
                return Self(Set::Avx2(lanes));
            }
        }
        let portable = PORTABLE_IS_VECTORS && !cfg!(dropout_kernels_backend = "scalar");
        Self(if portable { Set::Portable } else { Set::Scalar })
    }

    /// Every backend that runs on this CPU, the plainest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let everywhere = [Set::Scalar].into_iter().chain(PORTABLE_IS_VECTORS.then_some(Set::Portable));
        #[cfg(target_arch = "x86_64")]
        let everywhere = everywhere.chain(Avx2::detect().map(Set::Avx2)).chain(Avx512::detect().map(Set::Avx512));
        everywhere.map(Self)
    }

    /// The name: `scalar`, `portable`, `avx2` or `avx512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Set::Scalar => "scalar",
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
        }
    }

    /// Runs a task with this backend's instructions.
    #[inline(always)]
    pub(crate) fn run(self, task: impl AnyTask) {
        match self.0 {
            Set::Portable if PORTABLE_IS_VECTORS => Portable.call(task),
            // No value is portable where there are no vectors. This keeps the code of that backend out of firmware.
            Set::Scalar | Set::Portable => Scalar.call(task),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(lanes) => lanes.call(task),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(lanes) => lanes.call(task),
        }
    }
}
