//! Summaries of Monte-Carlo passes: of what dropout puts out on any backend, against two plain passes over it in f64, within the bounds
//! that the module states; of one run, and of two that are merged; and of one element or one sample by itself.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small counts; weights rounded to f32 on purpose"
)]

use arbitrary::Arbitrary;
use dropout_kernels::monte_carlo::{Moments, Uncertainty};
use dropout_kernels::{Address, Backend, Dropout, Error, Mode};

use super::inputs::{Decisions, Integer, Length, Values, check_length};
use crate::value::assert_same;

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    values: Values,
    samples: u8,
    classes: u8,
    passes: u8,
    bad: Bad,
    /// Where the passes are split.
    cut: u8,
}

/// Lengths that a summary may have to refuse.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Bad {
    m2: Length,
    mean: Length,
    pass: Length,
    classes: Integer,
}

/// What the passes put out, one a row.
type Passes = Vec<Vec<f32>>;

pub fn check(input: &Input) {
    let (samples, classes) = (usize::from(input.samples % 5), usize::from(input.classes % 8));
    if input.decisions.get().check_reach((samples * classes) as u64).is_err() {
        return;
    }
    let passes = outputs(input, samples * classes);
    for cut in [passes.len(), usize::from(input.cut) % (passes.len() + 1)] {
        check_moments(&passes, cut, samples * classes);
        check_uncertainty(&passes, cut, samples, classes);
        check_distributions(&passes, cut, samples, classes);
    }
    check_refusals(input.bad, samples, classes);
}

/// Pass t is the mask of step t on values of its own.
fn outputs(input: &Input, len: usize) -> Passes {
    let passes = usize::from(input.passes % 40);
    let x = input.values.get::<f32>(len * passes);
    let decisions = input.decisions.get();
    let pass = |backend, t: usize| {
        let step = decisions.address.step.wrapping_add(t as u32);
        let mut y = x[t * len..][..len].to_vec();
        let dropout = Dropout::new(decisions.rate()).on(backend);
        dropout.apply_in_place(Mode::Train(Address { step, ..decisions.address }), &mut y).unwrap();
        y
    };
    let plainest = |t| {
        let mut outputs = Backend::all().map(|backend| pass(backend, t));
        let first = outputs.next().unwrap();
        outputs.for_each(|other| assert_same(&other, &first));
        first
    };
    (0..passes).map(plainest).collect()
}

struct MomentsOf {
    mean: Vec<f32>,
    population_variance: Vec<f32>,
    sample_variance: Vec<f32>,
}

/// Of the passes before the cut, with those after it merged into them.
fn moments(passes: &[Vec<f32>], cut: usize, len: usize) -> MomentsOf {
    // Whatever the slices hold at first must not matter.
    let [mut mean, mut m2, mut other_mean, mut other_m2] = [(); 4].map(|()| vec![f32::NAN; len]);
    let mut moments = Moments::new(&mut mean, &mut m2).unwrap();
    let mut other = Moments::new(&mut other_mean, &mut other_m2).unwrap();
    let (before, after) = passes.split_at(cut);
    for y in before {
        moments.add(y).unwrap();
    }
    for y in after {
        other.add(y).unwrap();
    }
    moments.merge(&other).unwrap();
    assert_eq!(moments.passes() as usize, passes.len());
    MomentsOf {
        mean: moments.mean().into(),
        population_variance: moments.population_variance().collect(),
        sample_variance: moments.sample_variance().collect(),
    }
}

fn check_moments(passes: &[Vec<f32>], cut: usize, len: usize) {
    let all = moments(passes, cut, len);
    let t = passes.len() as f64;
    for i in 0..len {
        let alone = moments(&part(passes, i, 1), cut, 1);
        assert_same(&alone.mean, &all.mean[i..=i]);
        assert_same(&alone.population_variance, &all.population_variance[i..=i]);
        assert_same(&alone.sample_variance, &all.sample_variance[i..=i]);

        let values = element(passes, i);
        // So that no difference overflows, not even by the rounding of the mean.
        if passes.is_empty() || !values.iter().all(|x| x.abs() <= f64::from(f32::MAX / 4.0)) {
            continue;
        }
        let (mean, m2) = two_passes(&values);
        let of_mean = mean_bound(&values);
        assert_near(all.mean[i], mean, of_mean, "mean");
        // With d the difference from the mean before and after a pass, its addend d * d' errs by E (|d| + |d'|) + E^2, where E is the
        // error of the mean, and three roundings; by Cauchy and Schwarz the sum of |d| is at most the root of T times the sum of
        // d^2, which is at most twice m2. A product that is too small for f32 errs by half the smallest one.
        let of_m2 = of_mean * (8.0 * t * m2).sqrt() + t * of_mean.powi(2) + (t + 5.0) * U * m2 + t * SMALLEST;
        if m2 + of_m2 < f64::from(f32::MAX) {
            assert_near(all.population_variance[i], m2 / t, of_m2 / t + SMALLEST, "population variance");
            if passes.len() > 1 {
                assert_near(all.sample_variance[i], m2 / (t - 1.0), of_m2 / (t - 1.0) + SMALLEST, "sample variance");
            }
        }
    }
}

