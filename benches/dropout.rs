//! The speed of every operation on every backend, named `op p/backend/size`, beside the floor that none can get under.
//!
//! `scale` is y = x * s over the same slices, the cost of a dropout whose mask is free; `memcpy` does not even multiply.
//! `sequential` is dropout as it is usually written.
#![expect(clippy::cast_precision_loss, reason = "counts, and the 24 bits of a random float, are exact")]

mod measure;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use dropout_kernels::{Backend, Layout};
use measure::operation::{Case, Operation, assert_rate, zeros};
use measure::{RATES, SIZES, Slices};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The feature maps of a ResNet-18's stages, for eight images.
const MAPS: [[usize; 4]; 4] = [[8, 64, 56, 56], [8, 128, 28, 28], [8, 256, 14, 14], [8, 512, 7, 7]];

fn main() {
    let mut c = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    for operation in Operation::ALL {
        for &p in operation.rates() {
            operations(&mut c, operation, p);
        }
    }
    for op in [scale, memcpy, sequential] {
        op(&mut c);
    }
    c.final_summary();
}

fn operations(c: &mut Criterion, operation: Operation, p: f64) {
    let mut group = group(c, &format!("{} p={p}", operation.name()));
    let layouts: Vec<(String, Layout)> = match operation {
        Operation::Channel => MAPS.map(|[n, c, h, w]| (format!("{h}x{w}"), Layout::nchw([n, c, h, w]).unwrap())).into(),
        _ => SIZES.map(|n| (n.to_string(), Layout::flat(n))).into(),
    };
    for (size, layout) in layouts {
        let mut slices = Slices::new(layout.elements());
        for backend in Backend::all() {
            let case = Case::with_layout(operation, p, Some(backend), layout);
            case.check(&mut slices);
            bench(&mut group, backend.name(), &size, &mut slices, |slices, step| case.run(slices, step));
        }
    }
}

fn scale(c: &mut Criterion) {
    let mut group = group(c, "scale");
    for n in SIZES {
        bench(&mut group, "loop", &n.to_string(), &mut Slices::new(n), |slices, _| measure::scale(slices, black_box(2.0)));
    }
}

fn memcpy(c: &mut Criterion) {
    let mut group = group(c, "memcpy");
    for n in SIZES {
        bench(&mut group, "std", &n.to_string(), &mut Slices::new(n), |slices, _| slices.y.copy_from_slice(&slices.x));
    }
}

/// One draw of a sequential generator for each element, and a comparison of floats.
fn sequential(c: &mut Criterion) {
    for p in RATES {
        let mut group = group(c, &format!("sequential p={p}"));
        for n in SIZES {
            let mut slices = Slices::new(n);
            let mut rng = Pcg64Mcg::seed_from_u64(1);
            let (threshold, scale) = (p as f32, 1.0 / (1.0 - p as f32));
            let mut run = |slices: &mut Slices, _| {
                for (y, x) in slices.y.iter_mut().zip(&slices.x) {
                    *y = if uniform(&mut rng) <= threshold { 0.0 } else { x * scale };
                }
            };
            run(&mut slices, 0);
            assert_rate(p, n, zeros(&slices.y), n);
            bench(&mut group, "pcg", &n.to_string(), &mut slices, run);
        }
    }
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    // The other mode runs 55 times where ten are asked for, long beyond the half second for a tensor of 16M.
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Times many runs, each a training step of its own so that no branch learns a mask.
fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    backend: &str,
    size: &str,
    slices: &mut Slices,
    mut run: impl FnMut(&mut Slices, u32),
) {
    let mut step = 0;
    group.throughput(Throughput::Elements(slices.x.len() as u64));
    group.bench_function(BenchmarkId::new(backend, size), |bencher| {
        bencher.iter(|| {
            step += 1;
            run(black_box(slices), step);
        });
    });
}

/// A multiple of 2^-24 above 0 and up to 1.
fn uniform(rng: &mut Pcg64Mcg) -> f32 {
    ((rng.next_u32() >> 8) + 1) as f32 / (1 << 24) as f32
}
