//! What networks are made of: a trait, and the layers that need no file of their own.

use dropout_kernels::{Dropout, Error, Layout, Mode};
use ndarray::Array2;

use common::linear::{Linear, Parameters, Trainable};
use common::network::{at_layer, elements};

/// A layer of a network. What its backward pass needs of the forward pass it remembers itself.
pub trait Layer {
    /// The forward pass of a batch, one image a row.
    fn forward(&mut self, x: Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error>;

    /// The gradient with respect to the input of the last forward pass, which was in this mode, from that with respect to its output.
    fn backward(&self, grad_y: &Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error>;

    /// What the layer learns, if anything, and the gradient with respect to that.
    fn learning(&mut self, _grad_y: &Array2<f32>) -> Option<(&mut Trainable, Parameters)> {
        None
    }

    /// Takes the statistics of this input, of all training images at inference, in place of those gathered in training.
    fn estimate(&mut self, _x: &Array2<f32>) {}

    /// The variance of the input in the last pass of inference as a multiple of the variance in training, of a layer that takes them to
    /// be the same.
    fn variance_shift(&self) -> Option<f32> {
        None
    }
}

pub struct Dense {
    linear: Linear,
    x: Array2<f32>,
}

impl Dense {
    pub fn new(linear: Linear) -> Self {
        Self { linear, x: Array2::default((0, 0)) }
    }
}

impl Layer for Dense {
    fn forward(&mut self, x: Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        self.x = x;
        Ok(self.linear.forward(&self.x))
    }

    fn backward(&self, grad_y: &Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        Ok(self.linear.backward(grad_y))
    }

    fn learning(&mut self, grad_y: &Array2<f32>) -> Option<(&mut Trainable, Parameters)> {
        let gradient = Linear::gradient(&self.x, grad_y);
        Some((&mut self.linear.trainable, gradient))
    }
}

#[derive(Default)]
pub struct Relu {
    y: Array2<f32>,
}

impl Layer for Relu {
    fn forward(&mut self, x: Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        self.y = x.mapv_into(|x| x.max(0.0));
        Ok(self.y.clone())
    }

    fn backward(&self, grad_y: &Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        let mut grad_x = grad_y.clone();
        grad_x.zip_mut_with(&self.y, |grad, &y| *grad = if y > 0.0 { *grad } else { 0.0 });
        Ok(grad_x)
    }
}

/// Dropout of single elements, or of whole feature maps. It remembers no mask: the backward pass computes it again.
pub struct Drop {
    pub dropout: Dropout,
    /// The layer in the address of its masks.
    pub layer: u32,
    /// Height, width and channels of the maps that are dropped whole, if any.
    pub maps: Option<[usize; 3]>,
}

impl Drop {
    /// The dropout of a batch of so many images.
    fn of_batch(&self, x: &Array2<f32>) -> Result<Dropout<Layout>, Error> {
        Ok(self.dropout.with_layout(match self.maps {
            Some([height, width, channels]) => Layout::nhwc([x.nrows(), height, width, channels])?,
            None => Layout::flat(x.len()),
        }))
    }
}

impl Layer for Drop {
    fn forward(&mut self, mut x: Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error> {
        self.of_batch(&x)?.apply_in_place(at_layer(self.layer, mode), elements(&mut x))?;
        Ok(x)
    }

    fn backward(&self, grad_y: &Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error> {
        let mut grad = grad_y.clone();
        self.of_batch(&grad)?.backward_in_place(at_layer(self.layer, mode), elements(&mut grad))?;
        Ok(grad)
    }
}
