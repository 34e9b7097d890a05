//! Dropout of f32 tensors in Rust libraries and in the loops that one would write by hand, each on one thread, beside ours.
//!
//! `cargo run --release -- FILE` prints a table and writes it to FILE as JSON. The methods, the floor and memcpy are those of
//! `benches/ratios.rs`. A library is called as its users call it, so its time includes the allocation of its output where it
//! makes one.
#![expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
#![expect(clippy::cast_possible_truncation, reason = "rates of f32, as in what is compared")]

#[path = "../../measure/mod.rs"]
mod measure;

use std::error::Error;
use std::hint::black_box;

use burn::nn::DropoutConfig;
use candle_core::Tensor;
use dropout_kernels::{Backend, Dropout, Rate};
use measure::times::{Row, Times};
use measure::{Point, Slices, json, scale, train};
use rand::distr::{Bernoulli, Distribution};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const SIZES: [usize; 4] = [1 << 14, 1 << 17, 1 << 20, 1 << 24];

const RATES: [f64; 2] = [0.1, 0.5];

type Measure = fn(f64, &mut Slices) -> Times;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: dropout-peers FILE")?;
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()?;
    // Allocated and freed, this makes glibc keep all smaller tensors' memory for the next, as in a program that has run for a while.
    drop(black_box(vec![0_u8; 30 << 20]));
    let peers: [(&str, &str, Measure); 8] = [
        ("dropout-kernels", Backend::detect().name(), ours),
        ("dropout-kernels in candle", "cpu", |p, slices| {
            let dropout = dropout_kernels_candle::Dropout::new(p as f32);
            candle(p, slices, |x| dropout.forward(x, true))
        }),
        ("dropout-kernels in burn", "flex", |p, slices| {
            let dropout = dropout_kernels_burn::DropoutConfig::new(p).init();
            burn(p, slices, |x| dropout.forward(x))
        }),
        ("candle-nn", "cpu", |p, slices| {
            let dropout = candle_nn::Dropout::new(p as f32);
            candle(p, slices, |x| dropout.forward(x, true))
        }),
        ("burn", "flex", |p, slices| {
            let dropout = DropoutConfig::new(p).init();
            burn(p, slices, |x| dropout.forward(x))
        }),
        ("SmallRng loop", "rand", |p, slices| uniform(p, slices, SmallRng::seed_from_u64(42))),
        ("Pcg64Mcg loop", "rand_pcg", |p, slices| uniform(p, slices, Pcg64Mcg::seed_from_u64(42))),
        ("Bernoulli loop", "rand", bernoulli),
    ];
    let mut rows = Vec::new();
    println!("{}", Row::HEADER);
    for p in RATES {
        for n in SIZES {
            let mut slices = Slices::new(n);
            for (op, backend, measure) in peers {
                let times = measure(p, &mut slices);
                let point = Point { op: op.into(), backend: backend.into(), dtype: "f32", n, p };
                let row = Row { point, times };
                println!("{row}");
                rows.push(json::object(&row));
            }
        }
    }
    std::fs::write(file, serde_json::to_string_pretty(&rows)?)?;
    Ok(())
}

fn ours(p: f64, slices: &mut Slices) -> Times {
    let dropout = Dropout::new(Rate::new(p).unwrap());
    let run = |slices: &mut Slices, step| {
        dropout.apply(train(step), &slices.x, &mut slices.y).unwrap();
    };
    check_and_measure(p, slices, run, |(), slices| slices.y.clone())
}

/// A layer of candle.
fn candle(p: f64, slices: &mut Slices, forward: impl Fn(&Tensor) -> candle_core::Result<Tensor>) -> Times {
    let x = Tensor::new(&*slices.x, &candle_core::Device::Cpu).unwrap();
    check_and_measure(p, slices, |_, _| forward(&x).unwrap(), |y, _| y.to_vec1().unwrap())
}

/// A layer of Burn, on the backend for CPUs that it recommends. It drops only where gradients could be asked for.
fn burn(p: f64, slices: &mut Slices, forward: impl Fn(burn::tensor::Tensor<1>) -> burn::tensor::Tensor<1>) -> Times {
    let device = burn::tensor::Device::flex().autodiff();
    let x = burn::tensor::Tensor::<1>::from_floats(&*slices.x, &device);
    check_and_measure(p, slices, |_, _| forward(x.clone()), |y, _| y.to_data().try_to_vec().unwrap())
}

fn uniform(p: f64, slices: &mut Slices, mut rng: impl Rng) -> Times {
    let (p32, s) = (p as f32, 1.0 / (1.0 - p as f32));
    let run = |slices: &mut Slices, _| {
        for (y, x) in slices.y.iter_mut().zip(&slices.x) {
            *y = if rng.random::<f32>() < p32 { 0.0 } else { x * s };
        }
    };
    check_and_measure(p, slices, run, |(), slices| slices.y.clone())
}

fn bernoulli(p: f64, slices: &mut Slices) -> Times {
    let s = 1.0 / (1.0 - p as f32);
    let drop = Bernoulli::new(p).unwrap();
    let mut rng = SmallRng::seed_from_u64(42);
    let run = |slices: &mut Slices, _| {
        for (y, x) in slices.y.iter_mut().zip(&slices.x) {
            *y = if drop.sample(&mut rng) { 0.0 } else { x * s };
        }
    };
    check_and_measure(p, slices, run, |(), slices| slices.y.clone())
}

/// No time counts unless the ones that went in came out as zeros, at the rate asked for to five standard deviations, or as the scale.
fn check_and_measure<Y>(
    p: f64,
    slices: &mut Slices,
    mut run: impl FnMut(&mut Slices, u32) -> Y,
    values: impl Fn(&Y, &Slices) -> Vec<f32>,
) -> Times {
    let y = run(slices, 0);
    let y = values(&y, slices);
    let n = y.len() as f64;
    let fraction = y.iter().filter(|&&y| y == 0.0).count() as f64 / n;
    assert_eq!(y.len(), slices.x.len());
    assert!((fraction - p).abs() < 5.0 * (p * (1.0 - p) / n).sqrt(), "{fraction} dropped at p = {p}");
    assert!(y.iter().all(|&y| y == 0.0 || (f64::from(y) * (1.0 - p) - 1.0).abs() < 1e-6), "not scaled by 1 / (1 - {p})");
    Times::measure(slices, |slices, step| drop(black_box(run(slices, step))), scale)
}
