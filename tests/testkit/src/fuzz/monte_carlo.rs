//! Summaries of Monte-Carlo passes, in either type: of what dropout puts out on any backend, against two plain passes over it in f64,
//! within the bounds that the module states; of one run, and of parts that are merged; and of one element or one sample by itself.

use arbitrary::Arbitrary;
use dropout_kernels::monte_carlo::{Moments, Uncertainty};
use dropout_kernels::{Address, Backend, Dropout, Error, Mode};

use super::inputs::{Decisions, Integer, Length, Values, check_length};
use crate::summaries::{Of, Part, Passes, Sums, assert_entropies, assert_moments};
use crate::value::assert_same;

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    values: Values,
    samples: u8,
    classes: u8,
    passes: u8,
    /// The powers of two about which the values lie, and of their distance from it, if they do.
    about: Option<(i8, u8)>,
    bad: Bad,
    /// Says which part gets which passes.
    deal: u64,
}

/// Lengths that a summary may have to refuse.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Bad {
    m2: Length,
    mean: Length,
    pass: Length,
    classes: Integer,
}

pub fn check(input: &Input) {
    let (samples, classes) = (usize::from(input.samples % 5), usize::from(input.classes % 8));
    if input.decisions.get().check_reach((samples * classes) as u64).is_ok() {
        check_summaries::<f32>(input, samples, classes);
        check_summaries::<f64>(input, samples, classes);
        check_refusals(input.bad, samples, classes);
    }
}

fn check_summaries<N: Sums>(input: &Input, samples: usize, classes: usize) {
    let passes = outputs::<N>(input, samples * classes);
    for part in check_parts(Of::Moments, &passes, [samples * classes; 2], 1, input.deal) {
        assert_moments(part, &passes);
    }

    // Whatever is passed for probabilities concerns its own sample alone.
    let check_entropies =
        |passes: &[Vec<N>]| check_parts(Of::Uncertainty(classes), passes, [samples * classes, samples], classes, input.deal);
    for mut part in check_entropies(&passes) {
        let [_, information] = part.entropies(classes);
        assert!(information.into_iter().map(Into::<f64>::into).all(|i| i.is_nan() || i >= 0.0));
    }
    let passes = distributions(&passes, classes);
    if !passes.is_empty() {
        for part in check_entropies(&passes) {
            assert_entropies(part, classes, &passes);
        }
    }
}

/// Pass t is the mask of step t on values of its own: of any size, or near a power of two, so that differences cancel.
fn outputs<N: Sums>(input: &Input, len: usize) -> Passes<N> {
    let passes = usize::from(input.passes % 40);
    let near = |x: N, (power, spread): (i8, u8)| {
        let part = f64::from(x.bits() as i16) / 32768.0 * 0.5_f64.powi(i32::from(spread % 16));
        N::nearest(2_f64.powi(power.into()) * (1.0 + part))
    };
    let x: Vec<N> = input.values.get(len * passes).into_iter().map(|x| input.about.map_or(x, |about| near(x, about))).collect();
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

/// The summary of one run, which is that of one that was stopped after each pass; and that of merged parts. Each group of neighbours,
/// of which the second slice has a value, is what it is by itself.
fn check_parts<N: Sums>(of: Of, passes: &[Vec<N>], sizes: [usize; 2], group: usize, deal: u64) -> [Part<N>; 2] {
    let (run, merged) = (Part::<N>::of(of, sizes, passes), Part::<N>::of_parts(of, sizes, passes, deal));
    let mut stopped = Part::<N>::of(of, sizes, &passes[..0]);
    passes.chunks(1).for_each(|pass| stopped.add(of, pass));
    assert_same_part(&stopped, &run);
    for i in 0..sizes[1] {
        let alone: Passes<N> = passes.iter().map(|pass| pass[i * group..][..group].to_vec()).collect();
        let part = |Part(passes, first, second): &Part<N>| Part(*passes, first[i * group..][..group].to_vec(), vec![second[i]]);
        assert_same_part(&Part::<N>::of(of, [group, 1], &alone), &part(&run));
        assert_same_part(&Part::<N>::of_parts(of, [group, 1], &alone, deal), &part(&merged));
    }
    [run, merged]
}

fn assert_same_part<N: Sums>(a: &Part<N>, b: &Part<N>) {
    assert_eq!(a.0, b.0);
    assert_same(&a.1, &b.1);
    assert_same(&a.2, &b.2);
}

/// Probabilities as they should be, or all zero: the low bits of the values are their weights, and of their sizes.
fn distributions<N: Sums>(passes: &[Vec<N>], classes: usize) -> Passes<N> {
    let weight = |y: &N| f64::from(y.bits() as u16) * 0.5_f64.powi((y.bits() >> 16) as i32 & 127);
    let distribution = |y: &[N]| {
        let sum = y.iter().map(weight).sum::<f64>();
        y.iter().map(|y| N::nearest(weight(y) / if sum > 0.0 { sum } else { 1.0 })).collect::<Vec<_>>()
    };
    passes.iter().map(|y| y.chunks(classes.max(1)).flat_map(distribution).collect()).collect()
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
