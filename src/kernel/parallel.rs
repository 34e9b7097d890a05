//! The same tensor in parts, on as many threads as rayon has.

use super::slices::Slices;
use crate::element::sealed::Element;
use crate::layout::Layout;
use crate::mask::BLOCK;

/// Elements below which a part is not worth handing to another thread: some ten microseconds of work.
const GRAIN: usize = 1 << 17;

/// Runs `part` on parts of the tensor that are disjoint and make up the whole, with each part's layout and the number
/// of decisions before it. A mask is addressed by logical index, so where the cuts are changes no bit.
pub(crate) fn for_each_part<E: Element>(
    layout: Layout,
    before: u64,
    slices: Slices<'_, E>,
    part: &(impl Fn(&Layout, u64, Slices<'_, E>) + Sync),
) {
    if slices.len() < 2 * GRAIN {
        return part(&layout, before, slices);
    }
    // A part that begins with a block computes none twice.
    let Some(([first, second], elements, decisions)) = layout.halves(BLOCK) else {
        return part(&layout, before, slices);
    };
    if let Some((first_slices, second_slices)) = slices.split_at(elements) {
        let after = before.wrapping_add(decisions as u64);
        rayon::join(|| for_each_part(first, before, first_slices, part), || for_each_part(second, after, second_slices, part));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::sync::Mutex;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// The numbers of decisions before them and of elements that parts have, in order.
    fn parts(len: usize, before: u64) -> Vec<(u64, usize)> {
        let (mut y, parts) = (vec![0_i8; len], Mutex::new(vec![]));
        for_each_part(Layout::flat(len), before, Slices::in_place(&mut y), &|layout, before, slices| {
            assert_eq!(layout.elements(), slices.len());
            parts.lock().unwrap().push((before, slices.len()));
        });
        let mut parts = parts.into_inner().unwrap();
        parts.sort_unstable();
        parts
    }

    /// On how many threads a tensor was computed cannot be seen from outside; the tests there rely on this.
    #[test]
    fn a_tensor_is_cut_from_2_to_the_18_elements_on() {
        assert_eq!(parts((1 << 18) - 1, 7), [(7, (1 << 18) - 1)]);
        assert_eq!(parts(1 << 18, 7), [(7, 1 << 17), (7 + (1 << 17), 1 << 17)]);
    }
}
