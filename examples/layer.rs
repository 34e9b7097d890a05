//! Any layer as a filter of raw little-endian elements, so that programs in other languages can see what it does.
//!
//! `cargo run --release -p dropout-kernels-examples --example layer -- --shape 2,3,4 --shared 2 < x > y`, and other options: see `--help`.

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

use common::arguments::{self, Arguments};
use dropout_kernels::{
    Address, AlphaDropout, DropBlock, Dropout, Filler, Float, GaussianDropout, GaussianNoise, Layout, Mode, Part, Rate, Select,
};
use half::{bf16, f16};

const HELP: &str = "\
Reads a tensor of raw little-endian elements and writes what a layer makes of it, once for each step.

      --kind KIND      element, alpha, gaussian, noise (the rate is its deviation) or drop_block [element]
      --select         choose between two tensors, the dropped elements from one that follows the first on standard input
      --dtype TYPE     f32, f64, f16 or bf16 [f32]
      --shape N,N,...  the tensor's shape
      --whole N,N,...  shape of the tensor that it is a part of [itself]
      --start N,N,...  where in the whole it begins [0,0,...]
      --shared N,...   axes along which all elements share a decision [none]
      --block N        rows and columns of a dropped block [1]
  -p, --rate P         rate of the dropout [0.5]
      --seed N         seed [42]
      --layer N        number of the layer [0]
      --step N         first training step [0]
      --steps N        training steps [1]
      --offset N       index of the whole's first decision [0]
      --eval           evaluation rather than training
  -h, --help           this text";

struct Options {
    kind: String,
    select: bool,
    dtype: String,
    shape: Vec<usize>,
    whole: Vec<usize>,
    start: Vec<usize>,
    shared: Vec<usize>,
    block: usize,
    rate: Rate,
    /// Of the first step.
    address: Address,
    steps: u32,
    eval: bool,
}

impl Options {
    fn mode(&self, address: Address) -> Mode<'static> {
        if self.eval { Mode::Eval } else { Mode::Train(address) }
    }

    fn layout(&self) -> Result<Layout, dropout_kernels::Error> {
        let whole = if self.whole.is_empty() { &self.shape } else { &self.whole };
        let at_the_start = vec![0; whole.len()];
        let start = if self.start.is_empty() { &at_the_start } else { &self.start };
        Layout::part(Part { whole, start, shape: &self.shape, shared: &self.shared, strides: None })
    }
}

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    match options.dtype.as_str() {
        "f32" => filter(options, &bytes, f32::from_le_bytes, f32::to_le_bytes),
        "f64" => filter(options, &bytes, f64::from_le_bytes, f64::to_le_bytes),
        "f16" => filter(options, &bytes, f16::from_le_bytes, f16::to_le_bytes),
        "bf16" => filter(options, &bytes, bf16::from_le_bytes, bf16::to_le_bytes),
        unknown => Err(format!("no type {unknown}").into()),
    }
}

/// Of elements of `N` bytes.
fn filter<E: Float, const N: usize>(
    options: &Options,
    bytes: &[u8],
    from_bytes: fn([u8; N]) -> E,
    to_bytes: fn(E) -> [u8; N],
) -> Result<(), Box<dyn Error>> {
    let x: Vec<E> = bytes.as_chunks().0.iter().map(|bytes| from_bytes(*bytes)).collect();
    for step in 0..options.steps {
        let address = Address { step: options.address.step.wrapping_add(step), ..options.address };
        let mut y = x.clone();
        if options.select {
            let mode = options.mode(address);
            let dropped = y.split_off(x.len() / 2);
            Select::new(options.rate).with_layout(options.layout()?).apply_in_place(mode, &mut y, Filler::Tensor(&dropped))?;
        } else {
            apply(options, address, &mut y)?;
        }
        stdout().write_all(&y.into_iter().flat_map(to_bytes).collect::<Vec<u8>>())?;
    }
    Ok(())
}

fn apply<E: Float>(options: &Options, address: Address, x: &mut [E]) -> Result<(), Box<dyn Error>> {
    let Options { rate, shape, whole, .. } = options;
    let (mode, layout) = (options.mode(address), options.layout()?);
    match options.kind.as_str() {
        "element" => Dropout::new(*rate).with_layout(layout).apply_in_place(mode, x)?,
        "alpha" => AlphaDropout::new(*rate).with_layout(layout).apply_in_place(mode, x)?,
        "gaussian" => GaussianDropout::new(*rate).with_layout(layout).apply_in_place(mode, x)?,
        "noise" => GaussianNoise::new(rate.realised() as f32)?.with_layout(layout).apply_in_place(mode, x)?,
        "drop_block" if whole.is_empty() || whole == shape => {
            let drop_block = DropBlock::nchw(*rate, [options.block; 2], shape.as_slice().try_into()?)?;
            let mut words = vec![0; drop_block.mask_words()];
            let mask = drop_block.draw(address, &mut words)?;
            drop_block.apply_in_place((!options.eval).then_some(mask), x)?;
        }
        "drop_block" => return Err("DropBlock takes whole tensors".into()),
        unknown => return Err(format!("no kind {unknown}").into()),
    }
    Ok(())
}

fn options(arguments: &mut Arguments) -> Result<Options, Box<dyn Error>> {
    Ok(Options {
        kind: arguments.value("--kind", "element".into())?,
        select: arguments.flag("--select"),
        dtype: arguments.value("--dtype", "f32".into())?,
        shape: arguments.list("--shape")?,
        whole: arguments.list("--whole")?,
        start: arguments.list("--start")?,
        shared: arguments.list("--shared")?,
        block: arguments.value("--block", 1)?,
        rate: arguments.rate(["-p", "--rate"], 0.5)?,
        address: Address {
            seed: arguments.value("--seed", 42)?,
            layer: arguments.value("--layer", 0)?,
            step: arguments.value("--step", 0)?,
            offset: arguments.value("--offset", 0)?,
        },
        steps: arguments.value("--steps", 1)?,
        eval: arguments.flag("--eval"),
    })
}
