//! Monte-Carlo dropout: the summaries of random passes against two plain passes over all of them in f64, published and hand-computed
//! values, and bad input.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small counts; values rounded to f32 on purpose"
)]
#![expect(clippy::float_cmp, reason = "what is exact is compared exactly")]

use std::f32::consts::LN_2;

use dropout_kernels::monte_carlo::{Moments, Uncertainty, entropy};
use dropout_kernels::{Address, Dropout, Error, Mode, Rate};
use quickcheck::{Arbitrary, Gen};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::value;

/// Half the distance from 1 to the next f32: the relative error of one rounding.
const U: f64 = 1.0 / (1 << 24) as f64;

/// What the passes put out, one a row.
type Passes = Vec<Vec<f32>>;

/// What `Moments` makes of some passes.
struct Summary {
    mean: Vec<f32>,
    population_variance: Vec<f32>,
    sample_variance: Vec<f32>,
}

fn moments(len: usize, passes: &[Vec<f32>]) -> Summary {
    // Whatever the slices hold at first must not matter.
    let (mut mean, mut m2) = (vec![f32::NAN; len], vec![f32::NAN; len]);
    let mut moments = Moments::new(&mut mean, &mut m2).unwrap();
    for y in passes {
        moments.add(y).unwrap();
    }
    assert_eq!(moments.passes() as usize, passes.len());
    Summary {
        mean: moments.mean().into(),
        population_variance: moments.population_variance().collect(),
        sample_variance: moments.sample_variance().collect(),
    }
}

/// What `Uncertainty` makes of some passes, a value a sample but for the mean.
#[derive(Debug)]
struct Entropies {
    mean: Vec<f32>,
    predictive: Vec<f32>,
    expected: Vec<f32>,
    mutual_information: Vec<f32>,
}

fn uncertainty(samples: usize, classes: usize, passes: &[Vec<f32>]) -> Entropies {
    let (mut mean, mut expected) = (vec![f32::NAN; samples * classes], vec![f32::NAN; samples]);
    let mut uncertainty = Uncertainty::new(classes, &mut mean, &mut expected).unwrap();
    for probabilities in passes {
        uncertainty.add(probabilities).unwrap();
    }
    assert_eq!(uncertainty.passes() as usize, passes.len());
    Entropies {
        mean: uncertainty.mean().into(),
        predictive: uncertainty.predictive_entropy().collect(),
        expected: uncertainty.expected_entropy().into(),
        mutual_information: uncertainty.mutual_information().collect(),
    }
}

/// The oracle: the mean first, then the squares of the differences from it.
fn two_pass(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>())
}

fn entropy_f64(probabilities: &[f64]) -> f64 {
    -probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// One element in all passes.
fn element(passes: &[Vec<f32>], i: usize) -> Vec<f64> {
    passes.iter().map(|pass| pass[i].into()).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, x| x.abs().max(max))
}

/// The bound on the error of a running mean, as the module states it; and half the smallest subnormal number a pass.
fn mean_bound(passes: usize, largest: f64) -> f64 {
    (passes as f64 / 2.0 + 5.0) * U * largest + passes as f64 * f64::from(f32::from_bits(1)) / 2.0
}

