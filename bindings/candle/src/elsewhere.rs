//! Dropout on devices that the kernels do not reach, in candle's own operations.

use candle_core::{Result, Tensor};
use dropout_kernels::Rate;

use crate::kind::Kind;

/// Drops by a mask of the device's own generator.
pub(crate) fn dropout<K: Kind>(xs: &Tensor, rate: Rate) -> Result<Tensor> {
    let mut decisions = xs.dims().to_vec();
    let deciding = decisions.len() - K::MAP_AXES;
    decisions[deciding..].fill(1);
    let keeps = Tensor::rand(0_f32, 1.0, decisions, xs.device())?.ge(rate.realised() as f32)?;
    let [a, b, dropped] = K::values(rate);
    let kept = xs.affine(a, b)?;
    let dropped = Tensor::full(dropped as f32, (), xs.device())?.to_dtype(xs.dtype())?;
    keeps.broadcast_as(xs.shape())?.where_cond(&kept, &dropped.broadcast_as(xs.shape())?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::kind::{Alpha, Scaled};

    fn check<K: Kind>(shape: &[usize], map: usize, values: impl Fn(f64) -> [f64; 3]) {
        for p in [0.0, 0.25, 1.0] {
            let x = Var::from_tensor(&Tensor::full(3.0_f64, shape, &Device::Cpu).unwrap()).unwrap();
            let y = dropout::<K>(&x, Rate::new(p).unwrap()).unwrap();
            assert_eq!((y.dims(), y.dtype()), (shape, DType::F64));
            let dx = y.backward().unwrap().remove(&x).unwrap();
            let [y, dx] = [y, dx].map(|x| x.flatten_all().unwrap().to_vec1::<f64>().unwrap());
            let [kept, slope, gone] = if p < 1.0 { values(p) } else { [f64::NAN, 0.0, 0.0] };
            let near = |x: f64, y: f64| (x - y).abs() < 1e-6;
            let (mut drops, mut decisions) = (0.0, 0.0);
            for (y, dx) in y.chunks(map).zip(dx.chunks(map)) {
                let keeps = near(y[0], kept);
                let [expected_y, expected_dx] = if keeps { [kept, slope] } else { [gone, 0.0] };
                let all = y.iter().zip(dx).all(|(&y, &dx)| near(y, expected_y) && near(dx, expected_dx));
                assert!(all, "{} at {p}: {y:?}, gradients {dx:?}", K::NAME);
                drops += f64::from(u8::from(!keeps));
                decisions += 1.0;
            }
            let deviation = f64::sqrt(p * (1.0 - p) / decisions);
            assert!((drops / decisions - p).abs() <= 5.0 * deviation, "{}: {drops} of {decisions} at {p}", K::NAME);
        }
    }

    /// Klambauer et al., "Self-normalizing neural networks", section "Dropout", for alpha dropout.
    #[test]
    fn drops_as_the_kernels_do() {
        let scaled = |p: f64| [3.0 / (1.0 - p), 1.0 / (1.0 - p), 0.0];
        check::<Scaled<0>>(&[50, 40], 1, scaled);
        check::<Scaled<2>>(&[50, 40, 3, 4], 12, scaled);
        check::<Alpha>(&[50, 40], 1, |p| {
            let (q, limit) = (1.0 - p, -1.758_099_340_847_376_6);
            let a = f64::powf(q + limit * limit * q * p, -0.5);
            let b = -a * p * limit;
            [a * 3.0 + b, a, a * limit + b]
        });
    }
}
