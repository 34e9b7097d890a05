//! A fully connected layer of int8.

use dropout_kernels::Rate;

use crate::requantization::Requantization;

/// Real values are `scale * (x - zero_point)`: of inputs and outputs with a scale and a zero point for all, of weights
/// with a scale an output and zero point 0. The scales are found in the outputs' channels alone.
#[derive(Debug)]
pub struct Dense<const INPUTS: usize, const OUTPUTS: usize> {
    /// A row an output.
    pub weights: [[i8; INPUTS]; OUTPUTS],
    pub channels: [Channel; OUTPUTS],
    pub input_zero_point: i8,
    pub output_zero_point: i8,
    /// The least output: its zero point, if `ReLU` follows.
    pub least: i8,
}

/// What an output has of its own, apart from weights.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// In the unit of the sum, which is the input's scale times the weights'.
    pub bias: i32,
    pub requantization: Requantization,
}

impl Channel {
    /// The channel of a layer behind dropout that leaves the scale 1/(1-p) to others. The scale is folded into the
    /// requantisation; the bias was not dropped, so it is multiplied by 1-p before.
    pub const fn behind(self, rate: Rate) -> Self {
        let keep = (1 << 32) - rate.threshold().cast_signed(); // 1-p, in units of 2^-32
        let bias = (self.bias as i64 * keep + (1 << 31)) >> 32;
        Self { bias: bias as i32, requantization: self.requantization.fold_scale(rate) }
    }
}

impl<const INPUTS: usize, const OUTPUTS: usize> Dense<INPUTS, OUTPUTS> {
    /// The layer's channels [behind](Channel::behind) dropout. Of a static layer and a constant rate the compiler has
    /// them ready.
    pub const fn channels_behind(&self, rate: Rate) -> [Channel; OUTPUTS] {
        let mut channels = self.channels;
        let mut output = 0;
        while output < OUTPUTS {
            channels[output] = channels[output].behind(rate);
            output += 1;
        }
        channels
    }

    /// The outputs of these inputs, with the layer's channels or those behind dropout.
    pub fn forward(&self, channels: &[Channel; OUTPUTS], x: &[i8; INPUTS], y: &mut [i8; OUTPUTS]) {
        let zero_point = i32::from(self.input_zero_point);
        for ((y, weights), channel) in y.iter_mut().zip(&self.weights).zip(channels) {
            let products = weights.iter().zip(x).map(|(&weight, &x)| i32::from(weight) * (i32::from(x) - zero_point));
            let sum = channel.bias + products.sum::<i32>();
            let output = i32::from(self.output_zero_point) + channel.requantization.apply(sum);
            *y = output.clamp(self.least.into(), i8::MAX.into()) as i8;
        }
    }
}

#[cfg(test)]
mod tests {
    use dropout_kernels::{Address, Mode, QuantizedDropout};

    use super::*;

    const HALF: Requantization = Requantization { multiplier: 1 << 30, shift: 0 };

    const LAYER: Dense<4, 2> = Dense {
        weights: [[1, 2, 3, 4], [-5, 6, -7, 8]],
        channels: [Channel { bias: 10, requantization: HALF }, Channel { bias: -21, requantization: HALF }],
        input_zero_point: -3,
        output_zero_point: 5,
        least: i8::MIN,
    };

    #[test]
    fn outputs_are_those_by_hand() {
        let mut y = [0; 2];
        // Above the zero point by -5, -6, -2 and -1, so the sums are -27 + 10 and -5 - 21.
        let x = [-8, -9, -5, -4];
        LAYER.forward(&LAYER.channels, &x, &mut y);
        assert_eq!(y, [5 - 8, 5 - 13]);
        let relu = Dense { least: 5, ..LAYER };
        relu.forward(&LAYER.channels, &x, &mut y);
        assert_eq!(y, [5, 5]);
        // By 130 each: 10 * 130 + 10, and 2 * 130 - 21.
        LAYER.forward(&LAYER.channels, &[127; 4], &mut y);
        assert_eq!(y, [127, 5 + 120]);
    }

    #[test]
    fn the_scale_is_that_of_inverted_dropout() {
        let rate = Rate::new(0.75).unwrap();
        let channels = LAYER.channels_behind(rate);
        let x = [7, -3, 2, 0];
        for step in 0..50 {
            let train = Mode::Train(Address { seed: 1, layer: 0, step, offset: 0 });
            let mut dropped = x;
            QuantizedDropout::new(rate, LAYER.input_zero_point).apply_in_place(train, &mut dropped).unwrap();
            let mut y = [0; 2];
            LAYER.forward(&channels, &dropped, &mut y);
            for ((y, weights), channel) in y.iter().zip(LAYER.weights).zip(LAYER.channels) {
                let products = weights.iter().zip(dropped).map(|(&weight, x)| f64::from(weight) * f64::from(x + 3));
                let real = 5.0 + 0.5 * (4.0 * products.sum::<f64>() + f64::from(channel.bias));
                // The output is rounded, and so is the bias, before it is multiplied by 4 and a half.
                assert!((f64::from(*y) - real.clamp(-128.0, 127.0)).abs() <= 1.5, "{y} {real}");
            }
        }
    }
}
