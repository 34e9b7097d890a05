//! What a user can expect: nanoseconds an element of dropout, by the size of the tensor and the type of its elements, on the fastest
//! backend and one thread.
//!
//! `cargo bench --bench sizes --features half` prints a table of Markdown.

mod measure;

use dropout_kernels::{Dropout, Element, Kind, Layer, QuantizedDropout, Rate};
use measure::times::Times;
use measure::{Slices, scale, train};

const SIZES: [(usize, &str); 6] =
    [(64, "64"), (1 << 10, "1k"), (1 << 14, "16k"), (1 << 17, "128k"), (1 << 20, "1M"), (1 << 24, "16M")];

const RATES: [f64; 2] = [0.1, 0.5];

fn main() {
    println!("| ns an element |{}", SIZES.map(|(_, name)| format!(" {name} |")).concat());
    println!("|---|{}", "---:|".repeat(SIZES.len()));
    for p in RATES {
        let rate = Rate::new(p).unwrap();
        let dropout = Dropout::new(rate);
        row(&format!("`f32`, p = {p}"), |n| nanoseconds(dropout, n, 1.0_f32));
        row(&format!("`f64`, p = {p}"), |n| nanoseconds(dropout, n, 1.0_f64));
        #[cfg(feature = "half")]
        row(&format!("`f16`, p = {p}"), |n| nanoseconds(dropout, n, half::f16::ONE));
        #[cfg(feature = "half")]
        row(&format!("`bf16`, p = {p}"), |n| nanoseconds(dropout, n, half::bf16::ONE));
        row(&format!("`i8`, p = {p}"), |n| nanoseconds(QuantizedDropout::new(rate, 0_i8), n, 1));
    }
    row("`y = x * s` of `f32`", |n| Times::measure(&mut Slices::new(n), |slices, _| scale(slices, 1.0), scale).floor);
}

fn row(name: &str, nanoseconds: impl Fn(usize) -> f64) {
    println!("| {name} |{}", SIZES.map(|(n, _)| format!(" {:.2} |", nanoseconds(n))).concat());
}

fn nanoseconds<E: Element + Copy, K: Kind<E>>(dropout: Layer<K>, n: usize, one: E) -> f64 {
    let (x, mut y) = (vec![one; n], vec![one; n]);
    Times::measure(&mut Slices::new(n), |_, step| dropout.apply(train(step), &x, &mut y).unwrap(), scale).operation
}
