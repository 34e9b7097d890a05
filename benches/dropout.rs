//! The speed of every operation on every backend, named `op p/backend/size`, beside the floor that none can get under.
//!
//! `scale` is y = x * s over the same slices, the cost of a dropout whose mask is free; `memcpy` does not even multiply.
//! `sequential` is dropout as it is usually written.
#![expect(clippy::cast_precision_loss, reason = "counts, and the 24 bits of a random float, are exact")]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use dropout_kernels::{Address, Backend, Dropout, Layout, Mask, Mode, Rate};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// From a tensor that fits the second-level cache to one that fits none.
const SIZES: [(&str, usize); 4] = [("16k", 1 << 14), ("128k", 1 << 17), ("1M", 1 << 20), ("16M", 1 << 24)];

/// A rate that takes as many planes as any, and the only one that takes a single plane.
const RATES: [f64; 2] = [0.1, 0.5];

/// The feature maps of a ResNet-18's stages, for eight images.
const MAPS: [(&str, [usize; 4]); 4] =
    [("56x56", [8, 64, 56, 56]), ("28x28", [8, 128, 28, 28]), ("14x14", [8, 256, 14, 14]), ("7x7", [8, 512, 7, 7])];

fn main() {
    let mut c = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    for op in [mask, dense, dense_in_place, channel, scale, memcpy, sequential] {
        op(&mut c);
    }
    c.final_summary();
}

fn mask(c: &mut Criterion) {
    for p in RATES {
        let mut group = group(c, &format!("mask p={p}"));
        for (size, len) in SIZES {
            let mut words = vec![0; len / 32];
            for backend in Backend::all() {
                let run = |step, words: &mut [u32]| {
                    Mask::new(Rate::new(p).unwrap(), address(step)).on(backend).words(len, words).unwrap();
                };
                let check = |words: &[u32]| {
                    let dropped = words.iter().map(|word| word.count_zeros() as usize).sum();
                    assert_rate(p, len, dropped, len);
                };
                bench(&mut group, backend.name(), (size, len), &mut words, run, check);
            }
        }
    }
}

fn dense(c: &mut Criterion) {
    for p in RATES {
        let mut group = group(c, &format!("dense p={p}"));
        for (size, len) in SIZES {
            let (x, mut y) = (input(len), vec![0.0; len]);
            for backend in Backend::all() {
                let dropout = Dropout::new(Rate::new(p).unwrap()).on(backend);
                let run = |step, y: &mut [f32]| dropout.apply(Mode::Train(address(step)), &x, y).unwrap();
                bench(&mut group, backend.name(), (size, len), &mut y, run, |y| assert_rate(p, len, zeros(y), len));
            }
        }
    }
}

fn dense_in_place(c: &mut Criterion) {
    for p in RATES {
        let mut group = group(c, &format!("dense_in_place p={p}"));
        for (size, len) in SIZES {
            for backend in Backend::all() {
                let dropout = Dropout::new(Rate::new(p).unwrap()).on(backend);
                // Step after step everything becomes zero, which takes no less time.
                let run = |step, x: &mut [f32]| dropout.apply_in_place(Mode::Train(address(step)), x).unwrap();
                bench(&mut group, backend.name(), (size, len), &mut input(len), run, |x| assert_rate(p, len, zeros(x), len));
            }
        }
    }
}

fn channel(c: &mut Criterion) {
    let p = 0.2;
    let mut group = group(c, &format!("channel p={p}"));
    for (size, shape) in MAPS {
        let layout = Layout::nchw(shape).unwrap();
        let (x, mut y) = (input(layout.elements()), vec![0.0; layout.elements()]);
        for backend in Backend::all() {
            let dropout = Dropout::new(Rate::new(p).unwrap()).with_layout(layout).on(backend);
            let run = |step, y: &mut [f32]| dropout.apply(Mode::Train(address(step)), &x, y).unwrap();
            let check = |y: &[f32]| assert_rate(p, y.len(), zeros(y), layout.decisions());
            bench(&mut group, backend.name(), (size, layout.elements()), &mut y, run, check);
        }
    }
}

fn scale(c: &mut Criterion) {
    let mut group = group(c, "scale");
    for (size, len) in SIZES {
        let x = input(len);
        let run = |_, y: &mut [f32]| y.iter_mut().zip(&x).for_each(|(y, x)| *y = 2.0 * x);
        let check = |y: &[f32]| assert!(y.iter().zip(&x).all(|(y, x)| y.to_bits() == (x + x).to_bits()));
        bench(&mut group, "loop", (size, len), &mut vec![0.0; len], run, check);
    }
}

fn memcpy(c: &mut Criterion) {
    let mut group = group(c, "memcpy");
    for (size, len) in SIZES {
        let x = input(len);
        let run = |_, y: &mut [f32]| y.copy_from_slice(&x);
        bench(&mut group, "std", (size, len), &mut vec![0.0; len], run, |y| assert!(y == x));
    }
}

/// One draw of a sequential generator for each element, and a comparison of floats.
fn sequential(c: &mut Criterion) {
    for p in RATES {
        let mut group = group(c, &format!("sequential p={p}"));
        for (size, len) in SIZES {
            let x = input(len);
            let mut rng = Pcg64Mcg::seed_from_u64(1);
            let (threshold, scale) = (p as f32, 1.0 / (1.0 - p as f32));
            let run = |_, y: &mut [f32]| {
                for (y, x) in y.iter_mut().zip(&x) {
                    *y = if uniform(&mut rng) <= threshold { 0.0 } else { x * scale };
                }
            };
            bench(&mut group, "pcg", (size, len), &mut vec![0.0; len], run, |y| assert_rate(p, len, zeros(y), len));
        }
    }
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    // The other mode runs 55 times where ten are asked for, long beyond the half second for a tensor of 16M.
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Checks what one run leaves in `output`, then times many, each a training step of its own so that no branch learns a mask.
fn bench<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    backend: &str,
    (size, elements): (&str, usize),
    output: &mut [T],
    mut run: impl FnMut(u32, &mut [T]),
    check: impl FnOnce(&[T]),
) {
    run(0, output);
    check(output);
    let mut step = 0;
    group.throughput(Throughput::Elements(elements as u64));
    group.bench_function(BenchmarkId::new(backend, size), |bencher| {
        bencher.iter(|| {
            step += 1;
            run(step, black_box(&mut *output));
        });
    });
}

fn address(step: u32) -> Address {
    Address { seed: 42, layer: 0, step, offset: 0 }
}

/// Values above zero, so that a zero in the output is a drop.
fn input(len: usize) -> Vec<f32> {
    let mut rng = Pcg64Mcg::seed_from_u64(0);
    std::iter::repeat_with(|| uniform(&mut rng)).take(len).collect()
}

/// A multiple of 2^-24 above 0 and up to 1.
fn uniform(rng: &mut Pcg64Mcg) -> f32 {
    ((rng.next_u32() >> 8) + 1) as f32 / (1 << 24) as f32
}

fn zeros(y: &[f32]) -> usize {
    y.iter().filter(|y| y.to_bits() == 0).count()
}

/// Within five standard deviations of the rate asked for.
fn assert_rate(p: f64, elements: usize, dropped: usize, decisions: usize) {
    let fraction = dropped as f64 / elements as f64;
    let deviation = (p * (1.0 - p) / decisions as f64).sqrt();
    assert!((fraction - p).abs() < 5.0 * deviation, "{dropped} of {elements} dropped at p = {p}");
}