struct EntropiesOf {
    mean: Vec<f32>,
    predictive: Vec<f32>,
    expected: Vec<f32>,
    mutual_information: Vec<f32>,
}

/// As [`moments`].
fn uncertainty(passes: &[Vec<f32>], cut: usize, samples: usize, classes: usize) -> EntropiesOf {
    let [mut mean, mut other_mean] = [(); 2].map(|()| vec![f32::NAN; samples * classes]);
    let [mut expected, mut other_expected] = [(); 2].map(|()| vec![f32::NAN; samples]);
    let mut uncertainty = Uncertainty::new(classes, &mut mean, &mut expected).unwrap();
    let mut other = Uncertainty::new(classes, &mut other_mean, &mut other_expected).unwrap();
    let (before, after) = passes.split_at(cut);
    for probabilities in before {
        uncertainty.add(probabilities).unwrap();
    }
    for probabilities in after {
        other.add(probabilities).unwrap();
    }
    uncertainty.merge(&other).unwrap();
    assert_eq!(uncertainty.passes() as usize, passes.len());
    EntropiesOf {
        mean: uncertainty.mean().into(),
        predictive: uncertainty.predictive_entropy().collect(),
        expected: uncertainty.expected_entropy().into(),
        mutual_information: uncertainty.mutual_information().collect(),
    }
}

/// Whatever is passed for probabilities concerns its own sample alone.
fn check_uncertainty(passes: &[Vec<f32>], cut: usize, samples: usize, classes: usize) {
    let all = uncertainty(passes, cut, samples, classes);
    for i in 0..samples {
        let alone = uncertainty(&part(passes, i * classes, classes), cut, 1, classes);
        assert_same(&alone.mean, &all.mean[i * classes..][..classes]);
        assert_same(&alone.predictive, &all.predictive[i..=i]);
        assert_same(&alone.expected, &all.expected[i..=i]);
        assert_same(&alone.mutual_information, &all.mutual_information[i..=i]);
        let information = all.mutual_information[i];
        assert!(information.is_nan() || information >= 0.0, "an information of {information}");
    }
}

/// Probabilities as they should be, or all zero. The low bits of the values are their weights.
fn check_distributions(passes: &[Vec<f32>], cut: usize, samples: usize, classes: usize) {
    let weight = |y: &f32| f64::from(y.to_bits() as u16);
    let distribution = |y: &[f32]| {
        let sum = y.iter().map(weight).sum::<f64>().max(1.0);
        y.iter().map(|y| (weight(y) / sum) as f32).collect::<Vec<_>>()
    };
    let sample = |i| part(passes, i * classes, classes).iter().map(|y| distribution(y)).collect::<Passes>();
    for passes in (0..samples).map(sample).filter(|passes| !passes.is_empty()) {
        let actual = uncertainty(&passes, cut, 1, classes);
        // Evaluating an entropy rounds a logarithm and a product for each class, and the sum as often.
        let of_evaluation = |entropy: f64| (classes as f64 + 4.0) * U * entropy;
        let (mut means, mut of_predictive) = (Vec::new(), 0.0);
        for i in 0..classes {
            let values = element(&passes, i);
            let (mean, of_mean) = (two_passes(&values).0, mean_bound(&values));
            assert_near(actual.mean[i], mean, of_mean, "mean probability");
            // An error e of p moves its entropy by e (|ln p| + 1), all but a thousandth.
            of_predictive += if mean > 0.0 { 1.001 * of_mean * (mean.ln().abs() + 1.0) } else { 0.0 };
            means.push(mean);
        }
        let predictive = entropy(&means);
        of_predictive += of_evaluation(predictive);
        let row = |y: &Vec<f32>| entropy(&y.iter().copied().map(f64::from).collect::<Vec<_>>());
        let entropies: Vec<f64> = passes.iter().map(row).collect();
        let expected = two_passes(&entropies).0;
        let of_expected = mean_bound(&entropies) + of_evaluation(largest(&entropies));
        assert_near(actual.predictive[0], predictive, of_predictive, "predictive entropy");
        assert_near(actual.expected[0], expected, of_expected, "expected entropy");
        assert_near(actual.mutual_information[0], predictive - expected, of_predictive + of_expected, "mutual information");
    }
}

