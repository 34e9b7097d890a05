//! What the targets make of the fuzzer's bytes. Integers have a width of their own and never that of `usize`, so that a corpus means
//! the same on every CPU.
#![expect(clippy::cast_precision_loss, reason = "thresholds have at most 33 bits: exact")]

use arbitrary::Arbitrary;
use dropout_kernels::{Address, Error, Mask, Rate};

use crate::value::Bits;
use crate::{case, oracle};

/// An address and a rate.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Decisions {
    seed: u64,
    layer: u32,
    step: u32,
    offset: Integer,
    threshold: Threshold,
}

/// An integer, often one that is near a carry.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Integer {
    Any(u64),
    /// So many before a power of two; before 2^64 too, as the bits come round.
    Before(u8, u16),
}

impl Integer {
    pub fn get(self) -> u64 {
        match self {
            Self::Any(integer) => integer,
            Self::Before(bit, distance) => 1_u64.checked_shl(u32::from(bit) % 65).unwrap_or(0).wrapping_sub(distance.into()),
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Threshold {
    Any(u32),
    /// Nothing is dropped, or everything.
    End(bool),
    /// Few bits: a multiple of 1/256.
    Short(u8),
    /// One bit.
    Power(u8),
    /// That of which a decision is the last kept, or just above it: it ties in all planes and bytes, or nearly.
    Tie {
        decision: u16,
        above: bool,
    },
}

impl Decisions {
    pub fn get(&self) -> Decided {
        let address = Address { seed: self.seed, layer: self.layer, step: self.step, offset: self.offset.get() };
        let threshold = match self.threshold {
            Threshold::Any(threshold) => threshold.into(),
            Threshold::End(all) => u64::from(all) << 32,
            Threshold::Short(high) => u64::from(high) << 24,
            Threshold::Power(bit) => 1 << (bit % 32),
            Threshold::Tie { decision, above } => {
                oracle::highest_that_keeps(uniform(address, decision.into())) + u64::from(above)
            }
        };
        Decided { address, threshold }
    }
}

/// An address and the threshold of a rate, and what the oracle says of them: to be asked once for all backends.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    pub address: Address,
    pub threshold: u64,
}

impl Decided {
    pub fn rate(&self) -> Rate {
        Rate::from_threshold(self.threshold).unwrap()
    }

    /// The probability that is realised.
    pub fn p(&self) -> f64 {
        self.threshold as f64 / (1_u64 << 32) as f64
    }

    pub fn mask(&self) -> Mask {
        Mask::new(self.rate(), self.address)
    }

    /// Whether one decision drops.
    pub fn dropped(&self, i: u64) -> bool {
        oracle::drops(uniform(self.address, i), self.threshold)
    }

    /// Which of the first `count` decisions drop.
    pub fn drops(&self, count: usize) -> Vec<bool> {
        case::drops(self.p(), self.address, count)
    }

    /// Errs where the library must: when the last decision would have an index of 2^64 or more.
    pub fn check_reach(&self, count: u64) -> Result<(), Error> {
        let offset = self.address.offset;
        let past_the_last = u128::from(offset) + u128::from(count);
        if count > 0 && past_the_last > 1 << 64 { Err(Error::IndexOverflow { offset, decisions: count }) } else { Ok(()) }
    }
}

/// The uniform integer of one decision, whose index wraps round.
fn uniform(Address { seed, layer, step, offset }: Address, i: u64) -> u64 {
    let index = offset.wrapping_add(i);
    oracle::decide(seed, layer, step, index / 128)[(index % 128) as usize]
}

/// How many: often few, so that many inputs are tried; up to a little more than two tiles of 16 blocks, as the second is the first
/// that is computed while there are values to be written.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Count {
    Few(u8),
    Many(u16),
}

impl Count {
    pub const MAX: usize = 4500;

    pub fn get(self) -> usize {
        match self {
            Self::Few(count) => count.into(),
            Self::Many(count) => usize::from(count) % (Self::MAX + 1),
        }
    }
}

/// Mostly small, so that many shapes can be walked.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Extent {
    One,
    UpTo7(u8),
    Many(Count),
    Any(Integer),
}

impl Extent {
    pub fn get(self) -> usize {
        match self {
            Self::One => 1,
            Self::UpTo7(extent) => usize::from(extent % 8),
            Self::Many(count) => count.get(),
            // Cut short where usize is.
            Self::Any(extent) => extent.get() as usize,
        }
    }
}

/// The length of a slice that another argument prescribes.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Length {
    Right,
    Wrong(i8),
}

impl Length {
    pub fn get(self, right: usize) -> usize {
        match self {
            Self::Right => right,
            Self::Wrong(by) => right.saturating_add_signed(by.into()),
        }
    }
}

/// Errs where the library must, when a slice has another length than the other arguments say.
pub fn check_length(name: &'static str, expected: usize, actual: usize) -> Result<(), Error> {
    if actual == expected { Ok(()) } else { Err(Error::Length { name, expected, actual }) }
}

/// Keep bits as words have them, after so many bits that are no part of the mask.
pub fn pack(before: usize, drops: &[bool]) -> Vec<u32> {
    let mut words = vec![0; (before + drops.len()).div_ceil(32)];
    for (i, &drop) in (before..).zip(drops) {
        words[i / 32] |= u32::from(!drop) << (i % 32);
    }
    words
}

/// Elements by representation.
#[derive(Arbitrary, Clone, Debug)]
pub struct Values(Vec<u64>);

impl Values {
    /// The given representations, over and over but counted up each time, so that elements that change places show. Of none, all
    /// the values that a kernel could treat differently from others.
    pub fn get<E: Bits>(&self, len: usize) -> Vec<E> {
        if self.0.is_empty() {
            return E::SPECIAL.iter().copied().cycle().take(len).collect();
        }
        let rounds = (0..).flat_map(|round| self.0.iter().map(move |bits| bits.wrapping_add(round)));
        rounds.take(len).map(E::from_bits).collect()
    }
}

/// Where in a larger allocation a slice lies: so many elements from its start, at any alignment, and so many from its end. With none
/// there, AddressSanitizer sees reads past the end as well.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Window {
    before: u8,
    after: u8,
}

impl Window {
    /// Runs `f` on a window of `len` elements, with canaries all over, and asserts that those around it are as they were.
    pub fn guard<T: Copy, R>(self, canary: T, len: usize, same: impl Fn(T, T) -> bool, f: impl FnOnce(&mut [T]) -> R) -> R {
        let [before, after] = [self.before, self.after].map(|elements| usize::from(elements % 18));
        let mut buffer = vec![canary; before + len + after];
        let result = f(&mut buffer[before..before + len]);
        let around = buffer[..before].iter().chain(&buffer[before + len..]);
        assert!(around.copied().all(|x| same(x, canary)), "wrote outside of {len} elements");
        result
    }
}