#[track_caller]
fn assert_near(actual: f32, expected: f64, bound: f64, what: &str) {
    let error = (f64::from(actual) - expected).abs();
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
    fn outputs(&self) -> Passes {
        let mut uniform = uniform(self.seed);
        let elements: Vec<_> =
            (0..self.len).map(|_| (10_f64.powf(4.0 * uniform()), 10_f64.powf(6.0 * uniform() - 3.0))).collect();
        let pass = |_| elements.iter().map(|(offset, scale)| (scale * (offset + 2.0 * uniform() - 1.0)) as f32).collect();
        (0..self.passes).map(pass).collect()
    }

    /// Probabilities of `len` classes for three samples, by softmax from random logits: so small that the passes agree but for
    /// rounding; of ordinary size; so large that most probabilities are 0.
    fn probabilities(&self) -> Passes {
        let mut uniform = uniform(self.seed);
        let mut sample = |sharpness: f64| {
            let exponentials: Vec<f64> = (0..self.len).map(|_| (sharpness * uniform()).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            exponentials.into_iter().map(move |x| (x / sum) as f32)
        };
        (0..self.passes).map(|_| [0.001, 10.0, 300.0].into_iter().flat_map(&mut sample).collect()).collect()
    }
}

/// From 0 to 1.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = Pcg64::seed_from_u64(seed);
    move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The bound on the variance follows from that on the mean, E. With d the difference from the mean before and after a pass, its
/// addend d * d' errs by E (|d| + |d'|) + E^2 and three roundings, and by Cauchy and Schwarz the sum of |d| is at most the root of
/// T times the sum of d^2, which is at most twice m2.
#[test]
fn moments_are_those_of_two_passes() {
    fn law(case: Case) {
        let passes = case.outputs();
        let summary = moments(case.len, &passes);
        let t = passes.len() as f64;
        for i in 0..case.len {
            let values = element(&passes, i);
            let (mean, m2) = two_pass(&values);
            let of_mean = mean_bound(passes.len(), largest(&values));
            assert_near(summary.mean[i], mean, of_mean, "mean");
            let of_m2 = of_mean * (8.0 * t * m2).sqrt() + t * of_mean.powi(2) + (t + 5.0) * U * m2;
            assert_near(summary.population_variance[i], m2 / t, of_m2 / t, "population variance");
            if passes.len() > 1 {
                assert_near(summary.sample_variance[i], m2 / (t - 1.0), of_m2 / (t - 1.0), "sample variance");
            }
        }
    }
    testkit::check(law as fn(Case));
}

/// Finite values of any magnitude whose differences are finite.
#[test]
fn no_variance_is_negative() {
    fn law(case: Case) {
        let finite = |x: f32| if x.is_finite() { x / 2.0 } else { 0.0 };
        let output = |pass| value::random(case.seed.wrapping_add(pass), case.len).into_iter().map(finite).collect();
        let passes: Passes = (0..case.passes as u64).map(output).collect();
        assert!(moments(case.len, &passes).population_variance.iter().all(|&variance| variance >= 0.0));
    }
    testkit::check(law as fn(Case));
}

/// NIST's `NumAcc1`: three numbers of eight digits whose standard deviation is 1. The mean of their squares has fifteen.
#[test]
fn numacc1_does_not_cancel() {
    let summary = moments(1, &[vec![10_000_001.0], vec![10_000_003.0], vec![10_000_002.0]]);
    assert_eq!(summary.mean, [10_000_002.0]);
    assert_eq!(summary.sample_variance, [1.0]);
    assert_eq!(summary.population_variance, [2.0 / 3.0]);
}

#[test]
fn moments_of_no_pass_and_of_one() {
    let none = moments(2, &[]);
    assert_eq!(none.mean, [0.0, 0.0]);
    assert!(none.population_variance.iter().chain(&none.sample_variance).all(|variance| variance.is_nan()));
    let one = moments(2, &[vec![0.1, -7.0e30]]);
    assert_eq!(one.mean, [0.1, -7.0e30]);
    assert_eq!(one.population_variance, [0.0, 0.0]);
    assert!(one.sample_variance.iter().all(|variance| variance.is_nan()));
}

#[test]
fn what_is_not_finite_stays_in_its_element() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let summary = moments(3, &[vec![1.0, 1.0, 1.0], vec![3.0, bad, 3.0], vec![5.0, 5.0, 5.0]]);
        for (i, finite) in [true, false, true].into_iter().enumerate() {
            assert_eq!(summary.mean[i].is_finite(), finite);
            assert_eq!(summary.population_variance[i].is_finite(), finite);
        }
        assert_eq!((summary.mean[2], summary.sample_variance[2]), (3.0, 4.0));
    }
}

/// Inverted dropout keeps the mean x and has the variance x^2 p / (1 - p). Bounds are five standard deviations of the two estimates,
/// at fixed addresses; the kurtosis of a decision is 1 / (p (1 - p)) - 3.
#[test]
fn dropout_has_its_moments() {
    const PASSES: u32 = 10_000;
    const P: f64 = 0.3;
    let x: Vec<f32> = (1..=64).map(|i| i as f32).collect();
    let dropout = Dropout::new(Rate::new(P).unwrap());
    let pass = |step| {
        let mut y = vec![0.0; x.len()];
        dropout.apply(Mode::Train(Address { seed: 1, layer: 2, step, offset: 3 }), &x, &mut y).unwrap();
        y
    };
    let summary = moments(x.len(), &(0..PASSES).map(pass).collect::<Passes>());
    let sigmas = 5.0 / f64::from(PASSES).sqrt();
    for (i, x) in x.into_iter().map(f64::from).enumerate() {
        let variance = x * x * P / (1.0 - P);
        let kurtosis = 1.0 / (P * (1.0 - P)) - 3.0;
        assert_near(summary.mean[i], x, sigmas * variance.sqrt(), "mean");
        assert_near(summary.sample_variance[i], variance, sigmas * variance * (kurtosis - 1.0).sqrt(), "sample variance");
    }
}

