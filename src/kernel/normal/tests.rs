//! `normal` against the quantile in `f64`, by libm's error function.
extern crate std;

use core::f64::consts::{FRAC_1_SQRT_2, TAU};
use std::thread;

use super::normal;
use crate::backend::Backend;
use crate::simd::{Lanes, Task};

const HALF: u32 = 1 << 31;
const RANGE: f64 = 4_294_967_296.0;

/// The normals of sixteen consecutive integers.
struct Normals<'a> {
    first: u32,
    to: &'a mut [f32; 16],
}

impl<L: Lanes> Task<L> for Normals<'_> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let first = lanes.splat_i32(self.first.cast_signed());
        let lane = lanes.load_i8(&core::array::from_fn(|i| i as i8));
        *self.to = lanes.store_f32(normal(lanes, first + lane));
    }
}

/// On the scalar backend.
fn normals(first: u32) -> [f32; 16] {
    normals_on(Backend::all().next().unwrap(), first)
}

fn normals_on(backend: Backend, first: u32) -> [f32; 16] {
    let mut normals = [f32::NAN; 16];
    backend.run(Normals { first, to: &mut normals });
    normals
}

/// Phi(z) - 1/2 - (n + 1/2) / 2^32, for z near that quantile. In the tail, from the complements, which keep their
/// relative accuracy.
fn excess(n: u32, z: f64) -> f64 {
    if n < HALF / 2 {
        0.5 * libm::erf(z * FRAC_1_SQRT_2) - (f64::from(n) + 0.5) / RANGE
    } else {
        (f64::from(HALF - 1 - n) + 0.5) / RANGE - 0.5 * libm::erfc(z * FRAC_1_SQRT_2)
    }
}

/// Errors and moments over some of the integers above the median.
#[derive(Default)]
struct Figures {
    /// The largest error of z.
    error: f64,
    /// In units in the last place of z.
    ulps: f64,
    /// The largest |Phi(z) - p|.
    distance: f64,
    count: f64,
    squares: f64,
    fourth_powers: f64,
}

impl Figures {
    /// Over sixteen integers from each of `firsts` on, counted from the median.
    fn of(firsts: impl Iterator<Item = u32>) -> Self {
        let mut figures = Self::default();
        for first in firsts {
            for (n, z) in (first..).zip(normals(HALF + first)) {
                let z = f64::from(z);
                let excess = excess(n, z);
                // The error of z, by one step of Halley's method.
                let step = excess * libm::sqrt(TAU) / libm::exp(-0.5 * z * z);
                let error = step / (1.0 + 0.5 * z * step);
                figures.error = figures.error.max(error.abs());
                figures.ulps = figures.ulps.max(error.abs() / libm::exp2(libm::floor(libm::log2(z)) - 23.0));
                figures.distance = figures.distance.max(excess.abs());
                figures.count += 1.0;
                figures.squares += z * z;
                figures.fourth_powers += z * z * z * z;
            }
        }
        figures
    }

    fn and(self, other: &Self) -> Self {
        Self {
            error: self.error.max(other.error),
            ulps: self.ulps.max(other.ulps),
            distance: self.distance.max(other.distance),
            count: self.count + other.count,
            squares: self.squares + other.squares,
            fourth_powers: self.fourth_powers + other.fourth_powers,
        }
    }

    fn assert_as_documented(&self) {
        assert!(self.error <= 2.0e-6 && self.ulps <= 6.5, "error {:e}, {} ulp", self.error, self.ulps);
        // The distribution is off by at most this much, plus half the distance between two values of p.
        let kolmogorov = self.distance + 0.5 / RANGE;
        assert!(kolmogorov <= 7.05e-8, "Kolmogorov's distance {kolmogorov:e}");
    }
}

#[test]
fn near_the_quantile() {
    let sample = Figures::of((0..HALF).step_by(1 << 16));
    let last = Figures::of((HALF - (1 << 14)..HALF).step_by(16));
    sample.and(&last).assert_as_documented();
}

/// Also the moments, which need all integers. Those below the median give the negatives, so this covers all 2^32.
#[test]
#[ignore = "all 2^31 above the median"]
fn near_the_quantile_everywhere() {
    const PART: u32 = 1 << 20;
    let part = |first| Figures::of((first..first + PART).step_by(16));
    let parts =
        |thread: u32| (thread * PART..HALF).step_by(2 * PART as usize).map(part).fold(Figures::default(), |a, b| a.and(&b));
    let figures = thread::scope(|scope| {
        let other = scope.spawn(|| parts(1));
        parts(0).and(&other.join().unwrap())
    });
    figures.assert_as_documented();
    let variance = figures.squares / figures.count;
    let kurtosis = figures.fourth_powers / figures.count / (variance * variance);
    std::println!(
        "error {:e}, {} ulp, variance 1 + {:e}, kurtosis 3 + {:e}",
        figures.error,
        figures.ulps,
        variance - 1.0,
        kurtosis - 3.0
    );
    assert!((variance - 1.0).abs() < 1.75e-8 && (kurtosis - 3.0).abs() < 1.35e-7);
}

#[test]
fn the_same_on_every_backend_and_on_both_sides() {
    let sample = (0..HALF).step_by(1 << 14).chain((HALF - (1 << 14)..HALF).step_by(16));
    for first in sample {
        let above = normals(HALF + first);
        let mut below = normals(HALF - 16 - first);
        below.reverse();
        assert!(above.iter().zip(below).all(|(above, below)| *above > 0.0 && below.to_bits() == (-above).to_bits()));
        for backend in Backend::all() {
            let actual = normals_on(backend, HALF + first);
            assert_eq!(actual.map(f32::to_bits), above.map(f32::to_bits), "{}", backend.name());
        }
    }
}

/// Counts near the integer where the values cross each number of deviations. All others are further away than their
/// error.
#[test]
fn as_many_lie_beyond_1_to_6_deviations_as_should() {
    let beyond = |deviations: f32| {
        let exact = 0.5 * RANGE * libm::erfc(f64::from(deviations) * FRAC_1_SQRT_2);
        #[expect(clippy::cast_sign_loss, reason = "from 8 to 2^30")]
        let crossing = HALF - exact as u32;
        let end = crossing.next_multiple_of(16).saturating_add(1 << 14).min(HALF);
        let near = (end - (1 << 15)..end).step_by(16).flat_map(|first| normals(HALF + first));
        let count = HALF - end + near.filter(|z| *z > deviations).count() as u32;
        assert!((f64::from(count) - exact).abs() < 1.0 + 1e-6 * exact, "{count} beyond {deviations}, not {exact}");
        2 * count
    };
    assert_eq!([1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(beyond)[4], 2462);
    assert_eq!(normals(u32::MAX - 15)[15].to_bits(), 6.337_957_f32.to_bits());
}
