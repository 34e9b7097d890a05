//! Instructions an element, counted by callgrind: the same figures on a noisy machine and a quiet one.
//!
//! `cargo bench --bench instructions` runs itself under valgrind, once with one call of each operation and once with two, and prints the
//! difference. Valgrind has no AVX-512, so that backend is not counted.

use std::process::Command;

use dropout_kernels::{Address, Backend, Dropout, Layout, Mask, Mode, Rate};

const ELEMENTS: usize = 1 << 17;
const OPERATIONS: [&str; 4] = ["mask", "dense", "dense_in_place", "channel"];
const RATES: [f64; 2] = [0.5, 0.1];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [calls, backend, operation, p] = arguments.as_slice() {
        let backend = Backend::all().find(|known| known.name() == backend).expect("a backend that valgrind has");
        return run(calls.parse().expect("a number of calls"), backend, operation, p.parse().expect("a rate"));
    }
    println!("{:16}{:12}{:>6}{:>24}", "operation", "backend", "p", "instructions/element");
    for operation in OPERATIONS {
        for backend in Backend::all().filter(|backend| backend.name() != "avx512") {
            for p in RATES {
                let [one, two] = [1, 2].map(|calls: u32| count(&[&calls.to_string(), backend.name(), operation, &p.to_string()]));
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let each = (two - one) as f64 / ELEMENTS as f64;
                println!("{operation:16}{:12}{p:6}{each:24.3}", backend.name());
            }
        }
    }
}

fn run(calls: u32, backend: Backend, operation: &str, p: f64) {
    let rate = Rate::new(p).expect("a rate");
    let address = Address { seed: 42, ..Address::default() };
    let (x, mut y, mut words) = (vec![1.5_f32; ELEMENTS], vec![0.0; ELEMENTS], vec![0; ELEMENTS / 32]);
    let dense = Dropout::new(rate).on(backend);
    let maps = Layout::nchw([1, ELEMENTS / 1024, 32, 32]).expect("a shape");
    for _ in 0..calls {
        let done = match operation {
            "mask" => Mask::new(rate, address).on(backend).words(ELEMENTS, &mut words),
            "dense" => dense.apply(Mode::Train(address), &x, &mut y),
            "dense_in_place" => dense.apply_in_place(Mode::Train(address), &mut y),
            "channel" => dense.with_layout(maps).apply(Mode::Train(address), &x, &mut y),
            unknown => panic!("operation {unknown}"),
        };
        done.expect("good arguments");
        std::hint::black_box((&y, &words));
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
