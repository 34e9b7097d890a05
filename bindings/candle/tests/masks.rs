//! Both passes of every module against the mask contract.
#![expect(clippy::float_cmp, reason = "p = 1 is exact")]

mod common;

use candle_core::{DType, Device, ModuleT, Result, Tensor, Var};
use common::{ADDRESS, assert_close, counting, keeps, realised, values};
use dropout_kernels::{Mask, Rate};
use dropout_kernels_candle::{
    Address, Addresses, Alpha, AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, Kind, Layer, Scaled, dropout,
};

const TYPES: [DType; 4] = [DType::F32, DType::F64, DType::F16, DType::BF16];

/// The check values of the mask contract: kept ones become 1 / (1 - p), and so do their gradients.
#[test]
fn agrees_with_the_check_values() -> Result<()> {
    let table: [(Address, f64, [u32; 4]); 3] = [
        (Address { seed: 42, layer: 0, step: 0, offset: 0 }, 0.1, [0xFFEF_FFFB, 0x7FF7_FBFB, 0xFBFF_FFFF, 0x7F7B_FBFF]),
        (
            Address { seed: 42, layer: 3, step: 1000, offset: (1 << 39) - 64 },
            0.5,
            [0x2D49_2746, 0xCD86_7CDF, 0x5780_F0D5, 0x1F46_7473],
        ),
        (
            Address { seed: u64::MAX, layer: u32::MAX, step: u32::MAX, offset: u64::MAX - 127 },
            0.3,
            [0xE7D7_E046, 0xEDFF_FE37, 0xFDD2_FF6B, 0xDB6B_6DDB],
        ),
    ];
    for (address, p, words) in table {
        let x = Var::ones(128, DType::F64, &Device::Cpu)?;
        let y = Dropout::new(p as f32).forward_at(&x, address)?;
        let keeps = |i: usize| words[i / 32] >> (i % 32) & 1 == 1;
        let expected: Vec<f64> = (0..128).map(|i| if keeps(i) { 1.0 / (1.0 - realised(p)) } else { 0.0 }).collect();
        assert_close(&values(&y), &expected, DType::F64);
        assert_close(&values(y.backward()?.get(&x).unwrap()), &expected, DType::F64);
    }
    Ok(())
}

/// A decision that the threshold of 0.1 keeps, 429,496,730, and that of the `f32` next to it, widened, would drop.
#[test]
fn a_rate_is_the_shortest_decimal_of_its_f32() -> Result<()> {
    let address = Address { seed: 42, layer: 0, step: 0, offset: 1_832_814_873 };
    let widened = Rate::from_threshold(429_496_736).unwrap();
    assert!(!Mask::new(widened, address).keeps(0).unwrap() && keeps(0.1, address, 1)[0]);
    let one = Tensor::ones(1, DType::F64, &Device::Cpu)?;
    assert_close(&values(&Dropout::new(0.1).forward_at(&one, address)?), &[1.0 / (1.0 - realised(0.1))], DType::F64);
    assert_eq!(format!("{:?}", Dropout::new(0.1)), "dropout { drop_p: 0.1, layer: 0, .. }");
    Ok(())
}

/// A module on `shape`, whose elements share decisions by `map`, with the expected value and gradient of an element.
fn check<K: Kind>(p: f64, shape: &[usize], map: usize, expected: impl Fn(f64, bool) -> [f64; 2]) -> Result<()> {
    let elements: usize = shape.iter().product();
    let keep = keeps(p, ADDRESS, elements / map);
    for dtype in TYPES {
        let x = counting(shape, dtype);
        let y = Layer::<K>::new(p as f32).forward_at(&x, ADDRESS)?;
        assert_eq!((y.dims(), y.dtype()), (shape, dtype));
        // The incoming gradient is 1, 2, 3 and so on, too.
        let gradients = (&y * x.detach())?.backward()?;
        let (xs, ys, dxs) = (values(&x), values(&y), values(gradients.get(&x).unwrap()));
        let [expected_y, expected_dx]: [Vec<f64>; 2] =
            [0, 1].map(|which| (0..elements).map(|i| expected(xs[i], keep[i / map])[which]).collect());
        assert_close(&ys, &expected_y, dtype);
        assert_close(&dxs, &expected_dx, dtype);

        let z = x.detach().copy()?;
        let addresses = Addresses::new(ADDRESS.seed);
        Layer::<K>::new_in(p as f32, &addresses).forward_inplace(&z, true)?;
        let first = Address { seed: ADDRESS.seed, ..Address::default() };
        assert_eq!(values(&z), values(&Layer::<K>::new(p as f32).forward_at(&x, first)?));
    }
    Ok(())
}

