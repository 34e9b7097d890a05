//! The same tensor in parts, on as many threads as rayon has.

use super::cut::Cut;
use super::place::Place;
use super::slices::Slices;
use crate::element::sealed::Element;
use crate::layout::Layout;
use crate::mask::BLOCK;

/// Elements below which a part is not worth handing to another thread: some ten microseconds of work.
const GRAIN: usize = 1 << 17;

/// Runs `part` on parts of the tensor that are disjoint and make up the whole, each with its layout and with what else
/// belongs to its elements. A mask is addressed by logical index, so where the cuts are changes no bit.
pub(crate) fn for_each_part<E: Element, P: Place<E>, S: Cut>(
    layout: &Layout,
    slices: Slices<'_, E, P>,
    other: S,
    part: &(impl Fn(&Layout, Slices<'_, E, P>, S) + Sync),
) {
    if slices.len() < 2 * GRAIN || !other.can_cut() {
        return part(layout, slices, other);
    }
    // A part that begins with a block computes none twice.
    let Some(([first, second], elements)) = layout.halves(BLOCK) else {
        return part(layout, slices, other);
    };
    let (slices, slices_rest) = slices.cut(elements);
    let (other, other_rest) = other.cut(elements);
    rayon::join(|| for_each_part(&first, slices, other, part), || for_each_part(&second, slices_rest, other_rest, part));
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::sync::Mutex;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// The first decisions and the numbers of elements that parts have, in order.
    fn parts(layout: Layout) -> Vec<(usize, usize)> {
        let (x, mut y, parts) = (vec![0; layout.elements()], vec![0_i8; layout.elements()], Mutex::new(vec![]));
        for_each_part(&layout, Slices::in_place(&mut y), &x[..], &|layout, slices, x: &[i8]| {
            assert_eq!(x.len(), slices.len());
            assert_eq!(layout.elements(), slices.len());
            parts.lock().unwrap().push((layout.walk().first, slices.len()));
        });
        let mut parts = parts.into_inner().unwrap();
        parts.sort_unstable();
        parts
    }

    /// On how many threads a tensor was computed cannot be seen from outside; the tests there rely on this.
    #[test]
    fn a_tensor_is_cut_from_2_to_the_18_elements_on() {
        assert_eq!(parts(Layout::flat((1 << 18) - 1)), [(0, (1 << 18) - 1)]);
        assert_eq!(parts(Layout::flat(1 << 18)), [(0, 1 << 17), (1 << 17, 1 << 17)]);
    }

    /// Two samples in channels last: along the samples, and then along the positions that share decisions.
    #[test]
    fn a_tensor_is_cut_along_any_axis() {
        let parts = parts(Layout::nhwc([2, 256, 256, 8]).unwrap());
        let quarter = 1 << 18;
        assert_eq!(
            parts,
            [
                (0, quarter / 2),
                (0, quarter / 2),
                (0, quarter / 2),
                (0, quarter / 2),
                (8, quarter / 2),
                (8, quarter / 2),
                (8, quarter / 2),
                (8, quarter / 2)
            ]
        );
    }
}