/// What does not fit is refused, and nothing is written.
fn check_refusals(bad: Bad, samples: usize, classes: usize) {
    let len = samples * classes;
    let slices = |a, b| (vec![CANARY; a], vec![CANARY; b]);
    let untouched = |result: Result<(), Error>, slices: [&[f32]; 2]| {
        assert!(result.is_ok() || slices.concat().iter().all(|&x| x.to_bits() == CANARY.to_bits()), "wrote before {result:?}");
    };
    let (mut mean, mut m2) = slices(len, bad.m2.get(len));
    let result = Moments::new(&mut mean, &mut m2).map(|_| ());
    assert_eq!(result, check_length("m2", len, bad.m2.get(len)));
    untouched(result, [&mean, &m2]);

    for (classes, len) in [(classes, bad.mean.get(len)), (bad.classes.get() as usize, 0)] {
        let (mut mean, mut expected) = slices(len, samples);
        let result = Uncertainty::new(classes, &mut mean, &mut expected).map(|_| ());
        let product = classes.checked_mul(samples).ok_or(Error::ShapeOverflow);
        assert_eq!(result, product.and_then(|product| check_length("mean", product, len)));
        untouched(result, [&mean, &expected]);
    }

    let (mut mean, mut m2) = slices(len, len);
    let mut moments = Moments::new(&mut mean, &mut m2).unwrap();
    let (mut of_classes, mut expected) = slices(len, samples);
    let mut uncertainty = Uncertainty::new(classes, &mut of_classes, &mut expected).unwrap();
    let pass = vec![CANARY; bad.pass.get(len)];
    let fits = pass.len() == len;
    assert_eq!(moments.add(&pass), check_length("y", len, pass.len()));
    assert_eq!(uncertainty.add(&pass), check_length("probabilities", len, pass.len()));
    assert_eq!((moments.passes(), uncertainty.passes()), (fits.into(), fits.into()));
    if !fits {
        let [mut mean, mut m2, mut of_classes] = [(); 3].map(|()| pass.clone());
        let other = Moments::resume(1, &mut mean, &mut m2).unwrap();
        assert_eq!(moments.merge(&other), check_length("other", len, pass.len()));
        let mut entropies = vec![CANARY; pass.len()];
        let other = Uncertainty::resume(1, 1, &mut of_classes, &mut entropies).unwrap();
        assert_eq!(uncertainty.merge(&other), check_length("other", len, pass.len()));
    }
    let mean = if fits { CANARY } else { 0.0 };
    assert_same(moments.mean(), &vec![mean; len]);
    assert_same(uncertainty.mean(), &vec![mean; len]);
}

const CANARY: f32 = 77.0;

/// Half the distance from 1 to the next f32: the relative error of one rounding.
const U: f64 = 1.0 / (1 << 24) as f64;

/// The smallest positive f32, 2^-149.
const SMALLEST: f64 = f32::from_bits(1) as f64;

/// Some neighbouring elements of all passes.
fn part(passes: &[Vec<f32>], first: usize, len: usize) -> Passes {
    passes.iter().map(|pass| pass[first..][..len].to_vec()).collect()
}

/// One element in all passes.
fn element(passes: &[Vec<f32>], i: usize) -> Vec<f64> {
    passes.iter().map(|pass| pass[i].into()).collect()
}

/// The mean first, then the sum of the squares of the differences from it.
fn two_passes(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>())
}

fn entropy(probabilities: &[f64]) -> f64 {
    -probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, x| x.abs().max(max))
}

/// The error of a running mean, as the module states it; and half the smallest number a pass.
fn mean_bound(values: &[f64]) -> f64 {
    let passes = values.len() as f64;
    (passes / 2.0 + 5.0) * U * largest(values) + passes * SMALLEST / 2.0
}

#[track_caller]
fn assert_near(actual: f32, expected: f64, bound: f64, what: &str) {
    let error = (f64::from(actual) - expected).abs();
    assert!(error <= bound, "{what} is {actual} instead of {expected}: an error of {error:e}, above {bound:e}");
}
