//! Streams the decisions of masks as raw bits, for batteries of randomness tests: `mask_bits steps | dieharder -g 200 -a`.
//!
//! `cargo run --release -p dropout-kernels-examples --example mask_bits`, and options after `--`: see `--help`. `tests/randomness/run` feeds batteries with it.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use common::arguments::{self, Arguments};
use dropout_kernels::{Address, Mask, Rate};

const HELP: &str = "\
Streams the decisions of masks, one bit each, in blocks of 128, until nobody reads on.

mask_bits ORDER: which coordinate of the address grows from block to block
    elements           one mask from its beginning on
    steps              the same elements, one step after another
    layers             the same elements, one layer after another
    seeds              the same elements, one seed after another

  -p, --rate P         rate of the dropout [0.5]
      --debias         fair bits at any rate, by von Neumann's method: of blocks 2n and 2n + 1, decision by
                       decision, the first if they differ and nothing if they agree
      --bytes N        end after so many
  -h, --help           this text";

#[derive(Clone, Copy)]
enum Order {
    Elements,
    Steps,
    Layers,
    Seeds,
}

struct Options {
    order: Order,
    rate: Rate,
    debias: bool,
    bytes: u64,
}

/// The 128 decisions that one Philox call makes at p = 1/2, in words.
const BLOCK: usize = 4;
const DECISIONS: usize = 32 * BLOCK;

/// Blocks computed at a time.
const CHUNK: usize = 1 << 10;

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match stream(options) {
        // The battery has seen enough: that is how a stream ends.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => Ok(()),
        result => result,
    }
}

fn options(arguments: &mut Arguments) -> Result<Options, Box<dyn Error>> {
    let rate = arguments.rate(["-p", "--rate"], 0.5)?;
    let (debias, bytes) = (arguments.flag("--debias"), arguments.value("--bytes", u64::MAX)?);
    Ok(Options { order: arguments.positional("ORDER", order)?, rate, debias, bytes })
}

fn order(name: &str) -> Result<Order, String> {
    match name {
        "elements" => Ok(Order::Elements),
        "steps" => Ok(Order::Steps),
        "layers" => Ok(Order::Layers),
        "seeds" => Ok(Order::Seeds),
        _ => Err("expected elements, steps, layers or seeds".into()),
    }
}

fn stream(&Options { order, rate, debias, bytes }: &Options) -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    let mut left = bytes;
    let mut blocks = [[0; BLOCK]; CHUNK];
    let mut fair = FairBits::default();
    for first in (0..).step_by(CHUNK) {
        fill(order, rate, first, &mut blocks)?;
        let words = if debias { fair.words(&blocks) } else { blocks.concat() };
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let len = left.min(bytes.len() as u64);
        output.write_all(&bytes[..len as usize])?;
        left -= len;
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// The blocks of a stream from number `first` on.
fn fill(order: Order, rate: Rate, first: u64, blocks: &mut [[u32; BLOCK]]) -> Result<(), dropout_kernels::Error> {
    let of_one_mask = if let Order::Elements = order { blocks.len() } else { 1 };
    for (n, blocks) in (first..).step_by(of_one_mask).zip(blocks.chunks_mut(of_one_mask)) {
        Mask::new(rate, order.address(n)).words(blocks.len() * DECISIONS, blocks.as_flattened_mut())?;
    }
    Ok(())
}

impl Order {
    /// Where block `n` of a stream begins.
    fn address(self, n: u64) -> Address {
        let start = Address { seed: 42, ..Address::default() };
        // When all 2^32 steps or layers have been through, it is the turn of the next block of each.
        let (coordinate, next) = (n as u32, Address { offset: (n >> 32) * DECISIONS as u64, ..start });
        match self {
            Self::Elements => Address { offset: n * DECISIONS as u64, ..start },
            Self::Steps => Address { step: coordinate, ..next },
            Self::Layers => Address { layer: coordinate, ..next },
            Self::Seeds => Address { seed: n, ..start },
        }
    }
}

/// Bits that are left over until they fill a word.
#[derive(Default)]
struct FairBits {
    bits: u64,
    len: u32,
}

impl FairBits {
    fn words(&mut self, blocks: &[[u32; BLOCK]]) -> Vec<u32> {
        let mut words = Vec::new();
        let (pairs, _) = blocks.as_chunks();
        for [first, second] in pairs {
            for (first, second) in first.iter().zip(second) {
                words.extend(self.word(*first, *second));
            }
        }
        words
    }

    /// Takes up the bits of `first` that differ from those of `second`, and gives a word back if it is full.
    fn word(&mut self, first: u32, second: u32) -> Option<u32> {
        let mut differ = first ^ second;
        while differ != 0 {
            self.bits |= u64::from(first >> differ.trailing_zeros() & 1) << self.len;
            self.len += 1;
            differ &= differ - 1;
        }
        let word = self.bits as u32;
        (self.len >= u32::BITS).then(|| {
            self.bits >>= u32::BITS;
            self.len -= u32::BITS;
            word
        })
    }
}
