//! What the targets make of bytes. Integers have a width of their own and never that of `usize`, so that a corpus means the same on every
//! CPU. What is common is common for random bytes too: a byte says which of several choices it is, where a derived `Arbitrary` would give
//! each the same share, and nearly every case some error.
#![expect(clippy::cast_precision_loss, reason = "thresholds have at most 33 bits: exact")]

use arbitrary::{Arbitrary, Result as Read, Unstructured};
use dropout_kernels::{Address, Error, Mask, Rate};

use crate::oracle;
use crate::value::{Bits, random};

#[cfg(feature = "half")]
pub use half::{bf16, f16};
/// Without the feature, something else takes their place, so that a corpus means the same.
#[cfg(not(feature = "half"))]
pub use std::primitive::{f32 as bf16, f32 as f16};

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
        oracle::dropped(self.p(), self.address, count)
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
    pub const MAX: usize = if cfg!(miri) { 300 } else { 4500 }; // which interprets thousands of times as slowly

    pub fn get(self) -> usize {
        match self {
            Self::Few(count) => count.into(),
            Self::Many(count) => usize::from(count) % (Self::MAX + 1),
        }
    }
}

/// Of an axis.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// Mostly small, so that many shapes can be walked.
    Walked(u16),
    Any(Integer),
}

impl<'a> Arbitrary<'a> for Extent {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        Ok(Self::Walked(match bytes.arbitrary::<u8>()? {
            0..64 => 1,
            byte @ 64..184 => (2 + byte % 6).into(),
            184..192 => 0,
            // Around a limb.
            208..224 => 57 + bytes.arbitrary::<u16>()? % 16,
            byte @ 192..248 => bytes.arbitrary::<u16>()? % if byte % 4 > 0 { 300 } else { 4500 },
            _ => return bytes.arbitrary().map(Self::Any),
        }))
    }
}

impl Extent {
    /// Such that at most so many elements are walked with it.
    pub fn within(self, most: usize) -> usize {
        match self {
            Self::Walked(extent) if usize::from(extent) > most => 1 + usize::from(extent) % most.max(1),
            Self::Walked(extent) => extent.into(),
            // Cut short where usize is.
            Self::Any(extent) => extent.get() as usize,
        }
    }

    pub const fn is_walked(self) -> bool {
        matches!(self, Self::Walked(_))
    }
}

/// The extents of a shape with at most so many elements, if all are of the kind that is walked.
pub fn extents(extents: &[Extent], mut most: usize) -> Vec<usize> {
    let within = |extent: &Extent| {
        let walked = extent.within(most);
        if extent.is_walked() {
            most /= walked.max(1);
        }
        walked
    };
    extents.iter().map(within).collect()
}

/// One for each axis of a shape, mostly of up to four.
#[derive(Clone, Debug)]
pub struct PerAxis<T>(pub Vec<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for PerAxis<T> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        let rank = [2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 1, 1, 0, 5, 6, 7, 8, 9][usize::from(bytes.arbitrary::<u8>()? % 18)];
        (0..rank).map(|_| bytes.arbitrary()).collect::<Read<_>>().map(Self)
    }
}

/// Axes that share decisions.
#[derive(Clone, Debug)]
pub enum Shared {
    /// A bit for each, and the highest for the other order.
    Bits(u16),
    /// Those that there are not, and some twice.
    Any(Vec<u8>),
}

impl<'a> Arbitrary<'a> for Shared {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        Ok(match bytes.arbitrary::<u8>()? {
            0..96 => Self::Bits(0),
            96..248 => Self::Bits(bytes.arbitrary()?),
            _ => Self::Any(bytes.arbitrary()?),
        })
    }
}

impl Shared {
    pub fn axes(&self, rank: usize) -> Vec<usize> {
        match self {
            Self::Any(axes) => axes.iter().copied().map(usize::from).collect(),
            Self::Bits(bits) => {
                let axes = (0..rank.min(15)).filter(|axis| bits >> axis & 1 == 1);
                if bits >> 15 == 1 { axes.rev().collect() } else { axes.collect() }
            }
        }
    }
}

/// Something that is rarely so.
#[derive(Clone, Copy, Debug)]
pub struct Rarely<T>(pub Option<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Rarely<T> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        Ok(Self(if bytes.arbitrary::<u8>()? < 240 { None } else { Some(bytes.arbitrary()?) }))
    }
}

/// The length of a slice that another argument prescribes: off by so many.
pub type Length = Rarely<i8>;

impl Length {
    pub fn get(self, right: usize) -> usize {
        right.saturating_add_signed(self.0.unwrap_or(0).into())
    }
}

/// Errs where the library must, when a slice has another length than the other arguments say.
pub fn check_length(name: &'static str, expected: usize, actual: usize) -> Result<(), Error> {
    if actual == expected { Ok(()) } else { Err(Error::Length { name, expected, actual }) }
}

/// Elements.
#[derive(Arbitrary, Clone, Debug)]
pub enum Values {
    /// All the values that a kernel could treat differently from others, over and over.
    Special,
    /// By representation, over and over but counted up each time, so that elements that change places show.
    Given(u64, Vec<u64>),
    /// Both.
    Random(u64),
}

impl Values {
    pub fn get<E: Bits>(&self, len: usize) -> Vec<E> {
        match self {
            Self::Special => E::SPECIAL.iter().copied().cycle().take(len).collect(),
            Self::Given(first, more) => {
                let given = || [first].into_iter().chain(more);
                (0..).flat_map(|round| given().map(move |bits| E::from_bits(bits.wrapping_add(round)))).take(len).collect()
            }
            Self::Random(seed) => random(*seed, len),
        }
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
