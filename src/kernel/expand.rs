//! Bits in the order of decisions into bits in the order of memory.

use crate::layout::{Expand, PLACES, Units};
use crate::mask::{Bits, LIMB, Writer, first_of};
use crate::simd::Limb;

/// Limbs of a window of memory, and one more, so that every limb has a next one.
const LIMBS: usize = PLACES / LIMB + 1;

/// The bits of units, as they lie in memory.
pub(super) struct Unfold([[Limb; LIMBS]; 2]);

impl Unfold {
    pub(super) const NEW: Self = Self([[0; LIMBS]; 2]);

    /// The bits of `count` units, whose decisions have these bits.
    pub(super) fn run<'a>(&'a mut self, units: &Units<'_>, bits: Bits<'a>, count: usize) -> Bits<'a> {
        let [mut to, mut other] = self.0.each_mut();
        let Some((first, rest)) = units.steps().split_first() else { return bits };
        let mut len = expand(*first, bits, count * units.decisions, to);
        for step in rest {
            core::mem::swap(&mut to, &mut other);
            len = expand(*step, Bits::new(other, 0), len, to);
        }
        Bits::new(to, 0)
    }
}

/// Expands the groups of `len` bits, and returns how many bits they become.
fn expand(step: Expand, bits: Bits<'_>, len: usize, to: &mut [Limb]) -> usize {
    let Expand { group, times, pitch } = step;
    let (groups, width) = (len / group.max(1), pitch * times);
    let mut writer = Writer::new(to);
    if width <= LIMB / 2 {
        // Past the last group too, where nothing is read.
        let spread = Spread::new(step);
        let firsts = (0..groups).step_by(spread.groups);
        if spread.groups * width == LIMB {
            to.iter_mut().zip(firsts).for_each(|(to, i)| *to = spread.of(bits.limb(i * group)));
        } else {
            firsts.for_each(|i| writer.push(spread.of(bits.limb(i * group)), spread.groups * width));
        }
    } else if pitch <= LIMB / 2 {
        // As many repetitions at once as fit a limb.
        let most = LIMB / pitch;
        let repeat = (0..most).fold(0, |repeat, i| repeat | 1 << (i * pitch));
        for i in 0..groups {
            let unit: Limb = first_of(bits.limb(i * group), group).wrapping_mul(repeat);
            let mut left = times;
            while left > 0 {
                let now = left.min(most);
                writer.push(first_of(unit, now * pitch), now * pitch);
                left -= now;
            }
        }
    } else {
        for i in 0..groups {
            for _ in 0..times {
                for from in (0..group).step_by(LIMB) {
                    let count = LIMB.min(group - from);
                    writer.push(first_of(bits.limb(i * group + from), count), count);
                }
                writer.pad(pitch - group);
            }
        }
    }
    groups * width
}

/// Expands several groups at once: moves them apart, the upper half first, then the upper half of each half, and so on,
/// and then repeats each.
struct Spread {
    step: Expand,
    /// The number of groups that are spread at once, a power of two.
    groups: usize,
    /// The lower half of each pair of 1, 2, 4, ... groups next to each other, when pairs are in their places.
    lower: [Limb; 6],
    /// A one for each repetition.
    repeat: Limb,
}

impl Spread {
    /// Of a step that makes at most half a limb of a group.
    fn new(step: Expand) -> Self {
        let Expand { group, times, pitch } = step;
        let width = pitch * times;
        let groups = 1 << (LIMB / width.max(1)).ilog2();
        let mut lower = [0; 6];
        for (i, lower) in lower.iter_mut().enumerate() {
            let run = 1 << i;
            for first in (0..groups).step_by(2 * run) {
                *lower |= first_of(Limb::MAX, run * group) << (first * width % LIMB);
            }
        }
        let repeat = (0..times).fold(0, |repeat, i| repeat | 1 << (i * pitch % LIMB));
        Self { step, groups, lower, repeat }
    }

    #[inline(always)]
    fn of(&self, bits: Limb) -> Limb {
        let Expand { group, times, pitch } = self.step;
        let mut apart = first_of(bits, self.groups * group);
        for (i, lower) in self.lower.iter().enumerate().rev() {
            let run = 1 << i;
            if run < self.groups {
                apart = apart & lower | (apart & !lower) << (run * (pitch * times - group));
            }
        }
        apart.wrapping_mul(self.repeat)
    }
}

/// A square matrix of bits, transposed: bit j of limb i becomes bit i of limb j (Warren, "Hacker's delight", 7-3).
pub(super) fn transpose(mut rows: [Limb; LIMB]) -> [Limb; LIMB] {
    let (mut half, mut low) = (LIMB / 2, Limb::MAX >> (LIMB / 2));
    while half > 0 {
        // Or the compiler writes out the six steps, each with a loop of its own.
        half = core::hint::black_box(half);
        for rows in rows.chunks_exact_mut(2 * half) {
            let (upper, lower) = rows.split_at_mut(half);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let exchanged = (*upper >> half ^ *lower) & low;
                *upper ^= exchanged << half;
                *lower ^= exchanged;
            }
        }
        half /= 2;
        low ^= low << half;
    }
    rows
}
