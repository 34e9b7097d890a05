//! CPU time of a training call on views, beside that on the row-major tensor: `cargo run --release --example views`. Asserts that
//! all have the same result.
#![expect(clippy::cast_precision_loss, reason = "lengths below 2^53 are exact")]

use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor};
use cpu_time::ThreadTime;
use dropout_kernels_candle::{Address, Addresses, Dropout};

fn main() -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().map_err(candle_core::Error::wrap)?;
    let first = Address { seed: 42, ..Address::default() };
    for side in [512, 4000] {
        let x = Tensor::rand(-1_f32, 1.0, (side, side), &Device::Cpu)?;
        let column_major = x.t()?.contiguous()?.t()?;
        let dropout = Dropout::new_in(0.1, &Addresses::new(42));
        let in_place = [x.copy()?, column_major.copy()?];
        let expected = dropout.forward_at(&x, first)?;
        in_place.iter().try_for_each(|x| Dropout::new_in(0.1, &Addresses::new(42)).forward_inplace(x, true))?;
        for y in [dropout.forward_at(&column_major, first)?, in_place[0].clone(), in_place[1].clone()] {
            assert_eq!((y - &expected)?.abs()?.sum_all()?.to_scalar::<f32>()?.to_bits(), 0);
        }

        // In turns, the shortest of each. In place, all values soon are zeros, which take no other time.
        let forward = |x: &Tensor| dropout.forward(x, true).map(drop);
        let tasks: [(&str, &dyn Fn() -> Result<()>); 4] = [
            ("forward, row-major", &|| forward(&x)),
            ("forward, column-major: a copy, in place", &|| forward(&column_major)),
            ("forward_inplace, row-major", &|| dropout.forward_inplace(&in_place[0], true)),
            ("forward_inplace, column-major", &|| dropout.forward_inplace(&in_place[1], true)),
        ];
        let mut shortest = [Duration::MAX; 4];
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(8) {
            for ((_, task), shortest) in tasks.iter().zip(&mut shortest) {
                let start = ThreadTime::now();
                task()?;
                *shortest = start.elapsed().min(*shortest);
            }
        }
        for ((what, _), shortest) in tasks.iter().zip(shortest) {
            println!("{side:>5} square {:>7.2} ns an element, {what}", shortest.as_secs_f64() * 1e9 / (side * side) as f64);
        }
    }
    Ok(())
}
