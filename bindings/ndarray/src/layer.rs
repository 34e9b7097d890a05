//! The public layer: checks arguments, then visits the arrays box by box.

use dropout_kernels::{Element, Kind, Layer, Layout, Mode, Part};
use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension};

use crate::boxes::{Direction, Pass};
use crate::error::Error;

/// A layer of the library that takes arrays: views of any number of axes up to [`MAX_RANK`](dropout_kernels::MAX_RANK),
/// in any order of memory, with steps, reversed, or broadcast as input.
///
/// Decisions are numbered in the row-major order of the array's logical axes that are not shared. So arrays that are the
/// rows of another, as `axis_iter_mut` gives them, all begin with decision 0: each takes an
/// [`offset`](dropout_kernels::Address::offset), or the same mask.
///
/// ```
/// use dropout_kernels::{Address, Dropout, Mode, Rate};
/// use dropout_kernels_ndarray::ArrayLayer;
/// use ndarray::{Array2, Axis};
///
/// let dropout = ArrayLayer::new(Dropout::new(Rate::new(0.5)?));
/// let address = Address { seed: 42, layer: 0, step: 7, offset: 0 };
/// let (mut x, mut y) = (Array2::<f32>::ones((64, 100)), Array2::<f32>::ones((64, 100)));
/// dropout.apply_in_place(Mode::Train(address), x.view_mut())?;
///
/// for (i, row) in (0..).zip(y.axis_iter_mut(Axis(0))) {
///     let train = Mode::Train(Address { offset: i * 100, ..address });
///     dropout.apply_in_place(train, row)?;
/// }
/// assert_eq!(x, y);
/// # Ok::<(), dropout_kernels_ndarray::Error>(())
/// ```
///
/// Chunks of an array, which keep all of its axes, are better said to be [parts](Self::part_of) of it.
///
/// Arrays whose elements lie in memory without gaps, input and output in the same order, are handed to the kernels as
/// they are. So are the rows and other boxes of arrays with gaps. Other elements pass through a tile of 512 on the
/// stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLayer<K> {
    layer: Layer<K>,
    shared: Vec<usize>,
    /// The shape of the array of which the layer's arrays are parts, and where in it they begin.
    whole: Option<(Vec<usize>, Vec<usize>)>,
}

impl<K: Copy> ArrayLayer<K> {
    /// The layer with one decision per element. Arrays bring their layout, so the layer has none:
    ///
    /// ```compile_fail,E0308
    /// use dropout_kernels::{Dropout, Layout, Rate};
    /// use dropout_kernels_ndarray::ArrayLayer;
    ///
    /// ArrayLayer::new(Dropout::new(Rate::new(0.5)?).with_layout(Layout::flat(100)));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    ///
    /// For parts of larger arrays there is [`part_of`](Self::part_of).
    #[must_use]
    pub const fn new(layer: Layer<K>) -> Self {
        Self { layer, shared: Vec::new(), whole: None }
    }

    /// The same layer with decisions shared along some axes: the spatial ones for one decision per channel.
    #[must_use]
    pub fn sharing(self, axes: &[Axis]) -> Self {
        Self { shared: axes.iter().map(|axis| axis.index()).collect(), ..self }
    }

    /// The same layer for arrays that are a part of a larger one, of the shape `whole`: what one rank or thread has of it,
    /// from the position `start` on. All parts take the same mode, and together they are the whole, bit for bit.
    ///
    /// ```
    /// use dropout_kernels::{Address, Dropout, Mode, Rate};
    /// use dropout_kernels_ndarray::ArrayLayer;
    /// use ndarray::{Array2, Axis};
    ///
    /// let dropout = ArrayLayer::new(Dropout::new(Rate::new(0.5)?));
    /// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
    /// let (mut x, mut y) = (Array2::<f32>::ones((64, 100)), Array2::<f32>::ones((64, 100)));
    /// dropout.apply_in_place(train, x.view_mut())?;
    ///
    /// // The columns of two ranks.
    /// let (left, right) = y.view_mut().split_at(Axis(1), 40);
    /// dropout.clone().part_of(&[64, 100], &[0, 0]).apply_in_place(train, left)?;
    /// dropout.part_of(&[64, 100], &[0, 40]).apply_in_place(train, right)?;
    /// assert_eq!(x, y);
    /// # Ok::<(), dropout_kernels_ndarray::Error>(())
    /// ```
    #[must_use]
    pub fn part_of(self, whole: &[usize], start: &[usize]) -> Self {
        Self { whole: Some((whole.to_vec(), start.to_vec())), ..self }
    }

    /// The forward pass, from `x` to `y`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless both have the same shape; [`Error::Kernel`]
    /// with [`Rank`](dropout_kernels::Error::Rank) for too many axes, [`Axis`](dropout_kernels::Error::Axis) for a shared
    /// axis that they do not have, [`ShapeOverflow`](dropout_kernels::Error::ShapeOverflow),
    /// [`Length`](dropout_kernels::Error::Length) and [`Part`](dropout_kernels::Error::Part) if they are no part of the
    /// whole, and the errors of [`Layer::apply`]. No array has then changed.
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
        let shape = y.shape().to_vec();
        let (whole, mut start) = self.whole.clone().unwrap_or_else(|| (shape.clone(), vec![0; shape.len()]));
        Layout::part(Part { whole: &whole, start: &start, shape: &shape, shared: &self.shared, strides: None })?;
        let pass = Pass { layer: self.layer, direction, mode, whole: &whole, shared: &self.shared };
        // The first box fails if any does: it has the whole's decisions and mode.
        pass.run(&mut start, x, y)
    }
}
