//! What is cut where the tensor is cut.

use crate::element::sealed::Element;

/// What belongs to a tensor, such as a slice of its length.
#[cfg_attr(not(feature = "rayon"), allow(dead_code, reason = "only threads cut tensors"))]
pub(crate) trait Cut: Sized + Send {
    /// Whether it can be cut.
    fn can_cut(&self) -> bool {
        true
    }

    /// What belongs to the first `elements` elements, and to the others.
    fn cut(self, elements: usize) -> (Self, Self);
}

impl<E: Element> Cut for &[E] {
    fn cut(self, elements: usize) -> (Self, Self) {
        debug_assert!(elements <= self.len());
        self.split_at_checked(elements).unwrap_or((self, &[]))
    }
}
