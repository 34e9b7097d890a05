//! Summaries of Monte-Carlo passes by hand: published values, and what is at the ends of a number's range. (Against two plain passes they are
//! in `tests/oracle`.)
#![expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small counts; values rounded on purpose")]
#![expect(clippy::float_cmp, reason = "what is exact is compared exactly")]

use std::f32::consts::LN_2;

use dropout_kernels::monte_carlo::entropy;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::summaries::{self, Of, Part, Passes, Sums, assert_near};
use testkit::value::{Value, assert_same};

const U: f64 = f32::U;

fn moments<N: Sums>(passes: &[Vec<N>]) -> Part<N> {
    Part::<N>::of(Of::Moments, [passes.first().map_or(0, Vec::len); 2], passes)
}

fn uncertainty<N: Sums>(samples: usize, classes: usize, passes: &[Vec<N>]) -> Part<N> {
    Part::<N>::of(Of::Uncertainty(classes), [samples * classes, samples], passes)
}

fn merged<N: Sums>(mut part: Part<N>, mut other: Part<N>) -> Part<N> {
    part.merge(Of::Moments, &mut other);
    part
}

/// Each element spread about an offset of its own that can be ten thousand times as large.
fn outputs<E: Value>(passes: usize, len: usize, seed: u64) -> Passes<E> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let elements: Vec<_> = (0..len).map(|_| (10_f64.powf(4.0 * uniform()), 10_f64.powf(6.0 * uniform() - 3.0))).collect();
    let pass = |_| elements.iter().map(|(offset, scale)| E::nearest(scale * (offset + 2.0 * uniform() - 1.0))).collect();
    (0..passes).map(pass).collect()
}

/// Each operation in its order (Welford, Technometrics 4, 1962): the bits do not change.
#[test]
fn the_recurrence_is_welfords() {
    for seed in 0..50 {
        let passes = outputs::<f32>(1 + 4 * seed as usize, 20, seed);
        let summary = moments(&passes);
        for i in 0..20 {
            let (mut mean, mut m2, mut count) = (0.0_f32, 0.0_f32, 0.0_f32);
            for pass in &passes {
                count += 1.0;
                let before = pass[i] - mean;
                mean += before / count;
                m2 += before * (pass[i] - mean);
            }
            assert_same(&[summary.1[i], summary.2[i]], &[mean, m2]);
        }
    }
}

/// The same bits as of what they are converted to.
#[test]
fn outputs_are_widened() {
    fn of<E: Value + Into<N>, N: Sums>() {
        let passes: Passes<E> = outputs(50, 12, 1);
        let widened: Passes<N> = passes.iter().map(|y| y.iter().map(|&y| y.into()).collect()).collect();
        for (of, sizes) in [(Of::Moments, [12, 12]), (Of::Uncertainty(4), [12, 3])] {
            let (actual, expected) = (Part::<N>::of(of, sizes, &passes), Part::<N>::of(of, sizes, &widened));
            assert_same(&actual.1, &expected.1);
            assert_same(&actual.2, &expected.2);
        }
    }
    of::<f32, f64>();
    #[cfg(feature = "half")]
    {
        of::<half::f16, f32>();
        of::<half::f16, f64>();
        of::<half::bf16, f32>();
        of::<half::bf16, f64>();
    }
}

/// NIST's `NumAcc1`: three numbers of eight digits whose standard deviation is 1. The mean of their squares has fifteen.
#[test]
fn numacc1_does_not_cancel() {
    let mut summary = moments(&[vec![10_000_001.0_f32], vec![10_000_003.0], vec![10_000_002.0]]);
    assert_eq!(summary.1, [10_000_002.0]);
    assert_eq!(summary.variances(), [[2.0 / 3.0], [1.0]]);

    // In parts of one and two, and of two.
    let two = merged(Part(1, vec![10_000_001.0_f32], vec![0.0]), Part(1, vec![10_000_003.0], vec![0.0]));
    let three = merged(Part(1, vec![10_000_002.0_f32], vec![0.0]), Part(2, vec![10_000_002.0], vec![2.0]));
    for part in [two, three] {
        assert_eq!((part.1, part.2), (vec![10_000_002.0], vec![2.0]));
    }
}

