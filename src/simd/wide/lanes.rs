//! What an instruction set must be able to do for a generator of random bits.

use core::ops::{BitAnd, BitOr, BitXor, Not};

use crate::simd::lanes::Lanes;

/// 64-bit lanes in a vector of the generator.
pub(crate) const GROUP: usize = 8;

/// An instruction set with vectors of integers too, eight 64-bit lanes at a time: what a generator of random bits asks
/// for.
pub(crate) trait WideLanes: Lanes {
    /// Whether two chains of multiplications in lockstep take less time than one after the other.
    const PAIRS: bool;

    type U64x8: Copy
        + BitXor<Output = Self::U64x8>
        + BitAnd<Output = Self::U64x8>
        + BitOr<Output = Self::U64x8>
        + Not<Output = Self::U64x8>;

    fn splat(self, x: u64) -> Self::U64x8;
    fn load(self, x: &[u64; GROUP]) -> Self::U64x8;
    fn sub_u64(self, x: Self::U64x8, y: Self::U64x8) -> Self::U64x8;
    fn shr_u64<const N: u32>(self, x: Self::U64x8) -> Self::U64x8;
    /// The 64-bit product of each lane's low half and `factor`.
    fn mul(self, x: Self::U64x8, factor: u32) -> Self::U64x8;
    /// Each lane's halves exchanged.
    fn swap(self, x: Self::U64x8) -> Self::U64x8;
    /// Lane i of the two vectors as pair i.
    fn interleave(self, halves: [Self::U64x8; 2]) -> [[u64; 2]; GROUP];
    /// The same, as 32-bit words.
    fn interleave_i32(self, halves: [Self::U64x8; 2]) -> [Self::I32s; 2];
    /// For each lane's sixteen bytes, a bit that is set if the byte is below that of `than`, and one if it equals that:
    /// sixteen bits a lane, those of four lanes in an integer.
    fn compare_bytes(self, bytes: [Self::U64x8; 2], than: Self::U64x8) -> [[u64; 2]; 2];
    /// The lowest bits of `bits`, in order, at the ones of `places`; zeros elsewhere (PDEP).
    #[inline(always)]
    fn deposit(self, mut bits: u64, mut places: u64) -> u64 {
        let mut deposited = 0;
        while bits != 0 && places != 0 {
            let place = places & places.wrapping_neg();
            deposited |= place & (bits & 1).wrapping_neg();
            bits >>= 1;
            places ^= place;
        }
        deposited
    }
    /// Deals sixteen bytes of each lane to the ones of its `places`, in order, and clears those of `keep` whose byte is
    /// below `than`.
    fn deal(self, bytes: [Self::U64x8; 2], than: u8, places: [Self::U64x8; 2], keep: [Self::U64x8; 2]) -> Dealt;
}

/// What [`WideLanes::deal`] gives for each lane.
pub(crate) struct Dealt {
    pub(crate) keep: [[u64; 2]; GROUP],
    /// A bit for each lane in which a byte that equals `than` is dealt.
    pub(crate) open: u8,
    /// A bit for each lane with more than sixteen places.
    pub(crate) many: u8,
}
