//! Time of a training call of `candle_nn::Dropout` and of this crate's `Dropout`, side by side:
//! `cargo run --release --example speed`, with `RAYON_NUM_THREADS` for more threads than one.
#![expect(clippy::cast_precision_loss, reason = "lengths below 2^53 are exact")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor, Var};

/// The shortest time that each of two tasks took, in turns.
fn shortest(tasks: [&dyn Fn() -> Result<()>; 2]) -> Result<[Duration; 2]> {
    let mut shortest = [Duration::MAX; 2];
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        for (task, shortest) in tasks.iter().zip(&mut shortest) {
            let start = Instant::now();
            task()?;
            *shortest = start.elapsed().min(*shortest);
        }
    }
    Ok(shortest)
}

fn main() -> Result<()> {
    let threads = std::env::var("RAYON_NUM_THREADS").ok().and_then(|threads| threads.parse().ok()).unwrap_or(1);
    rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global().map_err(candle_core::Error::wrap)?;
    // Allocated and freed, this makes glibc keep the memory of smaller tensors, as in a program that has run for a while.
    drop(black_box(vec![0_u8; 30 << 20]));
    println!("f32, {threads} thread(s)            candle-nn      here");
    for (n, p) in [(1 << 14, 0.1), (1 << 17, 0.1), (1 << 20, 0.1), (1 << 20, 0.5), (1 << 24, 0.1)] {
        let theirs = candle_nn::Dropout::new(p);
        let ours = dropout_kernels_candle::Dropout::new(p);
        let x = Var::rand(-1_f32, 1.0, n, &Device::Cpu)?;
        let print = |pass: &str, [theirs, ours]: [Duration; 2]| {
            let ns = |time: Duration| time.as_secs_f64() * 1e9 / n as f64;
            let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
            println!("{n:>8}  {p}  {pass:<18} {:>6.3} ns {:>6.3} ns  {ratio:>5.1} times as fast", ns(theirs), ns(ours));
        };
        let forward: [&dyn Fn() -> Result<()>; 2] =
            [&|| theirs.forward(&x, true).map(|y| drop(black_box(y))), &|| ours.forward(&x, true).map(|y| drop(black_box(y)))];
        print("forward", shortest(forward)?);
        let gradient = |y: Tensor| y.backward().map(|gradients| drop(black_box(gradients)));
        let both: [&dyn Fn() -> Result<()>; 2] = [&|| gradient(theirs.forward(&x, true)?), &|| gradient(ours.forward(&x, true)?)];
        print("forward, backward", shortest(both)?);
    }
    Ok(())
}
