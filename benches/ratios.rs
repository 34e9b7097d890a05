//! Every operation on every backend as a ratio to `scale` (y = x * s over the same slices: a dropout whose mask costs nothing; x *= s for
//! what runs in place) and to memcpy, all three in turn in one process, so that the ratios repeat where nanoseconds do not.
//!
//! `cargo bench --bench ratios` prints a table; `-- --json FILE` also writes it as JSON. With the feature `rayon` there is a row for
//! all threads, beside the floor on one. (`kinds` has the other kinds of dropout, layouts and types.)
#![expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]

#[path = "measure/json.rs"]
mod json;
mod measure;

use std::env;
use std::error::Error;
use std::ffi::OsString;

use dropout_kernels::{Backend, Dropout, Layout, Mask, Rate};
use measure::{Row, Slices, Times, address, scale, train};

const SIZES: [usize; 5] = [64, 1 << 14, 1 << 17, 1 << 20, 1 << 24];

const RATES: &[f64] = &[0.1, 0.3, 0.5];

struct Operation {
    name: &'static str,
    dtype: &'static str,
    rates: &'static [f64],
    backends: fn() -> Vec<(String, Option<Backend>)>,
    measure: fn(&Case, &mut Slices) -> Times,
}

const OPERATIONS: &[Operation] = &[
    Operation { name: "dense", dtype: "f32", rates: RATES, backends: every_backend, measure: dense },
    Operation { name: "dense_in_place", dtype: "f32", rates: RATES, backends: every_backend, measure: dense_in_place },
    #[cfg(feature = "rayon")]
    Operation { name: "dense_parallel", dtype: "f32", rates: RATES, backends: all_threads, measure: dense_parallel },
    Operation { name: "channel", dtype: "f32", rates: &[0.2], backends: every_backend, measure: channel },
    Operation { name: "mask", dtype: "bit", rates: RATES, backends: every_backend, measure: mask },
];

fn main() -> Result<(), Box<dyn Error>> {
    let json = json_file()?;
    let mut rows = Vec::new();
    println!("{}   Gbit/s", Row::HEADER);
    for operation in OPERATIONS {
        for &p in operation.rates {
            for n in SIZES {
                let mut slices = Slices::new(n);
                for (backend_name, backend) in (operation.backends)() {
                    let times = (operation.measure)(&Case { p, backend }, &mut slices);
                    let row = Row { op: operation.name.into(), backend: backend_name, dtype: operation.dtype, n, p, times };
                    print!("{row}");
                    // At p = 0.5 these are random bits, to be compared with those of generators.
                    if operation.dtype == "bit" {
                        print!("{:9.2}", 1.0 / row.times.operation);
                    }
                    println!();
                    rows.push(json::object(&row));
                }
            }
        }
    }
    if let Some(file) = json {
        std::fs::write(file, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// The file to write JSON to, if one is asked for.
fn json_file() -> Result<Option<OsString>, &'static str> {
    let mut arguments = env::args_os().skip(1).filter(|argument| argument != "--bench"); // cargo adds it
    match [(); 3].map(|()| arguments.next()) {
        [None, ..] => Ok(None),
        [Some(name), file @ Some(_), None] if name == "--json" => Ok(file),
        _ => Err("usage: cargo bench --bench ratios [-- --json FILE]"),
    }
}

/// What a user gets who names no backend, and each by name.
fn every_backend() -> Vec<(String, Option<Backend>)> {
    let named = Backend::all().map(|backend| (backend.name().to_owned(), Some(backend)));
    std::iter::once(("auto".to_owned(), None)).chain(named).collect()
}

#[cfg(feature = "rayon")]
fn all_threads() -> Vec<(String, Option<Backend>)> {
    vec![(format!("auto x{}", rayon::current_num_threads()), None)]
}

struct Case {
    p: f64,
    backend: Option<Backend>,
}

impl Case {
    fn rate(&self) -> Rate {
        Rate::new(self.p).unwrap()
    }

    fn dropout(&self) -> Dropout {
        let dropout = Dropout::new(self.rate());
        self.backend.map_or(dropout, |backend| dropout.on(backend))
    }

    /// Within five standard deviations of the rate.
    fn assert_rate(&self, elements: usize, dropped: usize, decisions: usize) {
        let (p, fraction) = (self.p, dropped as f64 / elements as f64);
        let deviation = (p * (1.0 - p) / decisions as f64).sqrt();
        assert!((fraction - p).abs() < 5.0 * deviation, "{dropped} of {elements} dropped at p = {p}");
    }
}

fn dense(case: &Case, slices: &mut Slices) -> Times {
    let dropout = case.dropout();
    let run = |slices: &mut Slices, step| dropout.apply(train(step), &slices.x, &mut slices.y).unwrap();
    run(slices, 0);
    case.assert_rate(slices.y.len(), zeros(&slices.y), slices.y.len());
    Times::measure(slices, run, scale)
}

/// The floor of what runs in place.
fn scale_in_place(slices: &mut Slices, s: f32) {
    for y in &mut slices.y {
        *y *= s;
    }
}

fn dense_in_place(case: &Case, slices: &mut Slices) -> Times {
    let dropout = case.dropout();
    // Whatever is dropped stays zero until memcpy's next turn, which takes no less time.
    let run = |slices: &mut Slices, step| dropout.apply_in_place(train(step), &mut slices.y).unwrap();
    slices.y.copy_from_slice(&slices.x);
    run(slices, 0);
    case.assert_rate(slices.y.len(), zeros(&slices.y), slices.y.len());
    Times::measure(slices, run, scale_in_place)
}

#[cfg(feature = "rayon")]
fn dense_parallel(case: &Case, slices: &mut Slices) -> Times {
    let dropout = case.dropout().in_parallel();
    let run = |slices: &mut Slices, step| dropout.apply(train(step), &slices.x, &mut slices.y).unwrap();
    run(slices, 0);
    case.assert_rate(slices.y.len(), zeros(&slices.y), slices.y.len());
    Times::measure_by(measure::wall_time, slices, run, scale)
}

fn channel(case: &Case, slices: &mut Slices) -> Times {
    let n = slices.x.len();
    // Feature maps of 32 x 32; the smallest tensor is a single one of 8 x 8.
    let side = if n < 32 * 32 { 8 } else { 32 };
    let layout = Layout::nchw([1, n / (side * side), side, side]).unwrap();
    let dropout = case.dropout().with_layout(layout);
    let run = |slices: &mut Slices, step| dropout.apply(train(step), &slices.x, &mut slices.y).unwrap();
    run(slices, 0);
    case.assert_rate(n, zeros(&slices.y), layout.decisions());
    Times::measure(slices, run, scale)
}

/// Packed keep bits alone; the floors handle as many floats.
fn mask(case: &Case, slices: &mut Slices) -> Times {
    let n = slices.x.len();
    let mut words = vec![0; n / 32];
    let run = |step, words: &mut [u32]| {
        let mask = Mask::new(case.rate(), address(step));
        case.backend.map_or(mask, |backend| mask.on(backend)).words(n, words).unwrap();
    };
    run(0, &mut words);
    case.assert_rate(n, words.iter().map(|word| word.count_zeros() as usize).sum(), n);
    Times::measure(slices, |_, step| run(step, &mut words), scale)
}

fn zeros(y: &[f32]) -> usize {
    y.iter().filter(|y| y.to_bits() == 0).count()
}
