//! Every number of half precision in every lane: kept, dropped and in evaluation.
use ::half::{bf16, f16};
use dropout_kernels::{Backend, Mode, PackedMask, Scaling};
use testkit::every_backend;
use testkit::subject::{OfScaled, Settings, Subject};
use testkit::value::{Value, assert_same};

every_backend!(every_f16, every_bf16);

const NUMBERS: usize = 1 << 16;
const LANES: usize = 16;

/// The ends and usual rates; one whose scale no `f16` can hold, and the one of the largest scale.
const RATES: [f64; 7] = [0.0, 0.1, 0.5, 0.999, 0.999_99, (RANGE - 1.0) / RANGE, 1.0];
const RANGE: f64 = 4_294_967_296.0;

fn every_f16(backend: Backend) {
    every_number::<f16>(backend, 1 << 9);
}

fn every_bf16(backend: Backend) {
    every_number::<bf16>(backend, 1 << 6);
}

/// `quiet` is the bit that tells a quiet NaN from a signalling one.
fn every_number<E: Value>(backend: Backend, quiet: u64) {
    for (i, p) in RATES.into_iter().enumerate() {
        let inverted = Settings::of(p);
        let classic = Settings { scaling: Scaling::Classic, ..inverted };
        let [kept, evaluated]: [Vec<E>; 2] = [
            numbers(0).map(|x| OfScaled::new(&inverted).forward(u64::MAX, x)).collect(),
            numbers(0).map(|x| OfScaled::new(&classic).evaluated(x)).collect(),
        ];
        // The conversions do not depend on the rate: at one of them, in every lane.
        for first in 0..if i == 1 { LANES } else { 1 } {
            let x: Vec<E> = numbers(first).collect();
            let mut y = x.clone();
            for keep in [u32::MAX, 0x5555_5555, 0xAAAA_AAAA] {
                let words = [keep; NUMBERS / 32];
                let mode = Mode::Stored(PackedMask::new(&words, 0, NUMBERS).unwrap());
                OfScaled::<E>::layer(&inverted).on(backend).apply(mode, &x, &mut y).unwrap();
                let expected = |i: usize| if keep >> (i % 32) & 1 == 1 { kept[(first + i) % NUMBERS] } else { E::DROPPED };
                assert_same(&y, &(0..NUMBERS).map(expected).collect::<Vec<_>>());
                assert!(y.iter().all(|y| !y.is_nan() || y.bits() & quiet != 0), "a signalling NaN at p = {p}");
            }

            OfScaled::<E>::layer(&classic).on(backend).apply(Mode::Eval, &x, &mut y).unwrap();
            assert_same(&y, &(0..NUMBERS).map(|i| evaluated[(first + i) % NUMBERS]).collect::<Vec<_>>());
            OfScaled::<E>::layer(&inverted).on(backend).apply(Mode::Eval, &x, &mut y).unwrap();
            assert!(x.iter().zip(&y).all(|(x, y)| x.bits() == y.bits()));
        }
    }
}

/// All of them, from this representation on.
fn numbers<E: Value>(first: usize) -> impl Iterator<Item = E> {
    (first..first + NUMBERS).map(|bits| E::from_bits(bits as u64))
}

/// What the other tests take for the nearest is so: half-way between neighbours it is the even one, and next to that the closer.
#[test]
fn the_oracle_rounds_to_the_nearest() {
    fn law<E: Value + Into<f64>>(largest: E) {
        for bits in 0..largest.bits() {
            let [low, high] = [bits, bits + 1].map(E::from_bits);
            let middle: f64 = 0.5 * (low.into() + high.into());
            let even = if bits % 2 == 0 { low } else { high };
            for (x, nearest) in [(middle.next_down(), low), (middle, even), (middle.next_up(), high), (high.into(), high)] {
                assert_eq!(E::nearest(x).bits(), nearest.bits());
                assert_eq!(E::nearest(-x).bits(), nearest.bits() | 1 << 15);
            }
        }
        // Half a unit above the largest, which would be even.
        let step: f64 = largest.into() - E::from_bits(largest.bits() - 1).into();
        let limit = largest.into() + step / 2.0;
        assert_eq!([limit.next_down(), limit].map(|x| E::nearest(x).bits()), [largest.bits(), largest.bits() + 1]);
    }
    law(f16::MAX);
    law(bf16::MAX);
}