/// An error e of a mean probability p moves its entropy by e (|ln p| + 1), all but a thousandth. Evaluating an entropy H of K classes
/// rounds a logarithm and a product for each, and the sum K times.
#[test]
fn entropies_are_those_of_two_passes() {
    fn law(case: Case) {
        let passes = case.probabilities();
        let actual = uncertainty(3, case.len, &passes);
        let evaluation = |entropy: f64| (case.len as f64 + 4.0) * U * entropy;
        for sample in 0..3 {
            let (mut means, mut of_predictive) = (Vec::new(), 0.0);
            for i in sample * case.len..(sample + 1) * case.len {
                let values = element(&passes, i);
                let mean = two_pass(&values).0;
                let of_mean = mean_bound(passes.len(), largest(&values));
                assert_near(actual.mean[i], mean, of_mean, "mean probability");
                of_predictive += if mean > 0.0 { 1.001 * of_mean * (mean.ln().abs() + 1.0) } else { 0.0 };
                means.push(mean);
            }
            let predictive = entropy_f64(&means);
            of_predictive += evaluation(predictive);
            let row = |pass: &Vec<f32>| -> f64 {
                entropy_f64(&pass[sample * case.len..][..case.len].iter().map(|&p| p.into()).collect::<Vec<_>>())
            };
            let entropies: Vec<f64> = passes.iter().map(row).collect();
            let expected = two_pass(&entropies).0;
            let of_expected = mean_bound(passes.len(), largest(&entropies)) + evaluation(largest(&entropies));
            assert_near(actual.predictive[sample], predictive, of_predictive, "predictive entropy");
            assert_near(actual.expected[sample], expected, of_expected, "expected entropy");
            let information = actual.mutual_information[sample];
            assert_near(information, predictive - expected, of_predictive + of_expected, "mutual information");
            assert!(information >= 0.0);
        }
    }
    testkit::check(law as fn(Case));
}

#[test]
fn entropies_by_hand() {
    // Shannon, "A mathematical theory of communication", section 9: 7/4 bits.
    assert_near(entropy(&[0.5, 0.25, 0.125, 0.125]), 1.75 * 2_f64.ln(), 4.0 * U, "Shannon's example");
    for classes in 1..=100 {
        let (k, ln_k) = (classes as f64, (classes as f64).ln());
        assert_near(entropy(&vec![1.0 / classes as f32; classes]), ln_k, (k + 5.0) * U * ln_k + U, "ln K");
        for class in [0, classes / 2, classes - 1] {
            let mut one_hot = vec![0.0; classes];
            one_hot[class] = 1.0;
            assert_eq!(entropy(&one_hot).to_bits(), 0, "of {classes} classes, class {class} is certain");
        }
    }
}

#[test]
fn mutual_information_by_hand() {
    const THIRDS: [f32; 3] = [1.0 / 3.0; 3];
    let [ln_2, ln_3] = [2_f64, 3.0].map(f64::ln);
    for (first, second, predictive, expected) in [
        ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], ln_2, 0.0), // certain, of different classes
        ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0], 0.0, 0.0),  // certain, of the same
        ([0.5, 0.5, 0.0], [0.5, 0.5, 0.0], ln_2, ln_2),
        (THIRDS, THIRDS, ln_3, ln_3),
        ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0], 2.0 * ln_2 - 0.75 * ln_3, 0.5 * ln_2), // 3/4 and 1/4 in the mean
    ] {
        let actual = uncertainty(1, 3, &[first.into(), second.into()]);
        assert_near(actual.predictive[0], predictive, 4.0 * U, "predictive entropy");
        assert_near(actual.expected[0], expected, 4.0 * U, "expected entropy");
        assert_near(actual.mutual_information[0], predictive - expected, 8.0 * U, "mutual information");
    }
}

/// However many they are, and whatever they agree on.
#[test]
fn passes_that_agree_have_no_mutual_information() {
    fn law(case: Case) {
        let pass = case.probabilities().swap_remove(0);
        let actual = uncertainty(3, case.len, &vec![pass.clone(); case.passes]);
        assert_eq!(actual.mean, pass);
        assert_eq!(actual.mutual_information, [0.0; 3]);
    }
    testkit::check(law as fn(Case));
}

#[test]
fn uncertainty_of_what_is_not_there() {
    let no_pass = uncertainty(2, 3, &[]);
    assert_eq!(no_pass.mean, [0.0; 6]);
    assert_eq!([no_pass.predictive, no_pass.expected, no_pass.mutual_information], [[0.0; 2]; 3]);
    let no_class = uncertainty(2, 0, &[vec![], vec![]]);
    assert_eq!([no_class.predictive, no_class.expected, no_class.mutual_information], [[0.0; 2]; 3]);
    let no_sample = uncertainty(0, 3, &[vec![], vec![]]);
    assert!([no_sample.predictive, no_sample.expected, no_sample.mutual_information].iter().all(Vec::is_empty));
}