fn scaled(p: f64) -> impl Fn(f64, bool) -> [f64; 2] {
    let scale = 1.0 / (1.0 - realised(p));
    move |x, keep| if keep { [x * scale, x * scale] } else { [0.0; 2] }
}

#[test]
fn elements() -> Result<()> {
    for p in [0.0, 0.1, 0.5, 0.9] {
        check::<Scaled<0>>(p, &[3, 5, 7, 11], 1, scaled(p))?;
        check::<Scaled<0>>(p, &[2, 3, 2, 2, 1, 2, 2, 5], 1, scaled(p))?;
    }
    check::<Scaled<0>>(0.5, &[], 1, scaled(0.5))?;
    check::<Scaled<0>>(0.5, &[3, 0], 1, scaled(0.5))
}

#[test]
fn maps() -> Result<()> {
    check::<Scaled<1>>(0.3, &[5, 6, 7], 7, scaled(0.3))?;
    check::<Scaled<2>>(0.3, &[5, 6, 3, 4], 12, scaled(0.3))?;
    check::<Scaled<3>>(0.3, &[5, 6, 2, 3, 2], 12, scaled(0.3))
}

/// Klambauer et al., "Self-normalizing neural networks", section "Dropout".
#[test]
fn alpha() -> Result<()> {
    for p in [0.1_f64, 0.5] {
        let (q, limit) = (1.0 - realised(p), -1.758_099_340_847_376_6);
        let a = (q + limit * limit * q * (1.0 - q)).powf(-0.5);
        let b = -a * (1.0 - q) * limit;
        check::<Alpha>(p, &[10, 21], 1, move |x, keep| if keep { [a * x + b, a * x] } else { [a * limit + b, 0.0] })?;
    }
    Ok(())
}

#[test]
fn two_branches_of_one_input_add_their_gradients() -> Result<()> {
    let x = counting(&[100], DType::F64);
    let addresses = Addresses::new(7);
    let dropout = Dropout::new_in(0.5, &addresses);
    let gradients = (dropout.forward(&x, true)? + dropout.forward(&x, true)?)?.backward()?;
    let keep = [0, 1].map(|step| keeps(0.5, Address { seed: 7, step, ..Address::default() }, 100));
    assert_ne!(keep[0], keep[1]);
    let expected: Vec<f64> = (0..100).map(|i| 2.0 * f64::from(u8::from(keep[0][i]) + u8::from(keep[1][i]))).collect();
    assert_eq!(values(gradients.get(&x).unwrap()), expected);
    Ok(())
}

#[test]
fn without_a_module() -> Result<()> {
    for dtype in TYPES {
        let x = counting(&[7, 9], dtype);
        let (y, expected) = (dropout(&x, 0.3, ADDRESS)?, Dropout::new(0.3).forward_at(&x, ADDRESS)?);
        assert_eq!(values(&y), values(&expected));
        assert_eq!(values(&y.backward()?.remove(&x).unwrap()), values(&expected.backward()?.remove(&x).unwrap()));
    }
    dropout(&counting(&[3], DType::F32).to_dtype(DType::U32)?, 0.3, ADDRESS).unwrap_err();
    dropout(&counting(&[3], DType::F32), 1.5, ADDRESS).unwrap_err();
    Ok(())
}

