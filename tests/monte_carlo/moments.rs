//! Means and variances.

use dropout_kernels::{Address, Dropout, Mode, Rate};
use testkit::value::{assert_same, random};

use crate::{Case, Passes, Summary, Sums, assert_near, element, largest, m2_bound, mean_bound, moments, two_pass};

/// Within the bounds of one run.
pub fn check<N: Sums>(summary: &Summary<N>, passes: &[Vec<N>]) {
    let t = passes.len() as f64;
    for i in 0..summary.mean.len() {
        let values = element(passes, i);
        let (mean, m2) = two_pass(&values);
        let of_mean = mean_bound::<N>(passes.len(), largest(&values));
        assert_near(summary.mean[i], mean, of_mean, "mean");
        let of_m2 = m2_bound::<N>(passes.len(), of_mean, m2);
        assert_near(summary.population_variance[i], m2 / t, of_m2 / t, "population variance");
        if passes.len() > 1 {
            assert_near(summary.sample_variance[i], m2 / (t - 1.0), of_m2 / (t - 1.0), "sample variance");
        }
    }
}

#[test]
fn moments_are_those_of_two_passes() {
    fn law(case: Case) {
        check::<f32>(&moments(case.len, &case.outputs::<f32>()), &case.outputs());
        check::<f64>(&moments(case.len, &case.outputs::<f64>()), &case.outputs());
    }
    testkit::check(law as fn(Case));
}

/// The same bits as of what they are converted to.
#[test]
fn outputs_are_widened() {
    fn of<E: testkit::value::Value + Into<N>, N: Sums>(case: Case) {
        let passes: Passes<E> = case.outputs();
        let widened: Passes<N> = passes.iter().map(|y| y.iter().map(|&y| y.into()).collect()).collect();
        let (actual, expected): (Summary<N>, Summary<N>) = (moments(case.len, &passes), moments::<N, N>(case.len, &widened));
        assert_same(&actual.mean, &expected.mean);
        assert_same(&actual.population_variance, &expected.population_variance);
        assert_same(&actual.sample_variance, &expected.sample_variance);
    }
    fn law(case: Case) {
        of::<f32, f64>(case);
        #[cfg(feature = "half")]
        {
            of::<half::f16, f32>(case);
            of::<half::f16, f64>(case);
            of::<half::bf16, f32>(case);
            of::<half::bf16, f64>(case);
        }
    }
    testkit::check(law as fn(Case));
}

/// Each operation in its order: the bits do not change.
#[test]
fn the_recurrence_is_welfords() {
    fn law(case: Case) {
        let passes = case.outputs::<f32>();
        let summary: Summary<f32> = moments(case.len, &passes);
        for i in 0..case.len {
            let (mut mean, mut m2, mut count) = (0.0_f32, 0.0_f32, 0.0_f32);
            for pass in &passes {
                count += 1.0;
                let before = pass[i] - mean;
                mean += before / count;
                m2 += before * (pass[i] - mean);
            }
            assert_same(&summary.mean[i..=i], &[mean]);
            assert_same(&summary.population_variance[i..=i], &[m2 / count]);
        }
    }
    testkit::check(law as fn(Case));
}

/// Finite values of any magnitude whose differences are finite.
#[test]
fn no_variance_is_negative() {
    fn law(case: Case) {
        let finite = |x: f32| if x.is_finite() { x / 2.0 } else { 0.0 };
        let output = |pass| random::<f32>(case.seed.wrapping_add(pass), case.len).into_iter().map(finite).collect();
        let passes: Passes<f32> = (0..case.passes as u64).map(output).collect();
        assert!(moments::<f32, _>(case.len, &passes).population_variance.iter().all(|&variance| variance >= 0.0));
    }
    testkit::check(law as fn(Case));
}

/// NIST's `NumAcc1`: three numbers of eight digits whose standard deviation is 1. The mean of their squares has fifteen.
#[test]
fn numacc1_does_not_cancel() {
    let summary = moments::<f32, f32>(1, &[vec![10_000_001.0], vec![10_000_003.0], vec![10_000_002.0]]);
    assert_eq!(summary.mean, [10_000_002.0]);
    assert_eq!(summary.sample_variance, [1.0]);
    assert_eq!(summary.population_variance, [2.0 / 3.0]);
}

#[test]
fn moments_of_no_pass_and_of_one() {
    let none = moments::<f32, f32>(2, &[]);
    assert_eq!(none.mean, [0.0, 0.0]);
    assert!(none.population_variance.iter().chain(&none.sample_variance).all(|variance| variance.is_nan()));
    let one = moments::<f32, f32>(2, &[vec![0.1, -7.0e30]]);
    assert_eq!(one.mean, [0.1, -7.0e30]);
    assert_eq!(one.population_variance, [0.0, 0.0]);
    assert!(one.sample_variance.iter().all(|variance| variance.is_nan()));
}

