//! Passes summarised in parts, and the parts merged.

use dropout_kernels::monte_carlo::{Moments, Uncertainty};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::value::assert_same;

use crate::{Case, Entropies, Passes, Summary, Sums, assert_near, moments, uncertainty};

/// What one machine sends another: the number of passes and two slices.
#[derive(Clone, Debug)]
struct Part<N>(u32, Vec<N>, Vec<N>);

impl<N: Sums> Part<N> {
    /// Not zeros: of no passes, what the slices hold does not matter.
    fn empty(len: usize, other_len: usize) -> Self {
        Self(0, vec![N::nearest(7.0); len], vec![N::nearest(-7.0); other_len])
    }

    fn moments(&mut self) -> Moments<'_, N> {
        Moments::resume(self.0, &mut self.1, &mut self.2).unwrap()
    }

    fn uncertainty(&mut self, classes: usize) -> Uncertainty<'_, N> {
        Uncertainty::resume(self.0, classes, &mut self.1, &mut self.2).unwrap()
    }
}

/// Deals the passes to as many parts as the seed says, some of which may get none, and merges two of them at a time until one is left.
fn in_parts<N: Sums>(
    case: Case,
    passes: &Passes<N>,
    empty: &Part<N>,
    add: impl Fn(&mut Part<N>, &[N]),
    merge: impl Fn(&mut Part<N>, &mut Part<N>),
) -> Part<N> {
    let mut rng = Pcg64::seed_from_u64(case.seed);
    let mut below = |n: usize| rng.next_u32() as usize % n;
    let most = if below(2) == 0 { 6 } else { passes.len() };
    let mut parts = vec![empty.clone(); 2 + below(most)];
    for y in passes {
        let part = below(parts.len());
        add(&mut parts[part], y);
    }
    while parts.len() > 1 {
        let other = below(parts.len());
        let mut other = parts.swap_remove(other);
        let part = below(parts.len());
        merge(&mut parts[part], &mut other);
    }
    parts.remove(0)
}

fn moments_in_parts<N: Sums>(case: Case, passes: &Passes<N>) -> Part<N> {
    let add = |part: &mut Part<N>, y: &[N]| {
        let mut moments = part.moments();
        moments.add(y).unwrap();
        part.0 = moments.passes();
    };
    let merge = |part: &mut Part<N>, other: &mut Part<N>| {
        let mut moments = part.moments();
        moments.merge(&other.moments()).unwrap();
        part.0 = moments.passes();
    };
    in_parts(case, passes, &Part::empty(case.len, case.len), add, merge)
}

fn uncertainty_in_parts<N: Sums>(case: Case, passes: &Passes<N>) -> Part<N> {
    let add = |part: &mut Part<N>, probabilities: &[N]| {
        let mut uncertainty = part.uncertainty(case.len);
        uncertainty.add(probabilities).unwrap();
        part.0 = uncertainty.passes();
    };
    let merge = |part: &mut Part<N>, other: &mut Part<N>| {
        let mut uncertainty = part.uncertainty(case.len);
        uncertainty.merge(&other.uncertainty(case.len)).unwrap();
        part.0 = uncertainty.passes();
    };
    in_parts(case, passes, &Part::empty(3 * case.len, 3), add, merge)
}

#[test]
fn moments_of_parts_are_within_the_bounds_of_one_run() {
    fn of<N: Sums>(case: Case) {
        let passes = case.outputs();
        let mut part = moments_in_parts::<N>(case, &passes);
        assert_eq!(part.0 as usize, case.passes);
        crate::moments::check(&Summary::of(&part.moments()), &passes);
    }
    fn law(case: Case) {
        of::<f32>(case);
        of::<f64>(case);
    }
    testkit::check(law as fn(Case));
}

#[test]
fn entropies_of_parts_are_within_the_bounds_of_one_run() {
    fn of<N: Sums>(case: Case) {
        let passes = case.probabilities();
        let mut part = uncertainty_in_parts::<N>(case, &passes);
        assert_eq!(part.0 as usize, case.passes);
        crate::uncertainty::check(&Entropies::of(&part.uncertainty(case.len)), case.len, &passes);
    }
    fn law(case: Case) {
        of::<f32>(case);
        of::<f64>(case);
    }
    testkit::check(law as fn(Case));
}

