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
      --ties           the highest bit of each byte that settles a tie, fair at once: of the decisions that
                       p = 1/16 drops, those that p = 1/32 drops too; without a rate
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
    bits: Bits,
    bytes: u64,
}

/// Which bits of masks to stream.
#[derive(Clone, Copy)]
enum Bits {
    /// The decisions at a rate.
    Decisions(Rate),
    /// Fair bits from the decisions at a rate.
    Debiased(Rate),
    /// The highest bits of the bytes of ties.
    Ties,
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
    let bits = match (arguments.flag("--debias"), arguments.flag("--ties")) {
        (false, false) => Bits::Decisions(rate),
        (true, false) => Bits::Debiased(rate),
        (false, true) => Bits::Ties,
        (true, true) => return Err("--debias and --ties exclude each other".into()),
    };
    let bytes = arguments.value("--bytes", u64::MAX)?;
    Ok(Options { order: arguments.positional("ORDER", order)?, bits, bytes })
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

fn stream(&Options { order, bits, bytes }: &Options) -> Result<(), Box<dyn Error>> {
    let (sixteenth, half_of_it) = (Rate::from_ratio(1, 16)?, Rate::from_ratio(1, 32)?);
    let mut output = io::stdout().lock();
    let mut left = bytes;
    let mut gathered = Gathered::default();
    for first in (0..).step_by(CHUNK) {
        let words = match bits {
            Bits::Decisions(rate) => blocks(order, rate, first)?.concat(),
            Bits::Debiased(rate) => {
                let blocks = blocks(order, rate, first)?;
                let pairs = blocks.as_chunks().0.iter().flat_map(|[first, second]| first.iter().zip(second));
                gathered.words(pairs.map(|(first, second)| (*first, first ^ second)))
            }
            Bits::Ties => {
                let (kept, tied) = (blocks(order, half_of_it, first)?, blocks(order, sixteenth, first)?);
                let (kept, not_tied) = (kept.as_flattened().iter(), tied.as_flattened().iter());
                gathered.words(kept.zip(not_tied).map(|(kept, not_tied)| (*kept, !not_tied)))
            }
        };
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

/// The masks of a chunk of a stream's blocks, from number `first` on.
fn blocks(order: Order, rate: Rate, first: u64) -> Result<[[u32; BLOCK]; CHUNK], dropout_kernels::Error> {
    let mut blocks = [[0; BLOCK]; CHUNK];
    let of_one_mask = if let Order::Elements = order { CHUNK } else { 1 };
    for (n, blocks) in (first..).step_by(of_one_mask).zip(blocks.chunks_mut(of_one_mask)) {
        Mask::new(rate, order.address(n)).words(blocks.len() * DECISIONS, blocks.as_flattened_mut())?;
    }
    Ok(blocks)
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

/// Bits from here and there, and those that are left over until they fill a word.
#[derive(Default)]
struct Gathered {
    bits: u64,
    len: u32,
}

impl Gathered {
    /// The bits of each word at the ones of its `places`.
    fn words(&mut self, words: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
        words.filter_map(|(bits, places)| self.word(bits, places)).collect()
    }

    /// Takes up some bits of a word, and gives a word back if it is full.
    fn word(&mut self, bits: u32, mut places: u32) -> Option<u32> {
        while places != 0 {
            self.bits |= u64::from(bits >> places.trailing_zeros() & 1) << self.len;
            self.len += 1;
            places &= places - 1;
        }
        let word = self.bits as u32;
        (self.len >= u32::BITS).then(|| {
            self.bits >>= u32::BITS;
            self.len -= u32::BITS;
            word
        })
    }
}