/// Boxes of a tensor have the elements and gradients of the whole.
fn check_parts<K: Kind>(whole: &[usize], boxes: &[(&[usize], &[usize])]) -> Result<()> {
    let module = Layer::<K>::new(0.4);
    let cut = |x: &Tensor, start: &[usize], shape: &[usize]| {
        (0..whole.len()).try_fold(x.clone(), |x, axis| x.narrow(axis, start[axis], shape[axis]))
    };
    let x = counting(whole, DType::F32);
    let y = module.forward_at(&x, ADDRESS)?;
    let dx = (&y * x.detach())?.backward()?.remove(&x).unwrap();
    for &(start, shape) in boxes {
        // With strides, as it is a view.
        let part = cut(&x, start, shape)?;
        let z = module.forward_part(&part, ADDRESS, whole, start)?;
        assert_eq!(values(&z), values(&cut(&y, start, shape)?));
        let dz = (z * part.detach())?.backward()?.remove(&x).unwrap();
        assert_eq!(values(&cut(&dz, start, shape)?), values(&cut(&dx, start, shape)?));
    }
    Ok(())
}

#[test]
fn parts_of_a_tensor() -> Result<()> {
    check_parts::<Scaled<0>>(&[8, 30], &[(&[0, 0], &[3, 30]), (&[3, 0], &[5, 30]), (&[2, 7], &[4, 11])])?;
    check_parts::<Alpha>(&[8, 30], &[(&[3, 0], &[5, 30]), (&[2, 7], &[4, 11])])?;
    check_parts::<Scaled<2>>(&[4, 6, 3, 5], &[(&[2, 0, 0, 0], &[2, 6, 3, 5]), (&[1, 2, 1, 0], &[2, 3, 2, 5])])?;
    let x = counting(&[3, 4], DType::F32);
    let error = Dropout::new(0.5).forward_part(&x, ADDRESS, &[8, 4], &[6, 0]).unwrap_err().to_string();
    assert!(error.starts_with("a part of 3 from 6 on along axis 0"), "{error}");
    Dropout::new(0.5).forward_part(&x, ADDRESS, &[8, 4, 1], &[0, 0, 0]).unwrap_err();
    Ok(())
}

#[test]
fn evaluation_is_the_identity() -> Result<()> {
    let x = counting(&[2, 3, 4], DType::F32);
    for module in [&Dropout::new(0.5) as &dyn ModuleT, &Dropout1d::new(0.5), &AlphaDropout::new(0.5)] {
        assert_eq!(values(&module.forward_t(&x, false)?), values(&x));
        assert_ne!(values(&module.forward_t(&x, true)?), values(&x));
    }
    Dropout::new(0.5).forward_inplace(&x, false)?;
    assert_eq!(values(&x), (1..=24).map(f64::from).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn refuses_what_it_does_not_take_and_does_not_count_it() -> Result<()> {
    let addresses = Addresses::new(0);
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    // A backtrace may follow.
    let message = |result: Result<Tensor>| result.unwrap_err().to_string().lines().next().unwrap().to_owned();

    let error = message(Dropout::new_in(1.5, &addresses).forward(&x, true));
    assert_eq!(error, "rate p = 1.5: expected a probability from 0 to 1");
    let error = message(Dropout::new_in(0.5, &addresses).forward(&x.to_dtype(DType::I64)?, true));
    assert_eq!(error, "unsupported dtype I64 for op dropout");
    let error = message(Dropout2d::new_in(0.5, &addresses).forward(&x, true));
    assert_eq!(error, "unexpected rank, expected: 4, got: 2 ([2, 3])");
    message(Dropout3d::new_in(0.5, &addresses).forward(&x, true));

    let in_place = Dropout::new_in(0.5, &addresses);
    let error = in_place.forward_inplace(&counting(&[2, 3], DType::F32), true).unwrap_err().to_string();
    assert!(error.starts_with("dropout in place of a tensor with gradients"), "{error}");
    let error = in_place.forward_inplace(&x.narrow(0, 0, 1)?.broadcast_as((2, 3))?, true).unwrap_err().to_string();
    assert!(error.starts_with("dropout in place of a view whose elements overlap"), "{error}");

    let counts = addresses.state()?.to_vec1::<u32>()?;
    assert_eq!(counts.iter().skip(2).step_by(3).sum::<u32>(), 0);
    Ok(())
}
