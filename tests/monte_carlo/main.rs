//! Monte-Carlo dropout: the summaries of random passes, of one run or merged, against two plain passes over all of them in f64,
//! published and hand-computed values, and bad input.
#![expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small counts; values rounded on purpose")]
#![expect(clippy::float_cmp, reason = "what is exact is compared exactly")]

mod merge;
mod moments;
mod refusals;
mod uncertainty;

use std::fmt::Display;

use dropout_kernels::monte_carlo::{Moments, Number, Uncertainty};
use quickcheck::{Arbitrary, Gen};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::value::Value;

/// What summaries are kept in, as the bounds see it.
trait Sums: Number + Value + Display + Into<f64> {
    /// Half the distance from 1 to the next number: the relative error of one rounding.
    const U: f64;
    /// The smallest positive number.
    const SMALLEST: f64;
}

impl Sums for f32 {
    const U: f64 = 1.0 / (1_u64 << 24) as f64;
    const SMALLEST: f64 = Self::from_bits(1) as f64;
}

impl Sums for f64 {
    const U: f64 = 1.0 / (1_u64 << 53) as Self;
    const SMALLEST: f64 = Self::from_bits(1);
}

/// What the passes put out, one a row.
type Passes<E> = Vec<Vec<E>>;

/// What `Moments` makes of some passes.
#[derive(Debug)]
struct Summary<N> {
    mean: Vec<N>,
    population_variance: Vec<N>,
    sample_variance: Vec<N>,
}

impl<N: Number> Summary<N> {
    fn of(moments: &Moments<'_, N>) -> Self {
        Self {
            mean: moments.mean().into(),
            population_variance: moments.population_variance().collect(),
            sample_variance: moments.sample_variance().collect(),
        }
    }
}

/// Of one run.
fn moments<N: Sums, E: Copy + Into<N>>(len: usize, passes: &[Vec<E>]) -> Summary<N> {
    // Whatever the slices hold at first must not matter.
    let (mut mean, mut m2) = (vec![N::nearest(f64::NAN); len], vec![N::nearest(f64::NAN); len]);
    let mut moments = Moments::new(&mut mean, &mut m2).unwrap();
    for y in passes {
        moments.add(y).unwrap();
    }
    assert_eq!(moments.passes() as usize, passes.len());
    Summary::of(&moments)
}

/// What `Uncertainty` makes of some passes, a value a sample but for the mean.
#[derive(Debug)]
struct Entropies<N> {
    mean: Vec<N>,
    predictive: Vec<N>,
    expected: Vec<N>,
    mutual_information: Vec<N>,
}

impl<N: Number> Entropies<N> {
    fn of(uncertainty: &Uncertainty<'_, N>) -> Self {
        Self {
            mean: uncertainty.mean().into(),
            predictive: uncertainty.predictive_entropy().collect(),
            expected: uncertainty.expected_entropy().into(),
            mutual_information: uncertainty.mutual_information().collect(),
        }
    }
}

/// Of one run.
fn uncertainty<N: Sums, E: Copy + Into<N>>(samples: usize, classes: usize, passes: &[Vec<E>]) -> Entropies<N> {
    let (mut mean, mut expected) = (vec![N::nearest(f64::NAN); samples * classes], vec![N::nearest(f64::NAN); samples]);
    let mut uncertainty = Uncertainty::new(classes, &mut mean, &mut expected).unwrap();
    for probabilities in passes {
        uncertainty.add(probabilities).unwrap();
    }
    assert_eq!(uncertainty.passes() as usize, passes.len());
    Entropies::of(&uncertainty)
}

/// The sum by Neumaier's method, so that the oracle can be held against f64 too: all but as good as one rounding.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, lost) = values.fold((0.0_f64, 0.0), |(sum, lost), x| {
        let next = sum + x;
        let (large, small) = if sum.abs() >= x.abs() { (sum, x) } else { (x, sum) };
        (next, lost + (large - next + small))
    });
    sum + lost
}

/// The oracle: the mean first, then the squares of the differences from it.
fn two_pass(values: &[f64]) -> (f64, f64) {
    let mean = sum(values.iter().copied()) / values.len() as f64;
    (mean, sum(values.iter().map(|x| (x - mean).powi(2))))
}