/// However they were split.
#[test]
fn parts_that_agree_have_no_mutual_information() {
    fn law(case: Case) {
        let pass = case.probabilities::<f32>().swap_remove(0);
        let mut part = uncertainty_in_parts(case, &vec![pass.clone(); case.passes]);
        let merged = Entropies::of(&part.uncertainty(case.len));
        assert_same(&merged.mean, &pass);
        assert_eq!(merged.mutual_information, [0.0; 3]);
    }
    testkit::check(law as fn(Case));
}

/// A summary that goes on from its parts is the one that never stopped, bit for bit.
#[test]
fn a_resumed_summary_goes_on() {
    fn law(case: Case) {
        let passes = case.outputs::<f32>();
        let mut part = Part::<f32>::empty(case.len, case.len);
        for y in &passes {
            let mut moments = part.moments();
            moments.add(y).unwrap();
            let (count, mean, m2) = (moments.passes(), moments.mean().to_vec(), moments.m2().to_vec());
            part = Part(count, mean, m2);
        }
        let expected: Summary<f32> = moments(case.len, &passes);
        assert_same(&part.1, &expected.mean);
        let variances: Vec<_> = part.2.iter().map(|m2| m2 / case.passes as f32).collect();
        assert_same(&variances, &expected.population_variance);

        let passes = case.probabilities::<f32>();
        let mut part = Part::<f32>::empty(3 * case.len, 3);
        for probabilities in &passes {
            let mut uncertainty = part.uncertainty(case.len);
            uncertainty.add(probabilities).unwrap();
            part.0 = uncertainty.passes();
        }
        let expected: Entropies<f32> = uncertainty(3, case.len, &passes);
        assert_same(&part.1, &expected.mean);
        assert_same(&part.2, &expected.expected);
    }
    testkit::check(law as fn(Case));
}

