//! Entropies.

use std::f32::consts::LN_2;

use dropout_kernels::monte_carlo::entropy;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::value::{Value, assert_same};

use crate::{Case, Entropies, Passes, Sums, assert_near, element, largest, mean_bound, sum, two_pass, uncertainty};

const U: f64 = f32::U;

fn entropy_f64(probabilities: &[f64]) -> f64 {
    -sum(probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()))
}

/// Within the bounds of one run, of three samples. An error e of a mean probability p moves its entropy by e (|ln p| + 1), all but
/// a thousandth. Evaluating an entropy H of K classes rounds a logarithm and a product for each, and the sum K times.
pub fn check<N: Sums>(actual: &Entropies<N>, classes: usize, passes: &[Vec<N>]) {
    let evaluation = |entropy: f64| (classes as f64 + 4.0) * (N::U + f64::U) * entropy;
    for sample in 0..3 {
        let (mut means, mut of_predictive) = (Vec::new(), 0.0);
        for i in sample * classes..(sample + 1) * classes {
            let values = element(passes, i);
            let mean = two_pass(&values).0;
            let of_mean = mean_bound::<N>(passes.len(), largest(&values));
            assert_near(actual.mean[i], mean, of_mean, "mean probability");
            of_predictive += if mean > 0.0 { 1.001 * of_mean * (mean.ln().abs() + 1.0) } else { 0.0 };
            means.push(mean);
        }
        let predictive = entropy_f64(&means);
        of_predictive += evaluation(predictive);
        let row = |pass: &Vec<N>| -> f64 {
            entropy_f64(&pass[sample * classes..][..classes].iter().map(|&p| p.into()).collect::<Vec<_>>())
        };
        let entropies: Vec<f64> = passes.iter().map(row).collect();
        let expected = two_pass(&entropies).0;
        let of_expected = mean_bound::<N>(passes.len(), largest(&entropies)) + evaluation(largest(&entropies));
        assert_near(actual.predictive[sample], predictive, of_predictive, "predictive entropy");
        assert_near(actual.expected[sample], expected, of_expected, "expected entropy");
        let information = actual.mutual_information[sample];
        assert_near(information, predictive - expected, of_predictive + of_expected, "mutual information");
        assert!(information.into() >= 0.0);
    }
}

#[test]
fn entropies_are_those_of_two_passes() {
    fn law(case: Case) {
        check::<f32>(&uncertainty(3, case.len, &case.probabilities::<f32>()), case.len, &case.probabilities());
        check::<f64>(&uncertainty(3, case.len, &case.probabilities::<f64>()), case.len, &case.probabilities());
    }
    testkit::check(law as fn(Case));
}

/// The same bits as of what they are converted to.
#[test]
fn probabilities_are_widened() {
    fn of<E: Value + Into<N>, N: Sums>(case: Case) {
        let passes: Passes<E> = case.probabilities();
        let widened: Passes<N> = passes.iter().map(|p| p.iter().map(|&p| p.into()).collect()).collect();
        let [actual, expected]: [Entropies<N>; 2] =
            [uncertainty(3, case.len, &passes), uncertainty::<N, N>(3, case.len, &widened)];
        assert_same(&actual.mean, &expected.mean);
        assert_same(&actual.predictive, &expected.predictive);
        assert_same(&actual.expected, &expected.expected);
        assert_same(&actual.mutual_information, &expected.mutual_information);
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
        let actual = uncertainty::<f32, f32>(1, 3, &[first.into(), second.into()]);
        assert_near(actual.predictive[0], predictive, 4.0 * U, "predictive entropy");
        assert_near(actual.expected[0], expected, 4.0 * U, "expected entropy");
        assert_near(actual.mutual_information[0], predictive - expected, 8.0 * U, "mutual information");
    }
}

/// However many they are, and whatever they agree on.
#[test]
fn passes_that_agree_have_no_mutual_information() {
    fn law(case: Case) {
        let pass = case.probabilities::<f32>().swap_remove(0);
        let actual = uncertainty::<f32, f32>(3, case.len, &vec![pass.clone(); case.passes]);
        assert_eq!(actual.mean, pass);
        assert_eq!(actual.mutual_information, [0.0; 3]);
    }
    testkit::check(law as fn(Case));
}

#[test]
fn uncertainty_of_what_is_not_there() {
    let no_pass = uncertainty::<f32, f32>(2, 3, &[]);
    assert_eq!(no_pass.mean, [0.0; 6]);
    assert_eq!([no_pass.predictive, no_pass.expected, no_pass.mutual_information], [[0.0; 2]; 3]);
    let no_class = uncertainty::<f32, f32>(2, 0, &[vec![], vec![]]);
    assert_eq!([no_class.predictive, no_class.expected, no_class.mutual_information], [[0.0; 2]; 3]);
    let no_sample = uncertainty::<f32, f32>(0, 3, &[vec![], vec![]]);
    assert!([no_sample.predictive, no_sample.expected, no_sample.mutual_information].iter().all(Vec::is_empty));
}

#[test]
fn what_is_no_probability_stays_in_its_sample() {
    for bad in [f32::NAN, -0.5] {
        let actual = uncertainty::<f32, f32>(3, 2, &[vec![0.5, 0.5, bad, 0.5, 0.5, 0.5], vec![0.5; 6]]);
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

/// What is no probability either, but no reason for NaN.
#[test]
fn entropies_of_large_numbers_are_no_nan() {
    for large in [f32::MAX, f32::INFINITY] {
        let actual = uncertainty::<f32, f32>(1, 2, &[vec![large, 0.5], vec![large, 0.5]]);
        assert_eq!(actual.mean, [large, 0.5]);
        assert_eq!((actual.predictive[0], actual.expected[0]), (f32::NEG_INFINITY, f32::NEG_INFINITY));
        assert_eq!(actual.mutual_information, [0.0]);
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
            let exact = entropy_f64(&probabilities.iter().map(|&p| p.into()).collect::<Vec<_>>());
            if exact > 0.0 {
                let unit = 2_f64.powi(exact.log2().floor() as i32 - 23);
                largest = largest.max((f64::from(entropy(&probabilities)) - exact).abs() / unit);
            }
        }
        assert!(largest <= documented, "{largest} ulp");
    }
}
