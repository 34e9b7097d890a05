//! Data augmentation: each image moved a little and, half of the time, mirrored.

use ndarray::{Array2, Axis, s};
use rand::{Rng, RngExt};

use common::data::SIDE;

/// How far an image moves at most, in pixels along each axis.
const REACH: usize = 2;

/// Changes each image at random. What comes in at the border is black, as the background is.
pub fn augment(images: &mut Array2<f32>, rng: &mut impl Rng) {
    for mut image in images.rows_mut() {
        let mut padded = Array2::zeros((SIDE + 2 * REACH, SIDE + 2 * REACH));
        let centre = s![REACH..REACH + SIDE, REACH..REACH + SIDE];
        padded.slice_mut(centre).assign(&image.to_shape((SIDE, SIDE)).expect("an image is a square"));
        let [top, left] = [(); 2].map(|()| rng.random_range(0..=2 * REACH));
        let mut window = padded.slice_move(s![top..top + SIDE, left..left + SIDE]);
        if rng.random() {
            window.invert_axis(Axis(1));
        }
        image.assign(&window.flatten());
    }
}
