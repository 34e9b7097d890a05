//! Dropout on devices that the kernels do not reach, in burn's own operations.

use burn::tensor::{Distribution, Tensor};
use dropout_kernels::Rate;

use crate::kind::Kind;

/// What SELU tends to for large negative inputs, where alpha dropout puts what it drops.
const LIMIT: f64 = -1.758_099_340_847_376_6;

/// Drops by a mask of the device's own generator.
pub(crate) fn dropout<const D: usize>(x: Tensor<D>, kind: Kind, rate: Rate) -> Tensor<D> {
    let keep = rate.keep();
    // A kept value becomes a * x + b. At p = 1 there is none, and no finite scale for one.
    let (a, b, dropped) = match kind {
        _ if rate.threshold() == 1 << 32 => (0.0, 0.0, 0.0),
        Kind::Elements | Kind::Channels => (rate.scale(), 0.0, 0.0),
        Kind::Alpha => {
            let a = (keep + LIMIT * LIMIT * keep * (1.0 - keep)).powf(-0.5);
            let b = -a * (1.0 - keep) * LIMIT;
            (a, b, a * LIMIT + b)
        }
    };
    let shape = x.dims();
    let mut decisions = shape;
    if kind == Kind::Channels {
        decisions[2..].fill(1);
    }
    let kept = Tensor::<D>::random(decisions, Distribution::Bernoulli(keep), (&x.device(), x.dtype()));
    (x * a + b).mask_fill(kept.equal_elem(0).expand(shape), dropped)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// That a module comes here for other devices, its test with one says.
    #[test]
    fn drops_as_the_kernels_do() {
        let device = Device::flex().autodiff();
        for (kind, map) in [(Kind::Elements, 1), (Kind::Channels, 20), (Kind::Alpha, 1)] {
            for p in [0.0, 0.25, 1.0] {
                let x = Tensor::<3>::full([50, 40, 20], 3.0, &device).require_grad();
                let y = dropout(x.clone(), kind, Rate::new(p).unwrap());
                let dx: Vec<f64> = x.grad(&y.clone().backward()).unwrap().into_data().iter().collect();
                let y: Vec<f64> = y.into_data().iter().collect();
                let (q, limit) = (1.0 - p, LIMIT);
                let a = if kind == Kind::Alpha { f64::powf(q + limit * limit * q * p, -0.5) } else { 1.0 / q };
                let b = if kind == Kind::Alpha { -a * p * limit } else { 0.0 };
                let [kept, gone] = [3.0 * a + b, if kind == Kind::Alpha && p < 1.0 { a * limit + b } else { 0.0 }];
                let near = |x: f64, y: f64| (x - y).abs() < 1e-5;
                let (mut drops, mut decisions) = (0.0, 0.0);
                for (y, dx) in y.chunks(map).zip(dx.chunks(map)) {
                    let keeps = p < 1.0 && near(y[0], kept);
                    let expected = if keeps { [kept, a] } else { [gone, 0.0] };
                    let all = y.iter().zip(dx).all(|(&y, &dx)| near(y, expected[0]) && near(dx, expected[1]));
                    assert!(all, "{kind:?} at {p}: {y:?}, gradient {dx:?}, expected {expected:?}");
                    drops += f64::from(u8::from(!keeps));
                    decisions += 1.0;
                }
                let deviation = f64::sqrt(p * q / decisions);
                assert!((drops / decisions - p).abs() <= 5.0 * deviation, "{kind:?}: {drops} of {decisions} at {p}");
            }
        }
    }
}
