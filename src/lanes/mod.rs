//! The instruction sets, and the one place that chooses between them.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod past_caches;
mod portable;
mod scalar;

use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Not, Sub};

use crate::bernoulli::Bernoulli;
#[cfg(feature = "half")]
use crate::element::half;
use crate::planes::GROUP;
use crate::stream::{BLOCK, Stream};
use crate::tiles::{Block, Generator};
#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use avx512::Avx512;
use portable::Portable;
use scalar::Scalar;

/// One instruction set, as kernels see it: sixteen elements at a time, and random bits by the block.
///
/// A value of the implementing type is the proof that the CPU has the instructions. Integers wrap.
pub(crate) trait Lanes: Copy {
    /// Does a task in a function of its own.
    fn call<T: Task>(self, task: T) -> T::Output;

    type F32x16: Copy
        + Add<Output = Self::F32x16>
        + Sub<Output = Self::F32x16>
        + Mul<Output = Self::F32x16>
        + Div<Output = Self::F32x16>;
    type F64x16: Copy + Add<Output = Self::F64x16> + Mul<Output = Self::F64x16>;
    type I32x16: Copy
        + Add<Output = Self::I32x16>
        + Sub<Output = Self::I32x16>
        + Mul<Output = Self::I32x16>
        + BitXor<Output = Self::I32x16>
        + BitAnd<Output = Self::I32x16>
        + BitOr<Output = Self::I32x16>;

    fn splat_f32(self, x: f32) -> Self::F32x16;
    fn load_f32(self, x: &[f32; 16]) -> Self::F32x16;
    fn store_f32(self, x: Self::F32x16) -> [f32; 16];
    /// Lane i is that of `kept` if bit i of `keep` is set, of `dropped` otherwise.
    fn select_f32(self, keep: u16, kept: Self::F32x16, dropped: Self::F32x16) -> Self::F32x16;

    fn splat_f64(self, x: f64) -> Self::F64x16;
    fn load_f64(self, x: &[f64; 16]) -> Self::F64x16;
    fn store_f64(self, x: Self::F64x16) -> [f64; 16];
    fn select_f64(self, keep: u16, kept: Self::F64x16, dropped: Self::F64x16) -> Self::F64x16;

    fn splat_i32(self, x: i32) -> Self::I32x16;
    fn load_i8(self, x: &[i8; 16]) -> Self::I32x16;
    /// To the nearest `i8`.
    fn store_i8(self, x: Self::I32x16) -> [i8; 16];
    fn load_i16(self, x: &[i16; 16]) -> Self::I32x16;
    /// To the nearest `i16`.
    fn store_i16(self, x: Self::I32x16) -> [i16; 16];
    #[cfg(feature = "half")]
    fn load_u16(self, x: &[u16; 16]) -> Self::I32x16;
    /// Of lanes from 0 to `u16::MAX`.
    #[cfg(feature = "half")]
    fn store_u16(self, x: Self::I32x16) -> [u16; 16];
    /// By their bits, as are the three below.
    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_f16(self, x: &[u16; 16]) -> Self::F32x16 {
        half::widen_f16(self, self.load_u16(x))
    }
    /// The nearest of each.
    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_f16(self, x: Self::F32x16) -> [u16; 16] {
        self.store_u16(half::narrow_f16(self, self.cast_i32(x)))
    }
    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_bf16(self, x: &[u16; 16]) -> Self::F32x16 {
        half::widen_bf16(self, self.load_u16(x))
    }
    /// The nearest of each.
    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_bf16(self, x: Self::F32x16) -> [u16; 16] {
        self.store_u16(half::narrow_bf16(self, self.cast_i32(x)))
    }
    fn select_i32(self, keep: u16, kept: Self::I32x16, dropped: Self::I32x16) -> Self::I32x16;
    fn shl<const N: u32>(self, x: Self::I32x16) -> Self::I32x16;
    /// With zeros from above.
    fn shr<const N: u32>(self, x: Self::I32x16) -> Self::I32x16;
    /// With the sign from above; by less than 32.
    fn sar(self, x: Self::I32x16, by: u32) -> Self::I32x16;

    /// The nearest float of each integer.
    fn to_f32(self, x: Self::I32x16) -> Self::F32x16;
    /// The bits of each float, and back.
    fn cast_i32(self, x: Self::F32x16) -> Self::I32x16;
    fn cast_f32(self, x: Self::I32x16) -> Self::F32x16;

    /// What computes masks.
    type Generator<'a>: Generator;

    fn generator(self, mask: &Bernoulli) -> Self::Generator<'_>;

    /// The words of a block's calls of noise, in order.
    fn noise(self, stream: &Stream, block: u64) -> [Self::I32x16; BLOCK / 16];
}

/// An instruction set that also runs the generator in vectors, eight 64-bit lanes at a time.
pub(crate) trait WideLanes: Lanes {
    /// Whether two calls of the generator round by round take less time than one after the other.
    const PAIRS: bool;

    type U64x8: Copy
        + BitXor<Output = Self::U64x8>
        + BitAnd<Output = Self::U64x8>
        + BitOr<Output = Self::U64x8>
        + Not<Output = Self::U64x8>;