#[test]
fn what_is_no_probability_stays_in_its_sample() {
    for bad in [f32::NAN, -0.5] {
        let actual = uncertainty(3, 2, &[vec![0.5, 0.5, bad, 0.5, 0.5, 0.5], vec![0.5; 6]]);
        assert!(actual.expected[1].is_nan());
        // The mean of -0.5 and 0.5 is 0 again.
        assert_eq!(actual.predictive[1].is_nan(), bad.is_nan());
        assert!(actual.mutual_information[1].is_nan());
        for sample in [0, 2] {
            assert_eq!((actual.predictive[sample], actual.expected[sample]), (LN_2, LN_2));
            assert_eq!(actual.mutual_information[sample], 0.0);
        }
    }
}

const CANARY: f32 = 77.0;

fn assert_length(error: Error, name: &str, expected: usize, actual: usize) {
    assert!(
        matches!(error, Error::Length { name: n, expected: e, actual: a } if (n, e, a) == (name, expected, actual)),
        "{error:?}"
    );
}

/// A wrong length is an error that says which, and nothing is written.
#[test]
fn slices_for_a_summary_that_do_not_fit() {
    for (mean, m2) in [(3, 2), (3, 4), (3, 0), (0, 1)] {
        let (mut a, mut b) = (vec![CANARY; mean], vec![CANARY; m2]);
        assert_length(Moments::new(&mut a, &mut b).unwrap_err(), "m2", mean, m2);
        assert!(a.iter().chain(&b).all(|&x| x == CANARY));
    }
    for (classes, samples, mean) in [(3, 2, 5), (3, 2, 7), (3, 2, 0), (0, 2, 1), (3, 0, 1)] {
        let (mut a, mut b) = (vec![CANARY; mean], vec![CANARY; samples]);
        assert_length(Uncertainty::new(classes, &mut a, &mut b).unwrap_err(), "mean", classes * samples, mean);
        assert!(a.iter().chain(&b).all(|&x| x == CANARY));
    }
    // 2^(bits - 1) classes of two samples: the product is 0 to those who do not look.
    let (mut a, mut b) = ([], [CANARY; 2]);
    assert_eq!(Uncertainty::new(usize::MAX / 2 + 1, &mut a, &mut b).unwrap_err(), Error::ShapeOverflow);
    assert_eq!(b, [CANARY; 2]);
}

/// A pass of the wrong length counts for nothing.
#[test]
fn passes_that_do_not_fit() {
    let [mut mean, mut m2, mut of_classes] = [[0.0; 4]; 3];
    let mut expected_entropy = [0.0; 2];
    let mut moments = Moments::new(&mut mean, &mut m2).unwrap();
    let mut uncertainty = Uncertainty::new(2, &mut of_classes, &mut expected_entropy).unwrap();
    for y in [[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.5]] {
        moments.add(&y).unwrap();
        uncertainty.add(&y).unwrap();
        for len in [0, 3, 5, 8] {
            assert_length(moments.add(&[CANARY; 8][..len]).unwrap_err(), "y", 4, len);
            assert_length(uncertainty.add(&[CANARY; 8][..len]).unwrap_err(), "probabilities", 4, len);
        }
    }
    assert_eq!((moments.passes(), uncertainty.passes()), (2, 2));
    assert!(moments.population_variance().eq([0.25, 0.25, 0.0, 0.0]));
    assert_eq!((moments.mean(), uncertainty.mean()), (&[0.5; 4][..], &[0.5; 4][..]));
    assert_eq!(uncertainty.expected_entropy(), [0.0, LN_2]);
}

/// As documented, by a search: distributions over a few to many classes, from almost even to almost certain.
#[test]
fn entropies_are_precise() {
    let mut rng = Pcg64::seed_from_u64(1);
    for (classes, documented) in [(2, 1.9), (10, 3.3), (1000, 115.0)] {
        let mut largest = 0.0_f64;
        for i in 0..400_000 / classes {
            let spread = f64::from(i % 40) / f64::from(u32::MAX);
            let logits: Vec<f64> = (0..classes).map(|_| spread * f64::from(rng.next_u32())).collect();
            let sum: f64 = logits.iter().map(|x| x.exp()).sum();
            let probabilities: Vec<f32> = logits.iter().map(|x| (x.exp() / sum) as f32).collect();
            let exact = entropy_f64(&probabilities.iter().map(|&p| p.into()).collect::<Vec<_>>());
            if exact > 0.0 {
                let unit = 2_f64.powi(exact.log2().floor() as i32 - 23);
                largest = largest.max((f64::from(entropy(&probabilities)) - exact).abs() / unit);
            }
        }
        assert!(largest <= documented, "{largest} ulp");
    }
}