/// One element in all passes.
fn element<E: Copy + Into<f64>>(passes: &[Vec<E>], i: usize) -> Vec<f64> {
    passes.iter().map(|pass| pass[i].into()).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, x| x.abs().max(max))
}

/// The bound on the error of a running mean, as the module states it, which is that of merged means too; half the smallest
/// subnormal number a pass; and the roundings of the oracle.
///
/// In units of U and the largest magnitude M, one run adds `1 + 2 / t` with pass t: two roundings of `difference / t`, which counts
/// 2 M at most, and that of the sum, which is the smaller the more the difference counts. A merge takes the mean of the
/// parts' errors, weighted by their passes, and adds `1 + 4 s`, where s <= 1/2 is the smaller part's share: three roundings of
/// `difference * s`, and the sum's. For the worst of all trees of merges to stay within T / 2 + 5, it suffices for parts of a >= b
/// passes that `a + 5 b <= a b`, or that b is 1. The few smaller pairs were evaluated: the closest is 5 + 8 / 2 for eight
/// parts of one pass, merged in pairs.
fn mean_bound<N: Sums>(passes: usize, largest: f64) -> f64 {
    let passes = passes as f64;
    (passes / 2.0 + 5.0) * N::U * largest + passes * N::SMALLEST / 2.0 + 2.0 * f64::U * largest
}

/// That of the squares of the differences follows from that on the mean, E. With d the difference from the mean before and after a pass,
/// its addend d * d' errs by E (|d| + |d'|) + E^2 and three roundings, and by Cauchy and Schwarz the sum of |d| is at most the root
/// of T times the sum of d^2, which is at most twice m2. In merges the means of parts are more precise than E, by so much that
/// the weights of their differences, which are larger than those of passes, do not add up to more.
fn m2_bound<N: Sums>(passes: usize, of_mean: f64, m2: f64) -> f64 {
    let t = passes as f64;
    of_mean * (8.0 * t * m2).sqrt() + t * of_mean.powi(2) + (t + 5.0) * N::U * m2 + 6.0 * f64::U * m2
}

#[track_caller]
fn assert_near(actual: impl Display + Into<f64> + Copy, expected: f64, bound: f64, what: &str) {
    let error = (actual.into() - expected).abs();
    assert!(error <= bound, "{what} is {actual} instead of {expected}: an error of {error:e}, above {bound:e}");
}

/// Up to 200 passes of up to 40 elements, each spread about an offset of its own that can be ten thousand times as large.
#[derive(Clone, Copy, Debug)]
struct Case {
    passes: usize,
    len: usize,
    seed: u64,
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        Self { passes: 1 + usize::arbitrary(g) % 200, len: usize::arbitrary(g) % 41, seed: u64::arbitrary(g) }
    }
}

impl Case {
    fn outputs<E: Value>(&self) -> Passes<E> {
        let mut uniform = uniform(self.seed);
        let elements: Vec<_> =
            (0..self.len).map(|_| (10_f64.powf(4.0 * uniform()), 10_f64.powf(6.0 * uniform() - 3.0))).collect();
        let pass = |_| elements.iter().map(|(offset, scale)| E::nearest(scale * (offset + 2.0 * uniform() - 1.0))).collect();
        (0..self.passes).map(pass).collect()
    }

    /// Probabilities of `len` classes for three samples, by softmax from random logits: so small that the passes agree but for
    /// rounding; of ordinary size; so large that most probabilities are 0.
    fn probabilities<E: Value>(&self) -> Passes<E> {
        let mut uniform = uniform(self.seed);
        let mut sample = |sharpness: f64| {
            let exponentials: Vec<f64> = (0..self.len).map(|_| (sharpness * uniform()).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            exponentials.into_iter().map(move |x| E::nearest(x / sum))
        };
        (0..self.passes).map(|_| [0.001, 10.0, 300.0].into_iter().flat_map(&mut sample).collect()).collect()
    }
}

/// From 0 to 1.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = Pcg64::seed_from_u64(seed);
    move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
