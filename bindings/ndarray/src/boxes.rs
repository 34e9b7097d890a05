//! Visits arrays box by box. A box is what the kernels can take: elements without gaps in memory, or few enough for a
//! tile.

use dropout_kernels::{Element, Kind, Layer, Layout, Mode, Part};
use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension};

use crate::error::Error;

/// The number of elements that pass through the stack at once.
const TILE: usize = 512;

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// One pass over arrays of the shape `whole`.
pub(crate) struct Pass<'a, K> {
    pub(crate) layer: Layer<K>,
    pub(crate) direction: Direction,
    pub(crate) mode: Mode<'a>,
    pub(crate) whole: &'a [usize],
    pub(crate) shared: &'a [usize],
}

impl<K: Copy> Pass<'_, K> {
    /// The pass over the box that begins at `start`; in place if there is no `x`.
    pub(crate) fn run<E: Element + Copy, D: Dimension>(
        &self,
        start: &mut [usize],
        x: Option<ArrayView<'_, E, D>>,
        mut y: ArrayViewMut<'_, E, D>,
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let shape = y.shape().to_vec();
        let strides = strides(y.shape(), y.strides());
        let elements = match &x {
            None => Some(None),
            Some(x) if self::strides(x.shape(), x.strides()) == strides => x.to_slice_memory_order().map(Some),
            Some(_) => None,
        };
        if let (Some(strides), Some(x), Some(y)) = (&strides, elements, y.as_slice_memory_order_mut()) {
            return self.apply(start, &shape, Some(strides), x, y);
        }
        if y.len() <= TILE {
            return self.through_tile(start, x.as_ref(), y);
        }
        if let (Some(strides), Some(x), Some(&any), true) = (&strides, &x, y.first(), y.as_slice_memory_order().is_some()) {
            // What is wrong shows with one element, before anything is written.
            self.apply(start, &vec![1; shape.len()], None, None, &mut [any])?;
            copy(x.view(), y.view_mut());
            return self.apply(start, &shape, Some(strides), None, y.as_slice_memory_order_mut().unwrap_or_default());
        }
        // Row-major order has the largest boxes within the first axis.
        let axis = shape.iter().position(|&extent| extent > 1).unwrap_or(0);
        let half = shape[axis] / 2;
        let (first_x, second_x) = x.map(|x| x.split_at(Axis(axis), half)).unzip();
        let (first_y, second_y) = y.split_at(Axis(axis), half);
        self.run(start, first_x, first_y)?;
        start[axis] += half;
        self.run(start, second_x, second_y)?;
        start[axis] -= half;
        Ok(())
    }

    /// The kernel on slices that hold a box, with strides or in row-major order.
    fn apply<E: Element>(
        &self,
        start: &[usize],
        shape: &[usize],
        strides: Option<&[usize]>,
        x: Option<&[E]>,
        y: &mut [E],
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let part = Part { whole: self.whole, start, shape, shared: self.shared, strides };
        let layer = self.layer.with_layout(Layout::part(part)?);
        match (self.direction, x) {
            (Direction::Forward, Some(x)) => layer.apply(self.mode, x, y),
            (Direction::Forward, None) => layer.apply_in_place(self.mode, y),
            (Direction::Backward, Some(x)) => layer.backward(self.mode, x, y),
            (Direction::Backward, None) => layer.backward_in_place(self.mode, y),
        }?;
        Ok(())
    }

    /// The elements of a box in row-major order, wherever they are.
    fn through_tile<E: Element + Copy, D: Dimension>(
        &self,
        start: &[usize],
        x: Option<&ArrayView<'_, E, D>>,
        mut y: ArrayViewMut<'_, E, D>,
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let Some(&any) = y.first() else { return self.apply(start, y.shape().to_vec().as_slice(), None, None, &mut []) };
        let mut tile = [any; TILE];
        let tile = &mut tile[..y.len()];
        match x {
            Some(x) => tile.iter_mut().zip(x).for_each(|(tile, x)| *tile = *x),
            None => tile.iter_mut().zip(&y).for_each(|(tile, y)| *tile = *y),
        }
        self.apply(start, y.shape(), None, None, tile)?;
        y.iter_mut().zip(tile).for_each(|(y, tile)| *y = *tile);
        Ok(())
    }
}

/// Copies elements between different orders of memory, in parts whose lines fit a cache.
fn copy<E: Copy, D: Dimension>(x: ArrayView<'_, E, D>, mut y: ArrayViewMut<'_, E, D>) {
    let longest = (0..y.ndim()).map(Axis).max_by_key(|&axis| y.len_of(axis)).filter(|_| y.len() > TILE);
    let Some(axis) = longest else { return y.assign(&x) };
    let half = y.len_of(axis) / 2;
    let (first_x, second_x) = x.split_at(axis, half);
    let (first_y, second_y) = y.split_at(axis, half);
    copy(first_x, first_y);
    copy(second_x, second_y);
}

/// The strides as the library has them; `None` if one is negative. Those of single positions mean nothing.
fn strides(shape: &[usize], strides: &[isize]) -> Option<Vec<usize>> {
    let strides = shape.iter().zip(strides);
    strides.map(|(&extent, &stride)| if extent > 1 { usize::try_from(stride).ok() } else { Some(1) }).collect()
}
