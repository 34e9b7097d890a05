//! Quantisation after training, by the rules of TensorFlow Lite: weights symmetric with a scale an output, activations with
//! a scale and a zero point that images of the training set need.

use common::linear::Parameters;
use common::network::Network;
use dropout_kernels::Error;
use firmware::dense::{Channel, Dense};
use firmware::monte_carlo::{CLASSES, HIDDEN, PIXELS, ZERO_POINT, mode};
use firmware::requantization::Requantization;
use ndarray::Array2;

/// Passes with dropout that show how far logits go.
const PASSES: u32 = 4;

/// What stands for real values: `scale * (x - zero_point)`.
#[derive(Clone, Copy)]
struct Activation {
    scale: f32,
    zero_point: i8,
}

/// The network as the Rust expression that the firmware includes.
pub fn network(network: &Network, images: &Array2<f32>) -> Result<String, Error> {
    let hidden = network.trunk(images);
    let mut logits = vec![];
    for pass in 0..PASSES {
        logits.extend(network.head(&mut hidden.clone(), mode(pass, 0))?);
    }
    let of_image = Activation { scale: 1.0 / 255.0, zero_point: ZERO_POINT };
    let of_hidden = Activation::of(hidden);
    let of_logit = Activation::of(logits);

    let [trunk, head] = network.parameters();
    let trunk: Dense<PIXELS, HIDDEN> = dense(trunk, of_image, of_hidden, of_hidden.zero_point);
    let head: Dense<HIDDEN, CLASSES> = dense(head, of_hidden, of_logit, i8::MIN);
    Ok(format!("Network::new({trunk:?}, {head:?}, {:?})\n", of_logit.scale))
}

impl Activation {
    /// One that takes all values, and 0.
    fn of(values: impl IntoIterator<Item = f32>) -> Self {
        let (least, most) = values.into_iter().fold((0.0_f32, 0.0_f32), |(least, most), x| (least.min(x), most.max(x)));
        let scale = (most - least) / 255.0;
        Self { scale, zero_point: (-128.0 - least / scale).round() as i8 }
    }
}

fn dense<const INPUTS: usize, const OUTPUTS: usize>(
    Parameters { weights, bias }: &Parameters,
    input: Activation,
    output: Activation,
    least: i8,
) -> Dense<INPUTS, OUTPUTS> {
    let mut dense = Dense {
        weights: [[0; INPUTS]; OUTPUTS],
        channels: [Channel { bias: 0, requantization: requantization(0.0) }; OUTPUTS],
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        least,
    };
    for (i, (column, &bias)) in weights.columns().into_iter().zip(bias).enumerate() {
        let scale = column.fold(0.0_f32, |most, weight| most.max(weight.abs())) / 127.0;
        dense.weights[i] = std::array::from_fn(|input| (column[input] / scale).round() as i8);
        let unit = input.scale * scale;
        dense.channels[i] =
            Channel { bias: (bias / unit).round() as i32, requantization: requantization((unit / output.scale).into()) };
    }
    dense
}

/// TensorFlow Lite's `QuantizeMultiplier`.
fn requantization(factor: f64) -> Requantization {
    let shift = if factor > 0.0 { factor.log2().floor() as i32 + 1 } else { 0 };
    let multiplier = (factor * f64::from(31 - shift).exp2()).round() as i64;
    match i32::try_from(multiplier) {
        Ok(multiplier) => Requantization { multiplier, shift },
        Err(_) => Requantization { multiplier: 1 << 30, shift: shift + 1 }, // rounded up to 2^31
    }
}
