//! Every operation on every backend as a ratio to `scale` (y = x * s over the same slices: a dropout whose mask costs nothing; x *= s for
//! what runs in place) and to memcpy, all three in turn in one process, so that the ratios repeat where nanoseconds do not.
//!
//! `cargo bench --bench ratios` prints a table; `-- --json FILE` also writes it as JSON. With the feature `rayon` there are rows for
//! all threads, beside the floor on one. (`kinds` has the other kinds of dropout, layouts and types.)

mod measure;

use std::env;
use std::error::Error;
use std::ffi::OsString;

use measure::operation::{Case, Operation};
use measure::times::{Row, Times};
use measure::{Point, SIZES, Slices, backends, json};

fn main() -> Result<(), Box<dyn Error>> {
    let json = json_file()?;
    let mut rows = Vec::new();
    println!("{}   Gbit/s", Row::HEADER);
    for operation in Operation::ALL {
        for &p in operation.rates() {
            for n in SIZES {
                let mut slices = Slices::new(n);
                for (backend_name, backend) in backends() {
                    let case = Case::new(operation, p, backend, n);
                    case.check(&mut slices);
                    let times = Times::measure(&mut slices, |slices, step| case.run(slices, step), case.floor());
                    let point = Point { op: operation.name().into(), backend: backend_name, dtype: operation.dtype(), n, p };
                    let row = Row { point, times };
                    print!("{row}");
                    // At p = 0.5 these are random bits, to be compared with those of generators.
                    if let Operation::Mask = operation {
                        print!("{:9.2}", 1.0 / row.times.operation);
                    }
                    println!();
                    rows.push(json::object(&row));
                }
            }
        }
    }
    #[cfg(feature = "rayon")]
    rows.extend(in_parallel().inspect(|row| println!("{row}")).map(|row| json::object(&row)));
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

/// Dense dropout on all threads.
#[cfg(feature = "rayon")]
fn in_parallel() -> impl Iterator<Item = Row> {
    let points = Operation::Dense.rates().iter().flat_map(|&p| SIZES.map(|n| (p, n)));
    points.map(|(p, n)| {
        let (mut slices, mut case) = (Slices::new(n), Case::new(Operation::Dense, p, None, n));
        case.dropout = case.dropout.in_parallel();
        case.check(&mut slices);
        let run = |slices: &mut Slices, step| case.run(slices, step);
        let times = Times::measure_by(measure::times::wall_time, &mut slices, run, case.floor());
        let backend = format!("auto x{}", rayon::current_num_threads());
        Row { point: Point { op: "dense_parallel".into(), backend, dtype: "f32", n, p }, times }
    })
}
