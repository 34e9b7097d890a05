//! The passes that layers of every kind have.

use dropout_kernels::{DropBlock, Element, Error, Float, Kind, Layer, Mode, PackedMask, Shape};

/// A layer, and what its passes drop by.
pub trait Passes<E: Element> {
    fn apply(&self, x: &[E], y: &mut [E]) -> Result<(), Error>;
    fn apply_in_place(&self, x: &mut [E]) -> Result<(), Error>;
    fn backward(&self, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error>;
    fn backward_in_place(&self, grad: &mut [E]) -> Result<(), Error>;
}

impl<E: Element, K: Kind<E>, L: Shape> Passes<E> for (Layer<K, L>, Mode<'_>) {
    fn apply(&self, x: &[E], y: &mut [E]) -> Result<(), Error> {
        self.0.apply(self.1, x, y)
    }

    fn apply_in_place(&self, x: &mut [E]) -> Result<(), Error> {
        self.0.apply_in_place(self.1, x)
    }

    fn backward(&self, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error> {
        self.0.backward(self.1, grad_y, grad_x)
    }

    fn backward_in_place(&self, grad: &mut [E]) -> Result<(), Error> {
        self.0.backward_in_place(self.1, grad)
    }
}

impl<E: Float> Passes<E> for (DropBlock, Option<PackedMask<'_>>) {
    fn apply(&self, x: &[E], y: &mut [E]) -> Result<(), Error> {
        self.0.apply(self.1, x, y)
    }

    fn apply_in_place(&self, x: &mut [E]) -> Result<(), Error> {
        self.0.apply_in_place(self.1, x)
    }

    fn backward(&self, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error> {
        self.0.backward(self.1, grad_y, grad_x)
    }

    fn backward_in_place(&self, grad: &mut [E]) -> Result<(), Error> {
        self.0.backward_in_place(self.1, grad)
    }
}
