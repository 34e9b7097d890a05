//! How random masks are that are made without the library: `cargo run --release --example statistics`.
//!
//! Each row is of masks of `LEN` elements at p = 0.1 in consecutive steps. The last columns are chi-squared sums over all
//! elements, as distances from what independent decisions give, in standard deviations.

use std::array::from_fn;

use dropout_kernels::{Address, Mask, Rate};
use firmware::peers::{XORSHIFT_SEED, key, mix, xorshift};
use firmware::{ADDRESS, LEN, THRESHOLDS};

const STEPS: u32 = 10_000;
const P: f64 = 0.1;

/// The decisions of a step: whether elements are dropped.
type Drops = [bool; LEN];

fn main() {
    println!("| masks of | element 0 dropped | and then again | element 1 again | rates | steps | neighbours |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    row("xorshift", by_xorshift);
    row("counter_hash", |step| from_fn(|i| mix(key(step).wrapping_add(i as u32)) < THRESHOLDS[0] as u32));
    row("`Mask`", by_the_library);
    println!("\n{} pairs of 100,000 steps of counter_hash share decisions, at other elements.", shifted_pairs(100_000));
}

fn by_xorshift(step: u32) -> Drops {
    let mut state = XORSHIFT_SEED ^ step;
    from_fn(|_| {
        state = xorshift(state);
        state < THRESHOLDS[0] as u32
    })
}

fn by_the_library(step: u32) -> Drops {
    let rate = Rate::from_threshold(THRESHOLDS[0]).expect("a threshold");
    let mut keeps = [false; LEN];
    Mask::new(rate, Address { step, ..ADDRESS }).bools(&mut keeps).expect("an address");
    keeps.map(|keep| !keep)
}

fn row(name: &str, mask: impl Fn(u32) -> Drops) {
    let (mut dropped, mut again) = ([0.0; LEN], [0.0; LEN]);
    let mut sums = [[0.0; LEN]; 3];
    let mut before: Option<[f64; LEN]> = None;
    for step in 0..STEPS {
        let drops = mask(step);
        // Of mean 0 and variance 1.
        let x = drops.map(|drop| (f64::from(u8::from(drop)) - P) / (P * (1.0 - P)).sqrt());
        for i in 0..LEN {
            let then = before.map_or(0.0, |before| before[i]);
            dropped[i] += f64::from(u8::from(drops[i]));
            again[i] += f64::from(u8::from(drops[i] && then > 0.0));
            sums[0][i] += x[i];
            sums[1][i] += x[i] * then;
            sums[2][i] += x[i] * x[(i + 1) % LEN];
        }
        before = Some(x);
    }
    let n = LEN as f64;
    let distances = sums.map(|sums| (sums.iter().map(|sum| sum * sum / f64::from(STEPS)).sum::<f64>() - n) / (2.0 * n).sqrt());
    let share = |i: usize| again[i] / dropped[i];
    print!("| {name} | {:.1} % | {:.3} | {:.3} |", 100.0 * dropped[0] / f64::from(STEPS), share(0), share(1));
    println!("{}", distances.map(|distance| format!(" {distance:.1} |")).concat());
}

/// Pairs of steps whose keys are so close that elements of one have the decisions of other elements of the other.
fn shifted_pairs(steps: u32) -> usize {
    let mut keys: Vec<u32> = (0..steps).map(key).collect();
    keys.sort_unstable();
    let near = |i: usize| keys[i + 1..].iter().take_while(|&&other| other - keys[i] < LEN as u32).count();
    (0..keys.len()).map(near).sum()
}