#[test]
fn moments_of_no_pass_and_of_one() {
    let mut none = Part::<f32>::of(Of::Moments, [2; 2], &[] as &[Vec<f32>]);
    assert_eq!(none.1, [0.0, 0.0]);
    assert!(none.variances().concat().iter().all(|variance| variance.is_nan()));
    let mut one = moments(&[vec![0.1_f32, -7.0e30]]);
    assert_eq!(one.1, [0.1, -7.0e30]);
    let [population, sample] = one.variances();
    assert_eq!(population, [0.0, 0.0]);
    assert!(sample.iter().all(|variance| variance.is_nan()));
}

/// On either side, whatever the other holds.
#[test]
fn an_empty_part_changes_no_bit() {
    const VALUES: [f32; 6] = [-0.0, 0.1, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    for of in [Of::Moments, Of::Uncertainty(1)] {
        for passes in [0, 1, 3] {
            // No sum of squares is negative, nor -0.0.
            let squares = VALUES.map(f32::abs);
            let expected = if passes == 0 { [[0.0; 6]; 2] } else { [VALUES, squares] };
            let (part, empty) = (Part(passes, VALUES.into(), squares.into()), Part::empty([6, 6]));
            for (mut part, mut other) in [(part.clone(), empty.clone()), (empty, part)] {
                part.merge(of, &mut other);
                assert_eq!(part.0, passes);
                assert_same(&part.1, &expected[0]);
                assert_same(&part.2, &expected[1]);
            }
        }
    }
}

/// Weights are exact beyond the counts that f32 has, and beyond the passes that can be counted.
#[test]
fn merged_passes_beyond_any_number() {
    let merged = |count: u32, other_count: u32| {
        let Part(passes, mean, m2) = merged(Part(count, vec![0.0_f32], vec![0.0]), Part(other_count, vec![1.0], vec![0.0]));
        (passes, mean[0], m2[0])
    };
    assert_eq!(merged(1 << 24, 1 << 24), (1 << 25, 0.5, (1 << 23) as f32));
    assert_eq!(merged((1 << 24) - 1, (1 << 24) + 1).0, 1 << 25);
    assert_eq!(merged(1, u32::MAX - 1), (u32::MAX, 1.0, 1.0));
    assert_eq!(merged(u32::MAX, u32::MAX), (u32::MAX, 0.5, (1_u32 << 31) as f32));
    assert_eq!(merged(u32::MAX, 1), (u32::MAX, (1.0 / 4_294_967_296.0) as f32, 1.0));

    let mut part = Part(u32::MAX, vec![0.0_f32], vec![0.0]);
    part.add(Of::Moments, &[vec![1.0_f32]]);
    assert_eq!(part.0, u32::MAX);
}

#[test]
fn entropies_by_hand() {
    // Shannon, "A mathematical theory of communication", section 9: 7/4 bits.
    assert_near(entropy(&[0.5_f32, 0.25, 0.125, 0.125]), 1.75 * 2_f64.ln(), 4.0 * U, "Shannon's example");
    assert_near(entropy(&[0.5_f64, 0.25, 0.125, 0.125]), 1.75 * 2_f64.ln(), 4.0 * f64::U, "Shannon's example");
    for classes in 1..=100 {
        let (k, ln_k) = (classes as f64, (classes as f64).ln());
        assert_near(entropy(&vec![1.0 / classes as f32; classes]), ln_k, (k + 5.0) * U * ln_k + U, "ln K");
        for class in [0, classes / 2, classes - 1] {
            let mut one_hot = vec![0.0_f32; classes];
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
        let mut actual = uncertainty::<f32>(1, 3, &[first.into(), second.into()]);
        let [of_mean, information] = actual.entropies(3);
        assert_near(of_mean[0], predictive, 4.0 * U, "predictive entropy");
        assert_near(actual.2[0], expected, 4.0 * U, "expected entropy");
        assert_near(information[0], predictive - expected, 8.0 * U, "mutual information");
    }
}

/// However many they are, whatever they agree on, and however they were split.
#[test]
fn passes_that_agree_have_no_mutual_information() {
    for seed in 0..100 {
        let logits = outputs::<f64>(1, 12, seed).remove(0);
        let sample = |logits: &[f64]| {
            let largest = logits.iter().copied().fold(f64::MIN, f64::max);
            let exponentials: Vec<f64> = logits.iter().map(|x| (x - largest).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            exponentials.into_iter().map(move |x| (x / sum) as f32)
        };
        let pass: Vec<f32> = logits.chunks(4).flat_map(sample).collect();
        let passes = vec![pass.clone(); 1 + 2 * seed as usize];
        let parts = Part::<f32>::of_parts(Of::Uncertainty(4), [12, 3], &passes, seed);
        for mut part in [uncertainty(3, 4, &passes), parts] {
            assert_same(&part.1, &pass);
            assert_eq!(part.entropies(4)[1], [0.0; 3]);
        }
    }
}

#[test]
fn uncertainty_of_what_is_not_there() {
    let mut no_pass = uncertainty::<f32>(2, 3, &[]);
    assert_eq!(
        (no_pass.1.clone(), no_pass.2.clone(), no_pass.entropies(3)),
        (vec![0.0; 6], vec![0.0; 2], [[0.0; 2]; 2].map(Vec::from))
    );
    let mut no_class = uncertainty::<f32>(2, 0, &[vec![], vec![]]);
    assert_eq!((no_class.2.clone(), no_class.entropies(0)), (vec![0.0; 2], [[0.0; 2]; 2].map(Vec::from)));
    let mut no_sample = uncertainty::<f32>(0, 3, &[vec![], vec![]]);
    assert!(no_sample.2.is_empty() && no_sample.entropies(3).iter().all(Vec::is_empty));
}

#[test]
fn what_is_no_probability_stays_in_its_sample() {
    for bad in [f32::NAN, -0.5] {
        let mut actual = uncertainty::<f32>(3, 2, &[vec![0.5, 0.5, bad, 0.5, 0.5, 0.5], vec![0.5; 6]]);
        let [predictive, information] = actual.entropies(2);
        // The mean of -0.5 and 0.5 is 0 again.
        assert_eq!([predictive[1], actual.2[1], information[1]].map(f32::is_nan), [bad.is_nan(), true, true]);
        for sample in [0, 2] {
            assert_eq!([predictive[sample], actual.2[sample], information[sample]], [LN_2, LN_2, 0.0]);
        }
    }
}

/// What is no probability either, but no reason for NaN.
#[test]
fn entropies_of_large_numbers_are_no_nan() {
    for large in [f32::MAX, f32::INFINITY] {
        let mut actual = uncertainty::<f32>(1, 2, &[vec![large, 0.5], vec![large, 0.5]]);
        assert_eq!((actual.1.clone(), actual.2.clone()), (vec![large, 0.5], vec![f32::NEG_INFINITY]));
        assert_eq!(actual.entropies(2), [[f32::NEG_INFINITY], [0.0]]);
    }
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
            let exact = summaries::entropy(&probabilities.iter().map(|&p| p.into()).collect::<Vec<_>>());
            if exact > 0.0 {
                let unit = 2_f64.powi(exact.log2().floor() as i32 - 23);
                largest = largest.max((f64::from(entropy(&probabilities)) - exact).abs() / unit);
            }
        }
        assert!(largest <= documented, "{largest} ulp");
    }
}
