//! The same tensor in parts, on as many threads as rayon has.

use crate::element::Element;
use crate::kernel::Slices;
use crate::layout::Layout;

/// Elements below which a part is not worth handing to another thread: some ten microseconds of work.
const GRAIN: usize = 1 << 17;

/// Runs `part` on parts of the tensor that are disjoint and make up the whole, with each part's layout and the number of decisions
/// before it. A mask is addressed by logical index, so where the cuts are changes no bit.
pub(crate) fn split<E: Element>(
    layout: Layout,
    before: u64,
    slices: Slices<'_, E>,
    part: &(impl Fn(&Layout, u64, Slices<'_, E>) + Sync),
) {
    if slices.len() < 2 * GRAIN {
        return part(&layout, before, slices);
    }
    let Some(([first, second], elements, decisions)) = layout.halves() else {
        return part(&layout, before, slices);
    };
    if let Some((first_slices, second_slices)) = slices.split_at(elements) {
        let after = before.wrapping_add(decisions as u64);
        rayon::join(|| split(first, before, first_slices, part), || split(second, after, second_slices, part));
    }
}
