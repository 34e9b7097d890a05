//! A convolution as a matrix product: each row of the matrix is the patch of an image under the kernel at one place.

use std::slice::ChunksExactMut;

use dropout_kernels::{Error, Mode};
use ndarray::Array2;
use rand::Rng;

use super::layer::Layer;
use common::linear::{Linear, Parameters, Trainable};
use common::network::elements;

const KERNEL: usize = 3;
const STRIDE: usize = 2;

/// Kernels of 3 x 3, in steps of two pixels, on square images with a border of zeros. Channels come last, inside and out.
pub struct Convolution {
    /// From a patch to the channels of the output.
    linear: Linear,
    in_side: usize,
    in_channels: usize,
    patches: Array2<f32>,
    /// Where the channels of a pixel begin: in the patches of an image, and in the image.
    taps: Vec<(usize, usize)>,
}

impl Convolution {
    pub fn new(in_side: usize, in_channels: usize, out_channels: usize, rng: &mut impl Rng) -> Self {
        let side = Self::out_side(in_side);
        let places = (0..side).flat_map(|y| (0..side).map(move |x| (y, x)));
        let within = (0..KERNEL).flat_map(|y| (0..KERNEL).map(move |x| (y, x)));
        let of_kernel = places.flat_map(|place| within.clone().map(move |within| (place, within)));
        let taps = of_kernel.enumerate().filter_map(|(tap, ((y, x), (down, right)))| {
            // `None` on the border.
            let inside = |place: usize, within: usize| (STRIDE * place + within).checked_sub(1).filter(|&i| i < in_side);
            let pixel = inside(y, down)? * in_side + inside(x, right)?;
            Some((tap * in_channels, pixel * in_channels))
        });
        Self {
            linear: Linear::new(KERNEL * KERNEL * in_channels, out_channels, rng),
            in_side,
            in_channels,
            patches: Array2::default((0, 0)),
            taps: taps.collect(),
        }
    }

    /// The side of what it makes of an image with this side.
    pub const fn out_side(in_side: usize) -> usize {
        in_side.div_ceil(STRIDE)
    }

    fn places(&self) -> usize {
        Self::out_side(self.in_side).pow(2)
    }

    /// The same elements with a place of an image a row.
    fn by_place(&self, y: &Array2<f32>) -> Array2<f32> {
        reshaped(y.clone(), y.nrows() * self.places())
    }
}

impl Layer for Convolution {
    fn forward(&mut self, mut x: Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        let (images, channels) = (x.nrows(), self.in_channels);
        let mut patches = Array2::zeros((images * self.places(), KERNEL * KERNEL * channels));
        for (patches, image) in by_image(&mut patches, images).zip(by_image(&mut x, images)) {
            for &(patch, pixel) in &self.taps {
                patches[patch..][..channels].copy_from_slice(&image[pixel..][..channels]);
            }
        }
        self.patches = patches;
        Ok(reshaped(self.linear.forward(&self.patches), images))
    }

    fn backward(&self, grad_y: &Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        let (images, channels) = (grad_y.nrows(), self.in_channels);
        let mut grad_patches = self.linear.backward(&self.by_place(grad_y));
        let mut grad_x = Array2::zeros((images, self.in_side.pow(2) * channels));
        for (patches, image) in by_image(&mut grad_patches, images).zip(by_image(&mut grad_x, images)) {
            for &(patch, pixel) in &self.taps {
                image[pixel..][..channels].iter_mut().zip(&patches[patch..]).for_each(|(grad, part)| *grad += part);
            }
        }
        Ok(grad_x)
    }

    fn learning(&mut self, grad_y: &Array2<f32>) -> Option<(&mut Trainable, Parameters)> {
        let gradient = Linear::gradient(&self.patches, &self.by_place(grad_y));
        Some((&mut self.linear.trainable, gradient))
    }
}

/// The same elements in so many rows.
fn reshaped(matrix: Array2<f32>, rows: usize) -> Array2<f32> {
    let columns = matrix.len() / rows;
    matrix.into_shape_with_order((rows, columns)).expect("the rows divide the elements")
}

/// The elements of each image.
fn by_image(matrix: &mut Array2<f32>, images: usize) -> ChunksExactMut<'_, f32> {
    let len = matrix.len() / images;
    elements(matrix).chunks_exact_mut(len)
}
