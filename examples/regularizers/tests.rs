//! The layers against finite differences and naive evaluations, and the training against the main job's.

use std::collections::BTreeSet;

use dropout_kernels::philox::Philox;
use dropout_kernels::{Address, Dropout, Mode, Rate};
use ndarray::{Array2, ArrayView1, Axis, Zip};
use rand::{RngExt, SeedableRng};

use super::augmentation::augment;
use super::batch_norm::BatchNorm;
use super::convolution::Convolution;
use super::layer::{Dense, Drop, Layer};
use super::network::Network;
use super::recipe::{RECIPES, Strengths};
use super::training;
use common::data::{CLASSES, Dataset, FashionMnist, PIXELS, SIDE};
use common::linear::{Linear, Trainable};
use common::network::{Rates, Score};
use common::training::{LEARNING_RATE, Setup, WIDTH};

const TRAIN: Mode = Mode::Train(Address { seed: 1, layer: 0, step: 0, offset: 0 });

fn random(rows: usize, columns: usize) -> Array2<f32> {
    let mut rng = Philox::seed_from_u64((rows * 1000 + columns) as u64);
    Array2::from_shape_simple_fn((rows, columns), || rng.random_range(-1.0..1.0))
}

fn assert_close(found: f32, expected: f64, what: &str) {
    let found = f64::from(found);
    assert!((found - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{what}: {found}, expected {expected}");
}

/// The derivative of `value` with respect to what `shift` moves.
fn difference<T: ?Sized>(on: &mut T, shift: impl Fn(&mut T, f32), mut value: impl FnMut(&mut T) -> f64) -> f64 {
    const STEP: f32 = 1.0 / 128.0;
    shift(on, STEP);
    let above = value(on);
    shift(on, -2.0 * STEP);
    let below = value(on);
    shift(on, STEP);
    (above - below) / f64::from(2.0 * STEP)
}

/// All gradients of a layer, of the sum of its outputs with random weights.
fn check_gradients(layer: &mut dyn Layer, mut x: Array2<f32>) {
    let y = layer.forward(x.clone(), TRAIN).unwrap();
    let grad_y = random(y.nrows(), y.ncols());
    let value = |layer: &mut dyn Layer, x: &Array2<f32>| -> f64 {
        let y = layer.forward(x.clone(), TRAIN).unwrap();
        y.iter().zip(&grad_y).map(|(&y, &weight)| f64::from(y) * f64::from(weight)).sum()
    };
    let grad_x = layer.backward(&grad_y, TRAIN).unwrap();
    for (at, &grad) in grad_x.indexed_iter() {
        assert_close(grad, difference(&mut x, |x, by| x[at] += by, |x| value(layer, x)), "of the input");
    }
    // The value of each test changes what the layer remembers: the gradient is had first.
    layer.forward(x.clone(), TRAIN).unwrap();
    let Some((_, gradient)) = layer.learning(&grad_y) else { return };
    let trainable = |layer: &mut dyn Layer, change: &dyn Fn(&mut Trainable)| change(layer.learning(&grad_y).unwrap().0);
    for (at, &grad) in gradient.weights.indexed_iter() {
        let expected =
            difference(layer, |layer, by| trainable(layer, &|it| it.parameters.weights[at] += by), |layer| value(layer, &x));
        assert_close(grad, expected, "of the weights");
    }
    for (at, &grad) in gradient.bias.indexed_iter() {
        let expected =
            difference(layer, |layer, by| trainable(layer, &|it| it.parameters.bias[at] += by), |layer| value(layer, &x));
        assert_close(grad, expected, "of the bias");
    }
}

#[test]
fn gradients_of_linear_layers() {
    check_gradients(&mut Dense::new(Linear::new(5, 3, &mut Philox::seed_from_u64(1))), random(4, 5));
}

#[test]
fn gradients_of_batch_normalisation() {
    let mut layer = BatchNorm::new(3);
    let y = layer.forward(random(6, 3), TRAIN).unwrap();
    let (trainable, _) = layer.learning(&y).unwrap();
    trainable.parameters.weights.assign(&random(1, 3));
    check_gradients(&mut layer, random(6, 3));
}

#[test]
fn gradients_of_convolutions() {
    for side in [4, 5] {
        check_gradients(&mut Convolution::new(side, 2, 3, &mut Philox::seed_from_u64(1)), random(2, side * side * 2));
    }
}

#[test]
fn gradients_of_spatial_dropout() {
    let dropout = Dropout::new(Rate::new(0.5).unwrap());
    check_gradients(&mut Drop { dropout, layer: 1, maps: Some([2, 2, 4]) }, random(3, 16));
}

#[test]
fn a_step_goes_down_the_gradient_of_the_loss_with_weight_decay() {
    const DECAY: f32 = 0.5;
    let data = Dataset { images: random(6, 5), labels: vec![0, 1, 2, 0, 1, 2] };
    let mut network = Network(vec![Box::new(Dense::new(Linear::new(5, 3, &mut Philox::seed_from_u64(1))))]);
    network.evaluate(&data).unwrap();
    let weights = |network: &mut Network| network.0[0].learning(&Array2::zeros((6, 3))).unwrap().0.parameters.weights.clone();
    let value = |network: &mut Network| {
        let squares: f64 = weights(network).iter().map(|&w| f64::from(w).powi(2)).sum();
        Score::mean(&network.evaluate(&data).unwrap()).loss + f64::from(DECAY) / 2.0 * squares
    };
    let shift = |network: &mut Network, at: [usize; 2], by: f32| {
        network.0[0].learning(&Array2::zeros((6, 3))).unwrap().0.parameters.weights[at] += by;
    };
    let expected =
        Array2::from_shape_fn((5, 3), |(i, j)| difference(&mut network, |network, by| shift(network, [i, j], by), value));
    let before = weights(&mut network);
    network.learn(data.select(&[0, 1, 2, 3, 4, 5]), Address::default(), DECAY).unwrap();
    Zip::from(&((before - weights(&mut network)) / LEARNING_RATE)).and(&expected).for_each(|&found, &expected| {
        assert_close(found, expected, "of the loss");
    });
}

#[test]
fn batch_normalisation_infers_with_running_statistics() {
    let mut layer = BatchNorm::new(2);
    let x = random(8, 2) * 3.0 + 5.0;
    for _ in 0..2000 {
        layer.forward(x.clone(), TRAIN).unwrap();
    }
    let (mean, variance) = (x.mean_axis(Axis(0)).unwrap(), x.var_axis(Axis(0), 1.0));
    let y = layer.forward(random(4, 2), Mode::Eval).unwrap();
    for ((at, &y), &x) in y.indexed_iter().zip(&random(4, 2)) {
        assert_close(y, f64::from(x - mean[at.1]) / f64::from(variance[at.1]).sqrt(), "at inference");
    }
}

#[test]
fn convolutions_are_sums_under_the_kernel() {
    const SIDE: usize = 5;
    let mut layer = Convolution::new(SIDE, 2, 3, &mut Philox::seed_from_u64(1));
    let x = random(2, SIDE * SIDE * 2);
    let y = layer.forward(x.clone(), TRAIN).unwrap();
    let weights = layer.learning(&y).unwrap().0.parameters.weights.clone();
    assert_eq!(y.dim(), (2, 3 * 3 * 3));
    for ((image, at), &y) in y.indexed_iter() {
        let (row, column, map) = (at / 9, at / 3 % 3, at % 3);
        let mut expected = 0.0;
        for (down, right, channel) in (0..18).map(|i| (i / 6, i / 2 % 3, i % 2)) {
            // One pixel of border on each side.
            let (row, column) = (2 * row + down, 2 * column + right);
            if (1..=SIDE).contains(&row) && (1..=SIDE).contains(&column) {
                let pixel = x[(image, ((row - 1) * SIDE + column - 1) * 2 + channel)];
                expected += f64::from(pixel) * f64::from(weights[((down * 3 + right) * 2 + channel, map)]);
            }
        }
        assert_close(y, expected, "a convolution");
    }
}

#[test]
fn augmentation_moves_and_mirrors() {
    let mut images = Array2::zeros((500, PIXELS));
    images.column_mut(10 * SIDE + 5).fill(1.0);
    augment(&mut images, &mut Philox::seed_from_u64(1));
    let place = |image: ArrayView1<f32>| {
        let lit: Vec<usize> = (0..PIXELS).filter(|&at| image[at] > 0.0).collect();
        assert_eq!(lit.len(), 1);
        (lit[0] / SIDE, lit[0] % SIDE)
    };
    let places: BTreeSet<(usize, usize)> = images.rows().into_iter().map(place).collect();
    let expected = (8..=12).flat_map(|row| (3..=7).chain(20..=24).map(move |column| (row, column)));
    assert!(places.into_iter().eq(expected));
}

#[test]
fn the_first_recipes_are_the_main_job() {
    let part = || Dataset { images: random(100, PIXELS), labels: (0..100).map(|i| i % CLASSES as u8).collect() };
    let data = FashionMnist { train: part(), test: part() };
    let never = Rate::new(0.0).unwrap();
    for (recipe, hidden) in RECIPES.iter().zip([never, Rate::new(0.5).unwrap()]) {
        let setup = Setup { rates: Rates { input: never, hidden }, width: WIDTH.get(), epochs: 2, seed: 1 };
        let main_job = common::training::train(setup, &data, |_| ()).unwrap().evaluate(&data.test).unwrap();
        let strengths = Strengths { rate: hidden, rate_of_maps: hidden, weight_decay: 0.1 };
        let outcome = training::train(recipe, &strengths, &data, setup.epochs, setup.seed).unwrap();
        assert_eq!(Score::mean(&outcome.test).loss.to_bits(), main_job.loss.to_bits(), "{}", recipe.name);
    }
}
