//! Slices that do not fit.

use std::f32::consts::LN_2;

use dropout_kernels::Error;
use dropout_kernels::monte_carlo::{Moments, Uncertainty};

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
        assert_length(Moments::resume(0, &mut a, &mut b).unwrap_err(), "m2", mean, m2);
        assert_length(Moments::resume(1, &mut a, &mut b).unwrap_err(), "m2", mean, m2);
        assert!(a.iter().chain(&b).all(|&x| x == CANARY));
    }
    for (classes, samples, mean) in [(3, 2, 5), (3, 2, 7), (3, 2, 0), (0, 2, 1), (3, 0, 1)] {
        let (mut a, mut b) = (vec![CANARY; mean], vec![CANARY; samples]);
        assert_length(Uncertainty::new(classes, &mut a, &mut b).unwrap_err(), "mean", classes * samples, mean);
        assert_length(Uncertainty::resume(1, classes, &mut a, &mut b).unwrap_err(), "mean", classes * samples, mean);
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

/// A summary of another length counts for nothing, be it empty or not.
#[test]
fn summaries_that_do_not_fit() {
    for passes in [0, 5] {
        let [mut mean, mut m2, mut of_classes] = [[1.0_f32; 4]; 3];
        let mut expected_entropy = [1.0; 2];
        let mut moments = Moments::resume(2, &mut mean, &mut m2).unwrap();
        let mut uncertainty = Uncertainty::resume(2, 2, &mut of_classes, &mut expected_entropy).unwrap();
        for len in [0, 3, 5, 8] {
            let (mut mean, mut m2) = (vec![CANARY; len], vec![CANARY; len]);
            assert_length(moments.merge(&Moments::resume(passes, &mut mean, &mut m2).unwrap()).unwrap_err(), "other", 4, len);
        }
        for (classes, samples, expected, actual) in [(2, 1, 4, 2), (2, 3, 4, 6), (1, 4, 2, 4), (4, 1, 2, 1), (0, 2, 4, 0)] {
            let (mut mean, mut entropies) = (vec![CANARY; classes * samples], vec![CANARY; samples]);
            let other = Uncertainty::resume(passes, classes, &mut mean, &mut entropies).unwrap();
            assert_length(uncertainty.merge(&other).unwrap_err(), "other", expected, actual);
        }
        assert_eq!((moments.passes(), uncertainty.passes()), (2, 2));
        assert_eq!([moments.mean(), moments.m2(), uncertainty.mean()], [[1.0; 4]; 3]);
        assert_eq!(uncertainty.expected_entropy(), [1.0; 2]);
    }
}