    fn splat(self, x: u64) -> Self::U64x8;
    fn load(self, x: &[u64; GROUP]) -> Self::U64x8;
    /// `first` in lane 0, the next integer in lane 1, and so on.
    fn count_from(self, first: u64) -> Self::U64x8;
    fn sub_u64(self, x: Self::U64x8, y: Self::U64x8) -> Self::U64x8;
    fn shr_u64<const N: u32>(self, x: Self::U64x8) -> Self::U64x8;
    /// The 64-bit product of each lane's low half and `factor`.
    fn mul(self, x: Self::U64x8, factor: u32) -> Self::U64x8;
    /// Each lane's halves exchanged.
    fn swap(self, x: Self::U64x8) -> Self::U64x8;
    /// Lane i of the two vectors as block i.
    fn interleave(self, halves: [Self::U64x8; 2]) -> [Block; GROUP];
    /// The same, as 32-bit words.
    fn interleave_i32(self, halves: [Self::U64x8; 2]) -> [Self::I32x16; 2];
    /// For each lane's sixteen bytes, a bit that is set if one is below that of `than`; and if it equals that. Of four lanes in a word.
    fn compare_bytes(self, bytes: [Self::U64x8; 2], than: Self::U64x8) -> [[u64; 2]; 2];
    /// The lowest of the bits, in order, at the places of the ones of `places`; zeros elsewhere.
    #[inline(always)]
    fn deposit(self, mut bits: u64, mut places: u64) -> u64 {
        let mut deposited = 0;
        while bits != 0 && places != 0 {
            let place = places & places.wrapping_neg();
            deposited |= place & (bits & 1).wrapping_neg();
            bits >>= 1;
            places ^= place;
        }
        deposited
    }
    /// Deals sixteen bytes to the tied decisions of each lane's block, by rank, and drops those whose byte is below the threshold's.
    fn deal(self, bytes: [Self::U64x8; 2], threshold: u8, tied: [Self::U64x8; 2], kept: [Self::U64x8; 2]) -> Dealt;
}

/// What is left to do for eight blocks after the first call of bytes.
pub(crate) struct Dealt {
    /// The keep bits so far.
    pub(crate) keep: [Block; GROUP],
    /// The decisions that tie after the planes.
    pub(crate) tied: [Block; GROUP],
    /// A bit for each byte that equals the threshold's, sixteen a block.
    pub(crate) equal: [u64; 2],
    /// A bit for each block in which such a byte is a decision's.
    pub(crate) open: u8,
    /// A bit for each block with more than sixteen ties.
    pub(crate) many: u8,
}

/// A computation that any instruction set can do.
pub(crate) trait Task {
    type Output;

    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

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
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
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
                return Self(Kind::Avx512(lanes));
            }
            if let Some(lanes) = Avx2::detect() {
                return Self(Kind::Avx2(lanes));
            }
        }
        let portable = PORTABLE_IS_VECTORS && !cfg!(dropout_kernels_backend = "scalar");
        Self(if portable { Kind::Portable } else { Kind::Scalar })
    }

    /// Every backend that runs on this CPU, the plainest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let everywhere = [Kind::Scalar].into_iter().chain(PORTABLE_IS_VECTORS.then_some(Kind::Portable));
        #[cfg(target_arch = "x86_64")]
        let everywhere = everywhere.chain(Avx2::detect().map(Kind::Avx2)).chain(Avx512::detect().map(Kind::Avx512));
        everywhere.map(Self)
    }

    /// The name: `scalar`, `portable`, `avx2` or `avx512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
        }
    }

    /// Does the task with this backend's instructions.
    #[inline(always)]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Output {
        match self.0 {
            Kind::Portable if PORTABLE_IS_VECTORS => run(Portable, task),
            // No value is portable where there are no vectors. This keeps the code of that backend out of firmware.
            Kind::Scalar | Kind::Portable => run(Scalar, task),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(lanes) => lanes.run(task),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(lanes) => lanes.run(task),
        }
    }
}

/// Does the task with instructions that every CPU of the build's target has. The boundary between the arguments' checks and the
/// kernels, as the backends with run-time detection have one: only the checks are compiled into every caller.
#[inline(never)]
fn run<L: Lanes, T: Task>(lanes: L, task: T) -> T::Output {
    task.run(lanes)
}

/// Whether this build's target has vectors for `wide` to use; plain arrays of eight or sixteen are slower than the scalar backend.
pub(crate) const PORTABLE_IS_VECTORS: bool =
    cfg!(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"));

/// What a test does on an instruction set with vectors.
#[cfg(test)]
pub(crate) trait WideTask {
    fn run<L: WideLanes>(&self, lanes: L);
}

/// Does it on all that this CPU has, compiled with their instructions.
#[cfg(test)]
pub(crate) fn each_wide(test: &impl WideTask) {
    struct On<'t, L, T>(L, &'t T);

    impl<L: WideLanes, T: WideTask> Task for On<'_, L, T> {
        type Output = ();

        #[inline(always)]
        fn run<M: Lanes>(self, _: M) {
            self.1.run(self.0);
        }
    }

    Portable.call(On(Portable, test));
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(lanes) = Avx2::detect() {
            lanes.call(On(lanes, test));
        }
        if let Some(lanes) = Avx512::detect() {
            lanes.call(On(lanes, test));
        }
    }
}
