//! Summaries of Monte-Carlo passes, from the definitions of mean, variance and entropy: two plain passes over all outputs in f64, where
//! the library goes over them once. How far the two may lie apart is derived from the number of roundings.
#![expect(clippy::cast_precision_loss, reason = "small counts: exact")]

use std::fmt::Display;

use dropout_kernels::monte_carlo::{Moments, Number, Uncertainty};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::value::Value;

/// What summaries are kept in, as the bounds see it.
pub trait Sums: Number + Value + Display + Into<f64> {
    /// Half the distance from 1 to the next number: the relative error of one rounding.
    const U: f64;
    /// The smallest positive number.
    const SMALLEST: f64;
    /// The largest numbers whose differences do not overflow, nor their squares in f64.
    const LARGEST: f64;
}

impl Sums for f32 {
    const U: f64 = 1.0 / (1_u64 << 24) as f64;
    const SMALLEST: f64 = Self::from_bits(1) as f64;
    const LARGEST: f64 = Self::MAX as f64 / 4.0;
}

impl Sums for f64 {
    const U: f64 = 1.0 / (1_u64 << 53) as Self;
    const SMALLEST: f64 = Self::from_bits(1);
    const LARGEST: f64 = 1e150;
}

/// What the passes put out, one a row.
pub type Passes<E> = Vec<Vec<E>>;

/// One element in all passes.
pub fn element<E: Copy + Into<f64>>(passes: &[Vec<E>], i: usize) -> Vec<f64> {
    passes.iter().map(|pass| pass[i].into()).collect()
}

/// Which summary a [`Part`] is.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Moments,
    /// Of so many classes.
    Uncertainty(usize),
}

/// A summary as one machine sends it another: the number of passes and two slices.
#[derive(Clone, Debug)]
pub struct Part<N>(pub u32, pub Vec<N>, pub Vec<N>);

impl<N: Sums> Part<N> {
    /// With slices of these lengths. Not zeros: of no passes, what they hold does not matter.
    pub fn empty([len, other_len]: [usize; 2]) -> Self {
        Self(0, vec![N::nearest(f64::NAN); len], vec![N::nearest(-7.0); other_len])
    }

    pub fn moments(&mut self) -> Moments<'_, N> {
        Moments::resume(self.0, &mut self.1, &mut self.2).unwrap()
    }

    pub fn uncertainty(&mut self, classes: usize) -> Uncertainty<'_, N> {
        Uncertainty::resume(self.0, classes, &mut self.1, &mut self.2).unwrap()
    }

    /// Resumed, given some more passes, and stopped again.
    pub fn add<E: Copy + Into<N>>(&mut self, of: Of, passes: &[Vec<E>]) {
        self.0 = match of {
            Of::Moments => {
                let mut moments = self.moments();
                for y in passes {
                    moments.add(y).unwrap();
                }
                moments.passes()
            }
            Of::Uncertainty(classes) => {
                let mut uncertainty = self.uncertainty(classes);
                for y in passes {
                    uncertainty.add(y).unwrap();
                }
                uncertainty.passes()
            }
        };
    }

    pub fn merge(&mut self, of: Of, other: &mut Self) {
        self.0 = match of {
            Of::Moments => {
                let mut moments = self.moments();
                moments.merge(&other.moments()).unwrap();
                moments.passes()
            }
            Of::Uncertainty(classes) => {
                let mut uncertainty = self.uncertainty(classes);
                uncertainty.merge(&other.uncertainty(classes)).unwrap();
                uncertainty.passes()
            }
        };
    }

    /// Of one run.
    pub fn of<E: Copy + Into<N>>(of: Of, sizes: [usize; 2], passes: &[Vec<E>]) -> Self {
        let mut part = Self::empty(sizes);
        part.add(of, passes);
        assert_eq!(part.0 as usize, passes.len());
        part
    }

    /// Of as many parts as the seed says, some of which may get no pass, and of which two at a time are merged until one is left.
    pub fn of_parts<E: Copy + Into<N>>(of: Of, sizes: [usize; 2], passes: &[Vec<E>], seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut below = |n: usize| rng.next_u32() as usize % n;
        let most = if below(2) == 0 { 6 } else { passes.len().max(1) };
        let mut parts = vec![Self::empty(sizes); 2 + below(most)];
        for y in passes {
            let part = below(parts.len());
            parts[part].add(of, std::slice::from_ref(y));
        }
        while parts.len() > 1 {
            let other = below(parts.len());
            let mut other = parts.swap_remove(other);
            let part = below(parts.len());
            parts[part].merge(of, &mut other);
        }
        assert_eq!(parts[0].0 as usize, passes.len());
        parts.remove(0)
    }

    /// The population variances, then the sample variances.
    pub fn variances(&mut self) -> [Vec<N>; 2] {
        let moments = self.moments();
        [moments.population_variance().collect(), moments.sample_variance().collect()]
    }

    /// Predictive entropies, then mutual information.
    pub fn entropies(&mut self, classes: usize) -> [Vec<N>; 2] {
        let uncertainty = self.uncertainty(classes);
        [uncertainty.predictive_entropy().collect(), uncertainty.mutual_information().collect()]
    }
}

/// The sum by Neumaier's method, so that the oracle can be held against f64 too: all but as good as one rounding.
pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, lost) = values.fold((0.0_f64, 0.0), |(sum, lost), x| {
        let next = sum + x;
        let (large, small) = if sum.abs() >= x.abs() { (sum, x) } else { (x, sum) };
        (next, lost + (large - next + small))
    });
    sum + lost
}

