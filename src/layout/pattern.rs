//! From bits in the order of decisions to bits in the order of memory.
//!
//! Going outwards from the innermost axis in memory, a *unit* grows: so many decisions, and the places they have there. A
//! shared axis repeats it, a gap moves it away from the next. Both are one operation on bits, [`Expand`]. A row is as many
//! units as follow one another.

use super::axes::{Axes, Axis, MAX_RANK};
use super::part::Layout;
use super::walk::{Distance, Offsets, Stretches, Walk};

/// The most places of a unit, and of the bits that are laid out at once.
pub(crate) const PLACES: usize = 4096;

/// Contiguous places from which on nothing is gained by more at once.
const LONG: usize = 256;

/// Feature maps from which on a loop for each pays. Those that are dropped are not read.
const MAP: usize = 256;

/// Gaps with more places than this take more time as bits than what lies between them takes as a run of its own, some 30 ns.
const GAP: usize = 128;

/// Each group of bits, several times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expand {
    /// The number of bits of a group.
    pub(crate) group: usize,
    /// How often each is repeated.
    pub(crate) times: usize,
    /// The distance from one repetition to the next, and to the next group: `group` or more, with zeros between.
    pub(crate) pitch: usize,
}

/// How the bits of a tensor lie in memory.
pub(crate) enum Pattern<'a> {
    /// Large feature maps, all elements of which share a decision.
    Maps(Walk<'a>),
    Units(Units<'a>),
    Transposed(Transposed<'a>),
}

/// Rows of units.
pub(crate) struct Units<'a> {
    steps: [Expand; MAX_RANK],
    len: usize,
    /// The decisions of a unit.
    pub(crate) decisions: usize,
    /// Its places, and those after which the next one begins.
    pub(crate) places: usize,
    /// How far it goes on repeating itself: `places` or more.
    pub(crate) repeats: usize,
    /// Whether some of the places are not the tensor's.
    pub(crate) gaps: bool,
    /// The number of units in a row, and where they begin.
    pub(crate) rows: Stretches<'a>,
    pub(crate) copies: Copies<'a>,
}

impl Units<'_> {
    /// What makes a unit's bits out of those of its decisions, in order.
    pub(crate) fn steps(&self) -> &[Expand] {
        self.steps.get(..self.len).unwrap_or_default()
    }
}

/// The innermost axis in memory is not the innermost of the decisions: a matrix that is to be transposed.
pub(crate) struct Transposed<'a> {
    /// Contiguous elements, and the distance between their decisions.
    pub(crate) rows: usize,
    pub(crate) decisions: u64,
    /// Decisions that follow each other, and the distance between their elements.
    pub(crate) columns: usize,
    pub(crate) stride: usize,
    /// The other axes.
    others: Axes,
    pub(crate) copies: Copies<'a>,
}

impl Transposed<'_> {
    /// Where the matrices begin: in elements, and in decisions.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = (usize, u64)> {
        let (others, _) = self.others.split();
        let elements = Offsets::new(others, Distance::Elements).map(|element| element as usize);
        elements.zip(Offsets::new(others, Distance::Decisions))
    }
}

/// The distance from a row to each of its copies, which read the same decisions. The row itself, 0, comes first.
#[derive(Clone)]
pub(crate) struct Copies<'a>(Offsets<'a>);

impl Iterator for Copies<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0.next().map(|copy| copy as usize)
    }
}

impl Layout {
    /// How the bits of the tensor lie in memory, if there is a way to lay them out many at a time.
    pub(crate) fn pattern(&self) -> Option<Pattern<'_>> {
        let (mut decided, mut shared) = self.axes.split();
        let copies = |shared| Copies(Offsets::new(shared, Distance::Elements));
        if let [inner, ..] = shared
            && inner.stride == 1
            && inner.extent >= MAP
        {
            return Some(Pattern::Maps(self.walk()));
        }
        let mut steps = [Expand { group: 1, times: 1, pitch: 1 }; MAX_RANK];
        let (mut len, mut decisions, mut places, mut row, mut gaps, mut repeats) = (0, 1_usize, 1_usize, 1_usize, false, None);
        loop {
            let inner = decided.iter().map(|axis| axis.stride).min();
            let is_shared = match (inner, shared.first()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(inner), Some(axis)) => axis.stride < inner,
            };
            let Some((axis, rest)) = (if is_shared { shared } else { decided }).split_first() else { break };
            let span = places * row;
            if !is_shared {
                if inner.is_some_and(|inner| inner < axis.stride) {
                    if len == 0 && decisions * row == 1 {
                        return self.transposed();
                    }
                    // Rows of what there is so far.
                    break;
                }
                if axis.stride == span {
                    (row, decided) = (row * axis.extent, rest);
                    continue;
                }
            }
            if span >= LONG || axis.stride > PLACES.min(span + GAP) {
                break;
            }
            let times = if is_shared { axis.extent.min(PLACES / axis.stride) } else { 1 };
            if let Some(step) = steps.get_mut(len) {
                *step = Expand { group: span, times, pitch: axis.stride };
                len += 1;
            }
            gaps |= axis.stride > span;
            (decisions, places) = (decisions * row, axis.stride * times);
            if is_shared {
                (row, shared) = (1, rest);
                if times < axis.extent {
                    repeats = Some(axis.stride * axis.extent);
                    break;
                }
            } else {
                (row, decided) = (axis.extent, rest);
            }
        }
        let rows = Stretches::new(Offsets::new(decided, Distance::Elements), row, places as u64);
        let repeats = repeats.unwrap_or(places);
        Some(Pattern::Units(Units { steps, len, decisions, places, repeats, gaps, rows, copies: copies(shared) }))
    }

    /// As a matrix of columns, if its innermost axis in memory has contiguous elements.
    fn transposed(&self) -> Option<Pattern<'_>> {
        let (decided, shared) = self.axes.split();
        let [columns @ Axis { decisions: 1, .. }, ..] = decided else { return None };
        let rows = decided.iter().find(|axis| axis.stride == 1)?;
        let mut others = [Axis::UNIT; MAX_RANK];
        let rest = decided.iter().filter(|axis| *axis != rows && *axis != columns);
        others.iter_mut().zip(rest).for_each(|(to, axis)| *to = *axis);
        Some(Pattern::Transposed(Transposed {
            rows: rows.extent,
            decisions: rows.decisions,
            columns: columns.extent,
            stride: columns.stride,
            others: Axes::new(others),
            copies: Copies(Offsets::new(shared, Distance::Elements)),
        }))
    }
}
