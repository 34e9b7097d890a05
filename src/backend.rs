//! The choice of an instruction set: detection, and the only dispatch on it.

use core::fmt;

use crate::simd::*;

/// The backends of a target, with their names: those that a CPU may have, the fastest first; the one that the target's
/// CPUs all have; and one that is there for tests alone.
macro_rules! backends {
    ($(detect $detected:ident = $detected_name:literal;)* else $always:ident = $name:literal; $(test $test:ident = $test_name:literal;)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        enum Set {
            $($detected($detected),)*
            $always,
            $(#[cfg(feature = "scalar")] $test,)?
        }

        impl Set {
            #[allow(unused_variables, reason = "none may be detected")]
            fn detect() -> Self {
                $(#[cfg(feature = "scalar")]
                if cfg!(dropout_kernels_backend = $test_name) {
                    return Self::$test;
                })?
                // A build that names a backend has none of those before it.
                let reached = !cfg!(any($(dropout_kernels_backend = $detected_name,)* dropout_kernels_backend = $name $(, dropout_kernels_backend = $test_name)?));
                $(
                    let reached = reached || cfg!(dropout_kernels_backend = $detected_name);
                    if reached && let Some(lanes) = $detected::detect() {
                        return Self::$detected(lanes);
                    }
                )*
                Self::$always
            }

            /// The slowest first.
            fn all() -> impl Iterator<Item = Self> {
                let detected: [Option<Self>; _] = [$($detected::detect().map(Self::$detected)),*];
                let others = [$(#[cfg(feature = "scalar")] Self::$test,)? Self::$always];
                others.into_iter().chain(detected.into_iter().rev().flatten())
            }

            const fn name(self) -> &'static str {
                match self {
                    $(Self::$detected(_) => $detected_name,)*
                    Self::$always => $name,
                    $(#[cfg(feature = "scalar")] Self::$test => $test_name,)?
                }
            }
        }

        impl Backend {
            /// Runs a task, compiled for this backend. A task that is generic over [`Lanes`] is one for every backend.
            #[inline(always)]
            pub(crate) fn run(self, task: impl $(Task<$detected> +)* $(Task<$test> +)? Task<$always>) {
                match self.0 {
                    $(Set::$detected(lanes) => lanes.call(task),)*
                    Set::$always => run($always, task),
                    $(#[cfg(feature = "scalar")] Set::$test => run($test, task),)?
                }
            }
        }
    };
}

with_vectors! {
    #[cfg(target_arch = "x86_64")]
    backends! { detect Avx512 = "avx512"; detect Avx2 = "avx2"; else Portable = "portable"; test Scalar = "scalar"; }

    #[cfg(not(target_arch = "x86_64"))]
    backends! { else Portable = "portable"; test Scalar = "scalar"; }
}

without_vectors! {
    backends! { else Scalar = "scalar"; }
}

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

impl Backend {
    /// The fastest backend of this CPU. Builds with `--cfg dropout_kernels_backend="NAME"` in RUSTFLAGS use none faster
    /// than `NAME`: `avx2`, `portable` or, with the feature `scalar`, `scalar`.
    #[must_use]
    pub fn detect() -> Self {
        Self(Set::detect())
    }

    /// All backends that run on this CPU, the slowest first: `scalar`, which targets with vectors have with the feature
    /// `scalar` alone, then the vectors.
    pub fn all() -> impl Iterator<Item = Self> {
        Set::all().map(Self)
    }

    /// The name: `scalar`, `portable` (SSE2, NEON or wasm simd128), `avx2` or `avx512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name()
    }
}

/// The [name](Backend::name).
impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