#[test]
fn what_is_not_finite_stays_in_its_element() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let summary = moments::<f32, f32>(3, &[vec![1.0, 1.0, 1.0], vec![3.0, bad, 3.0], vec![5.0, 5.0, 5.0]]);
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
    let summary = moments::<f32, f32>(x.len(), &(0..PASSES).map(pass).collect::<Passes<_>>());
    let sigmas = 5.0 / f64::from(PASSES).sqrt();
    for (i, x) in x.into_iter().map(f64::from).enumerate() {
        let variance = x * x * P / (1.0 - P);
        let kurtosis = 1.0 / (P * (1.0 - P)) - 3.0;
        assert_near(summary.mean[i], x, sigmas * variance.sqrt(), "mean");
        assert_near(summary.sample_variance[i], variance, sigmas * variance * (kurtosis - 1.0).sqrt(), "sample variance");
    }
}

/// The variances of two passes at a distance from 0 of each side, and of many: sums of squares that no number holds.
#[test]
fn variances_are_right_as_far_as_they_can_be_held() {
    fn near<N: Sums>(magnitude: f64, copies: usize, variance: f64) {
        let passes: Passes<N> =
            [magnitude, -magnitude].repeat(copies).into_iter().map(|y| vec![N::nearest(y), N::nearest(1.0)]).collect();
        let actual = moments::<N, N>(2, &passes);
        let t = passes.len() as f64;
        assert_near(actual.mean[0], 0.0, (t + 5.0) * N::U * magnitude, "mean");
        assert_near(actual.population_variance[0], variance, (4.0 * t + 5.0) * N::U * variance, "population variance");
        let sample_variance = variance / (1.0 - 1.0 / t);
        if N::nearest(sample_variance).into().is_finite() {
            assert_near(actual.sample_variance[0], sample_variance, (4.0 * t + 5.0) * N::U * sample_variance, "sample variance");
        } else {
            assert_eq!(actual.sample_variance[0].into(), f64::INFINITY);
        }
        assert_eq!((actual.mean[1].into(), actual.population_variance[1].into()), (1.0, 0.0), "next to it");
    }
    for copies in [1, 2, 50, 5000] {
        near::<f32>(1.5e19, copies, 1.5e19_f64.powi(2));
        near::<f32>(1e18, copies, 1e36);
        near::<f64>(9e153, copies, 8.1e307);
    }
}

/// From every pair and triple of the numbers that could go wrong.
#[test]
fn no_variance_is_negative_nor_nan_but_of_nan() {
    fn of<N: Sums>(largest: N) {
        let root = N::nearest(largest.into().sqrt());
        let negative = |x: N| N::nearest(-x.into());
        let zero = N::nearest(0.0);
        let infinity = N::nearest(f64::INFINITY);
        let values = &[zero, N::nearest(1.0), root, negative(root), largest, negative(largest), infinity, negative(infinity)];
        for passes in values.iter().flat_map(move |a| values.iter().flat_map(move |b| values.iter().map(move |c| [*a, *b, *c]))) {
            for count in 2..=3 {
                let passes: Passes<N> = passes[..count].iter().map(|y| vec![*y]).collect();
                let exact: Vec<f64> = element(&passes, 0);
                let actual = moments::<N, N>(1, &passes);
                for variance in [actual.population_variance[0], actual.sample_variance[0]].map(Into::<f64>::into) {
                    assert!(variance >= 0.0, "{variance} of {exact:?}");
                }
                let mean: f64 = actual.mean[0].into();
                match exact.iter().find(|y| y.is_infinite()) {
                    Some(first) => assert_eq!(mean, *first, "mean of {exact:?}"),
                    None => assert!(mean.abs() <= largest.into(), "{mean} of {exact:?}"),
                }
                let mut with_nan = passes;
                with_nan.push(vec![N::nearest(f64::NAN)]);
                let actual = moments::<N, N>(1, &with_nan);
                assert!(actual.mean[0].into().is_nan() && actual.population_variance[0].into().is_nan(), "of {exact:?} and NaN");
            }
        }
    }
    of::<f32>(f32::MAX);
    of::<f64>(f64::MAX);
}

#[test]
fn means_of_values_further_apart_than_any_number() {
    let summary = moments::<f32, f32>(1, &[vec![3e38], vec![-3e38]]);
    assert_eq!((summary.mean[0], summary.population_variance[0]), (0.0, f32::INFINITY));
    let summary = moments::<f64, f64>(1, &[vec![-1.5e308], vec![1.5e308], vec![1.5e308]]);
    assert_near(summary.mean[0], 0.5e308, 8.0 * f64::EPSILON * 1.5e308, "mean");
}
