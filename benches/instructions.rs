//! Instructions an element, counted by callgrind: the same figures on a noisy machine and a quiet one.
//!
//! `cargo bench --bench instructions` runs itself under valgrind, once with one call of each operation and once with two, and prints the
//! difference. Valgrind has no AVX-512, so that backend is not counted.

mod measure;

use std::process::Command;

use dropout_kernels::Backend;
use measure::operation::{Case, Operation};
use measure::{Point, Slices};

const ELEMENTS: usize = 1 << 17;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [calls, backend, operation, p] = arguments.as_slice() {
        let backend = Backend::all().find(|known| known.name() == backend).expect("a backend that valgrind has");
        let operation = Operation::ALL.into_iter().find(|known| known.name() == operation).expect("an operation");
        let case = Case::new(operation, p.parse().expect("a rate"), Some(backend), ELEMENTS);
        let mut slices = Slices::new(ELEMENTS);
        for step in 0..calls.parse().expect("a number of calls") {
            case.run(std::hint::black_box(&mut slices), step);
        }
        return;
    }
    println!("op                    backend   type         n    p  instructions/element");
    for operation in Operation::ALL {
        for backend in Backend::all().filter(|backend| backend.name() != "avx512") {
            for &p in operation.rates() {
                let count = |calls: u32| count(&[&calls.to_string(), backend.name(), operation.name(), &p.to_string()]);
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let each = (count(2) - count(1)) as f64 / ELEMENTS as f64;
                let (op, backend) = (operation.name().into(), backend.name().into());
                println!("{}{each:22.3}", Point { op, backend, dtype: operation.dtype(), n: ELEMENTS, p });
            }
        }
    }
}

/// The instructions that this program executes with such arguments.
fn count(arguments: &[&str]) -> u64 {
    let program = std::env::current_exe().expect("this program");
    let valgrind = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let output = Command::new("valgrind").args(valgrind).arg(program).args(arguments).output().expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected : ")).unwrap_or_else(|| panic!("{report}"));
    collected.1.trim().parse().expect("a count")
}
