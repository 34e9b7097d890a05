//! The subset of Fashion-MNIST in `examples/data`, as the matrices that a network reads.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use ndarray::{Array2, Axis, ShapeError};

/// Width and height of an image.
pub const SIDE: usize = 28;
pub const PIXELS: usize = SIDE * SIDE;
pub const CLASSES: usize = 10;

pub struct FashionMnist {
    pub train: Dataset,
    pub test: Dataset,
}

/// Images, one a row, their pixels from 0 to 1; and the class of each.
pub struct Dataset {
    pub images: Array2<f32>,
    pub labels: Vec<u8>,
}

impl FashionMnist {
    pub fn load() -> Result<Self, Box<dyn Error>> {
        Ok(Self { train: Dataset::load("train")?, test: Dataset::load("t10k")? })
    }
}

impl Dataset {
    fn load(name: &str) -> Result<Self, Box<dyn Error>> {
        let pixels = read_idx(&format!("{name}-images-idx3-ubyte.gz"), 3)?;
        let labels = read_idx(&format!("{name}-labels-idx1-ubyte.gz"), 1)?;
        let pixels = pixels.into_iter().map(|pixel| f32::from(pixel) / 255.0).collect();
        Ok(Self { images: Array2::from_shape_vec((labels.len(), PIXELS), pixels)?, labels })
    }

    /// Some of the images, in this order.
    pub fn select(&self, images: &[usize]) -> Self {
        Self { images: self.images.select(Axis(0), images), labels: images.iter().map(|&image| self.labels[image]).collect() }
    }
}

/// Images, one a row, each turned to the right.
pub fn turned(images: &Array2<f32>) -> Result<Array2<f32>, ShapeError> {
    let maps = images.to_shape((images.nrows(), SIDE, SIDE))?;
    let mut turned = maps.view().permuted_axes([0, 2, 1]);
    turned.invert_axis(Axis(2));
    Ok(turned.to_shape(images.dim())?.into_owned())
}

/// The values of a gzip'd IDX file of bytes. Its header is a magic number and the extent of each axis, four bytes each.
fn read_idx(name: &str, axes: usize) -> Result<Vec<u8>, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| GzDecoder::new(file).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes.split_off(4 * (1 + axes))),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