/// The mean first, then the sum of the squares of the differences from it.
pub fn two_passes(values: &[f64]) -> (f64, f64) {
    let mean = sum(values.iter().copied()) / values.len() as f64;
    (mean, sum(values.iter().map(|x| (x - mean).powi(2))))
}

pub fn entropy(probabilities: &[f64]) -> f64 {
    -sum(probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()))
}

pub fn largest(values: &[f64]) -> f64 {
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
pub fn mean_bound<N: Sums>(values: &[f64]) -> f64 {
    let (passes, largest) = (values.len() as f64, largest(values));
    (passes / 2.0 + 5.0) * N::U * largest + passes * N::SMALLEST + 2.0 * f64::U * largest
}

/// That of the squares of the differences follows from that on the mean, E. With d the difference from the mean before and after a pass,
/// its addend d * d' errs by E (|d| + |d'|) + E^2 and three roundings, and by Cauchy and Schwarz the sum of |d| is at most the root
/// of T times the sum of d^2, which is at most twice m2. In merges the means of parts are more precise than E, by so much that
/// the weights of their differences, which are larger than those of passes, do not add up to more. A product that is too small errs
/// by half the smallest number.
fn m2_bound<N: Sums>(passes: usize, of_mean: f64, m2: f64) -> f64 {
    let t = passes as f64;
    of_mean * (8.0 * t * m2).sqrt() + t * of_mean.powi(2) + (t + 5.0) * N::U * m2 + t * N::SMALLEST + 6.0 * f64::U * m2
}

/// Moments within their bounds: as far as the oracle's squares do not overflow, and as far as a variance can be held, though the sum that it
/// comes of cannot. NaN comes of NaN alone, and the mean is infinite with the first infinity.
pub fn assert_moments<N: Sums>(mut part: Part<N>, passes: &[Vec<N>]) {
    let [population, sample] = part.variances();
    let t = passes.len() as f64;
    for (i, &mean) in part.1.iter().enumerate().filter(|_| !passes.is_empty()) {
        let values = element(passes, i);
        let (actual, variance): (f64, f64) = (mean.into(), population[i].into());
        if values.iter().any(|x| x.is_nan()) {
            assert!(actual.is_nan() && variance.is_nan(), "{actual} and {variance} of NaN");
            continue;
        }
        assert!(variance >= 0.0, "a variance of {variance} of {values:?}");
        if values.iter().any(|x| x.is_infinite()) {
            assert!(actual.is_infinite() && variance.is_infinite(), "{actual} and {variance} of {values:?}");
            continue;
        }
        assert!(actual.abs() <= largest(&values) * (1.0 + t * N::U), "{actual} of {values:?}");
        if largest(&values) > N::LARGEST {
            continue;
        }
        let (exact, m2) = two_passes(&values);
        let of_mean = mean_bound::<N>(&values);
        assert_near(mean, exact, of_mean, "mean");
        // A sum that cannot be held is held in units that can, which takes two more roundings a pass.
        let of_m2 = m2_bound::<N>(passes.len(), of_mean, m2) + 2.0 * t * N::U * m2;
        for (variance, t) in [(population[i], t), (sample[i], t - 1.0)] {
            if t > 0.0 && N::nearest((m2 + of_m2) / t).into().is_finite() {
                assert_near(variance, m2 / t, of_m2 / t + N::SMALLEST, "variance");
            }
        }
    }
}

/// Entropies within their bounds, of probabilities. An error e of a mean probability p moves its entropy by e (|ln p| + 1), all but
/// a thousandth. Evaluating an entropy H of K classes rounds a logarithm and a product for each, and the sum K times.
pub fn assert_entropies<N: Sums>(mut part: Part<N>, classes: usize, passes: &[Vec<N>]) {
    let [all_predictive, information] = part.entropies(classes);
    let evaluation = |entropy: f64| (classes as f64 + 4.0) * (N::U + f64::U) * entropy + N::SMALLEST;
    for (sample, &expected_entropy) in part.2.iter().enumerate() {
        let (mut means, mut of_predictive) = (Vec::new(), 0.0);
        for i in sample * classes..(sample + 1) * classes {
            let values = element(passes, i);
            let (mean, of_mean) = (two_passes(&values).0, mean_bound::<N>(&values));
            assert_near(part.1[i], mean, of_mean, "mean probability");
            of_predictive += if mean > 0.0 { 1.001 * of_mean * (mean.ln().abs() + 1.0) } else { 0.0 };
            means.push(mean);
        }
        let predictive = entropy(&means);
        of_predictive += evaluation(predictive);
        let row = |y: &Vec<N>| entropy(&y[sample * classes..][..classes].iter().map(|&p| p.into()).collect::<Vec<f64>>());
        let entropies: Vec<f64> = passes.iter().map(row).collect();
        let expected = two_passes(&entropies).0;
        let of_expected = mean_bound::<N>(&entropies) + evaluation(largest(&entropies));
        assert_near(all_predictive[sample], predictive, of_predictive, "predictive entropy");
        assert_near(expected_entropy, expected, of_expected, "expected entropy");
        assert_near(information[sample], predictive - expected, of_predictive + of_expected, "mutual information");
    }
}

#[track_caller]
pub fn assert_near(actual: impl Display + Into<f64> + Copy, expected: f64, bound: f64, what: &str) {
    let error = (actual.into() - expected).abs();
    assert!(error <= bound, "{what} is {actual} instead of {expected}: an error of {error:e}, above {bound:e}");
}
