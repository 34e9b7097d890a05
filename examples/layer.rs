//! Any layer as a filter of raw little-endian `f32`s, so that programs in other languages can see what it does.
//!
//! `cargo run --release -p dropout-kernels-examples --example layer -- --shape 2,3,4 --shared 2 < x > y`, and other options: see `--help`.

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

use common::arguments::{self, Arguments};
use dropout_kernels::{Address, AlphaDropout, DropBlock, Dropout, GaussianDropout, Kind, Layer, Layout, Mode, Rate};

const HELP: &str = "\
Reads a tensor of f32s and writes what a layer makes of it, once for each step.

      --kind KIND      element, alpha, gaussian or drop_block [element]
      --shape N,N,...  the tensor's shape
      --shared N,...   axes along which all elements share a decision [none]
      --block N        rows and columns of a dropped block [1]
  -p, --rate P         rate of the dropout [0.5]
      --steps N        training steps [1]
      --eval           evaluation rather than training
  -h, --help           this text";

struct Options {
    kind: String,
    shape: Vec<usize>,
    shared: Vec<usize>,
    block: usize,
    rate: Rate,
    steps: u32,
    eval: bool,
}

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let x: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    for step in 0..options.steps {
        let y = output(options, Address { seed: 42, layer: 0, step, offset: 0 }, &x)?;
        stdout().write_all(&y.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
    }
    Ok(())
}

fn output(options: &Options, address: Address, x: &[f32]) -> Result<Vec<f32>, Box<dyn Error>> {
    let Options { rate, eval, .. } = *options;
    let mode = if eval { Mode::Eval } else { Mode::Train(address) };
    let layout = Layout::shared(&options.shape, &options.shared)?;
    match options.kind.as_str() {
        "element" => apply(&Dropout::new(rate).with_layout(layout), mode, x),
        "alpha" => apply(&AlphaDropout::new(rate).with_layout(layout), mode, x),
        "gaussian" => apply(&GaussianDropout::new(rate).with_layout(layout), mode, x),
        "drop_block" => {
            let drop_block = DropBlock::new(rate, options.block, options.shape.as_slice().try_into()?)?;
            let mut words = vec![0; drop_block.words()];
            let mask = drop_block.draw(address, &mut words)?;
            apply(&drop_block, if eval { Mode::Eval } else { Mode::Stored(mask) }, x)
        }
        unknown => Err(format!("no kind {unknown}").into()),
    }
}

fn apply<K: Kind<f32>>(layer: &Layer<K>, mode: Mode, x: &[f32]) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut y = x.to_vec();
    layer.apply_in_place(mode, &mut y)?;
    Ok(y)
}

fn options(arguments: &mut Arguments) -> Result<Options, Box<dyn Error>> {
    Ok(Options {
        kind: arguments.value("--kind", "element".into())?,
        shape: arguments.list("--shape")?,
        shared: arguments.list("--shared")?,
        block: arguments.value("--block", 1)?,
        rate: arguments.rate(["-p", "--rate"], 0.5)?,
        steps: arguments.value("--steps", 1)?,
        eval: arguments.flag("--eval"),
    })
}