/// On either side, whatever the other holds.
#[test]
fn an_empty_part_changes_no_bit() {
    const VALUES: [f32; 6] = [-0.0, 0.1, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    for empty_first in [false, true] {
        for passes in [0, 1, 3] {
            // No sum of squares is negative, nor -0.0.
            let squares = VALUES.map(f32::abs);
            let [expected, expected_squares] = if passes == 0 { [[0.0; 6]; 2] } else { [VALUES, squares] };
            let (mut first, mut second) = (Part(passes, VALUES.into(), squares.into()), Part::empty(6, 6));
            if empty_first {
                std::mem::swap(&mut first, &mut second);
            }
            let (mut of_classes, mut other_of_classes) = (first.clone(), second.clone());
            let mut moments = first.moments();
            moments.merge(&second.moments()).unwrap();
            assert_eq!(moments.passes(), passes);
            let mut uncertainty = of_classes.uncertainty(1);
            uncertainty.merge(&other_of_classes.uncertainty(1)).unwrap();
            assert_eq!(uncertainty.passes(), passes);
            for means in [moments.mean(), uncertainty.mean()] {
                assert_same(means, &expected);
            }
            for sums in [moments.m2(), uncertainty.expected_entropy()] {
                assert_same(sums, &expected_squares);
            }
        }
    }
}

/// NIST's `NumAcc1` again: parts of one and two.
#[test]
fn merged_moments_do_not_cancel() {
    let (mut one, mut two) = (Part(1, vec![10_000_002.0_f32], vec![0.0]), Part(2, vec![10_000_002.0], vec![2.0]));
    let mut moments = one.moments();
    moments.merge(&two.moments()).unwrap();
    assert_eq!((moments.mean(), moments.m2()), (&[10_000_002.0][..], &[2.0][..]));

    let (mut one, mut two) = (Part(1, vec![10_000_001.0_f32], vec![0.0]), Part(1, vec![10_000_003.0], vec![0.0]));
    let mut moments = one.moments();
    moments.merge(&two.moments()).unwrap();
    assert_eq!((moments.mean(), moments.m2()), (&[10_000_002.0][..], &[2.0][..]));
}

/// Weights are exact beyond the counts that f32 has, and beyond the passes that can be counted.
#[test]
fn merged_passes_beyond_any_number() {
    let merged = |count: u32, other_count: u32| {
        let (mut part, mut other) = (Part(count, vec![0.0_f32], vec![0.0]), Part(other_count, vec![1.0], vec![0.0]));
        let mut moments = part.moments();
        moments.merge(&other.moments()).unwrap();
        (moments.passes(), moments.mean()[0], moments.m2()[0])
    };
    assert_eq!(merged(1 << 24, 1 << 24), (1 << 25, 0.5, (1 << 23) as f32));
    assert_eq!(merged((1 << 24) - 1, (1 << 24) + 1).0, 1 << 25);
    assert_eq!(merged(1, u32::MAX - 1), (u32::MAX, 1.0, 1.0));
    assert_eq!(merged(u32::MAX, u32::MAX), (u32::MAX, 0.5, (1_u32 << 31) as f32));
    assert_eq!(merged(u32::MAX, 1), (u32::MAX, (1.0 / 4_294_967_296.0) as f32, 1.0));

    let mut part = Part(u32::MAX, vec![0.0_f32], vec![0.0]);
    let mut moments = part.moments();
    moments.add(&[1.0_f32]).unwrap();
    assert_eq!(moments.passes(), u32::MAX);
}

#[test]
fn what_is_not_finite_stays_in_its_element() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut part, mut other) = (Part(2, vec![2.0, f32::MIN, 2.0], vec![2.0; 3]), Part(1, vec![5.0, bad, 5.0], vec![0.0; 3]));
        let mut moments = part.moments();
        moments.merge(&other.moments()).unwrap();
        let summary = Summary::of(&moments);
        for (i, finite) in [true, false, true].into_iter().enumerate() {
            assert_eq!(summary.mean[i].is_finite(), finite);
            assert_eq!(summary.population_variance[i].is_finite(), finite);
        }
        assert_eq!((summary.mean[2], summary.population_variance[2]), (3.0, 8.0 / 3.0));
    }
}

/// Parts whose means lie further apart than any number, whose sums are no numbers, or both.
#[test]
fn merged_moments_are_right_as_far_as_they_can_be_held() {
    // Halves of 1.5e19 and -1.5e19, of which each pass counts for two.
    let (mut part, mut other) = (Part(2, vec![1.5e19_f32], vec![0.0]), Part(2, vec![-1.5e19], vec![0.0]));
    let mut moments = part.moments();
    moments.merge(&other.moments()).unwrap();
    assert_eq!(moments.mean(), [0.0]);
    assert_near(moments.population_variance().next().unwrap(), 2.25e38, 4.0 * f64::from(f32::EPSILON) * 2.25e38, "variance");
    // Its sum cannot be held, and is merged once more on either side.
    let sum = moments.m2().to_vec();
    for (mut part, mut other) in [
        (Part(4, vec![0.0], sum.clone()), Part(4, vec![0.0], vec![0.0])),
        (Part(4, vec![0.0], vec![0.0]), Part(4, vec![0.0], sum)),
    ] {
        let mut moments = part.moments();
        moments.merge(&other.moments()).unwrap();
        assert_near(
            moments.population_variance().next().unwrap(),
            1.125e38,
            4.0 * f64::from(f32::EPSILON) * 1.125e38,
            "variance",
        );
    }

    let (mut part, mut other) = (Part(2, vec![f32::MIN], vec![0.0]), Part(1, vec![f32::MAX], vec![0.0]));
    let mut moments = part.moments();
    moments.merge(&other.moments()).unwrap();
    assert_near(moments.mean()[0], f64::from(f32::MIN) / 3.0, f64::from(f32::MAX) * f64::from(f32::EPSILON), "mean");
    assert_eq!(moments.population_variance().next(), Some(f32::INFINITY));
}
