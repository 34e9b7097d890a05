//! The public layer: checks arguments, then visits the arrays box by box.

use dropout_kernels::{AnyLayout, Element, Kind, Layer, Layout, Mode};
use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension};

use crate::boxes::{Direction, Pass};
use crate::error::Error;

/// A layer of the library that takes arrays: views of any number of axes up to [`MAX_RANK`](dropout_kernels::MAX_RANK),
/// in any order of memory, with steps, reversed, or broadcast as input.
///
/// Decisions are numbered in the row-major order of the array's logical axes that are not shared. A layout that the
/// layer had before is replaced by that of the arrays.
///
/// Arrays whose elements lie in memory without gaps, input and output in the same order, are handed to the kernels as
/// they are. So are the rows and other boxes of arrays with gaps. Other elements pass through a tile of 512 on the
/// stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLayer<K> {
    layer: Layer<K>,
    shared: Vec<usize>,
}

impl<K: AnyLayout + Copy> ArrayLayer<K> {
    /// The layer with one decision per element.
    #[must_use]
    pub const fn new(layer: Layer<K>) -> Self {
        Self { layer, shared: Vec::new() }
    }

    /// The same layer with decisions shared along some axes: the spatial ones for one decision per channel.
    #[must_use]
    pub fn sharing(self, axes: &[Axis]) -> Self {
        Self { shared: axes.iter().map(|axis| axis.index()).collect(), ..self }
    }

    /// The forward pass, from `x` to `y`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless both have the same shape; [`Error::Kernel`] with
    /// [`Rank`](dropout_kernels::Error::Rank) for too many axes, [`Axis`](dropout_kernels::Error::Axis) for a shared
    /// axis that they do not have, [`ShapeOverflow`](dropout_kernels::Error::ShapeOverflow), and the errors of
    /// [`Layer::apply`].
    pub fn apply<E, D>(&self, mode: Mode<'_>, x: ArrayView<'_, E, D>, y: ArrayViewMut<'_, E, D>) -> Result<(), Error>
    where
        K: Kind<E>,
        E: Element + Copy,
        D: Dimension,
    {
        self.run(Direction::Forward, mode, Some(x), y)
    }

    /// The forward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_in_place<E, D>(&self, mode: Mode<'_>, x: ArrayViewMut<'_, E, D>) -> Result<(), Error>
    where
        K: Kind<E>,
        E: Element + Copy,
        D: Dimension,
    {
        self.run(Direction::Forward, mode, None, x)
    }

    /// The backward pass, from `grad_y`, the gradient with respect to the output, to `grad_x`, that with respect to the
    /// input. The mode is that of the forward pass.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward<E, D>(&self, mode: Mode<'_>, grad_y: ArrayView<'_, E, D>, grad_x: ArrayViewMut<'_, E, D>) -> Result<(), Error>
    where
        K: Kind<E>,
        E: Element + Copy,
        D: Dimension,
    {
        self.run(Direction::Backward, mode, Some(grad_y), grad_x)
    }

    /// The backward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward_in_place<E, D>(&self, mode: Mode<'_>, grad: ArrayViewMut<'_, E, D>) -> Result<(), Error>
    where
        K: Kind<E>,
        E: Element + Copy,
        D: Dimension,
    {
        self.run(Direction::Backward, mode, None, grad)
    }

    fn run<E, D>(
        &self,
        direction: Direction,
        mode: Mode<'_>,
        x: Option<ArrayView<'_, E, D>>,
        y: ArrayViewMut<'_, E, D>,
    ) -> Result<(), Error>
    where
        K: Kind<E>,
        E: Element + Copy,
        D: Dimension,
    {
        if let Some(x) = &x
            && x.shape() != y.shape()
        {
            return Err(Error::Shape { expected: x.shape().to_vec(), actual: y.shape().to_vec() });
        }
        let whole = y.shape().to_vec();
        Layout::shared(&whole, &self.shared)?;
        let pass = Pass { layer: self.layer, direction, mode, whole: &whole, shared: &self.shared };
        // The first box fails if any does: it has the whole's decisions and mode.
        pass.run(&mut vec![0; whole.len()], x, y)
    }
}
