//! Tensors with strides: the same results as of their contiguous copies.
#![expect(clippy::float_cmp, reason = "what is not changed is the same to the bit")]

mod common;

use std::collections::HashSet;

use candle_core::{DType, Result, Tensor};
use common::{ADDRESS, counting, values};
use dropout_kernels_candle::{Addresses, Alpha, Dropout, Kind, Layer, Scaled};

/// Views of `x`, 6 x 7 x 8 x 9: permuted, with a step, narrowed, a broadcast, and mixtures.
fn views(x: &Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![
        x.t()?,
        x.permute((3, 1, 0, 2))?,
        x.narrow(3, 2, 5)?,
        x.narrow(0, 1, 3)?,
        x.narrow(1, 1, 3)?.transpose(0, 2)?,
        x.narrow(2, 1, 1)?.broadcast_as((6, 7, 4, 9))?,
        x.reshape((6, 7, 8, 3, 3))?.narrow(4, 1, 1)?.squeeze(4)?, // every third element
    ])
}

fn check<K: Kind>() -> Result<()> {
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        let x = counting(&[6, 7, 8, 9], dtype);
        for (i, view) in views(&x)?.iter().enumerate() {
            assert!(!view.is_contiguous() || i == 3);
            let copy = view.contiguous()?;
            let expected = Layer::<K>::new(0.4).forward_at(&copy, ADDRESS)?;
            let y = Layer::<K>::new(0.4).forward_at(view, ADDRESS)?;
            assert_eq!(values(&y), values(&expected), "view {i} of {dtype:?}");

            let expected = y.backward()?.remove(&x).unwrap();
            let y = Layer::<K>::new(0.4).forward_at(&copy, ADDRESS)?;
            assert_eq!(values(&y.backward()?.remove(&x).unwrap()), values(&expected), "gradient of view {i} of {dtype:?}");
        }
    }
    Ok(())
}

#[test]
fn any_order_of_memory() -> Result<()> {
    check::<Scaled<0>>()?;
    check::<Scaled<2>>()?;
    check::<Alpha>()
}

/// Strides along axes of one position mean nothing.
#[test]
fn axes_of_one_position() -> Result<()> {
    let x = counting(&[5, 1, 1, 7], DType::F32);
    let expected = values(&Dropout::new(0.5).forward_at(&x, ADDRESS)?);
    for view in [x.transpose(1, 2)?, x.permute((1, 0, 2, 3))?, x.permute((0, 3, 1, 2))?] {
        assert!(view.is_contiguous());
        assert_eq!(values(&Dropout::new(0.5).forward_at(&view, ADDRESS)?), expected);
    }
    let row = x.narrow(0, 4, 1)?;
    let expected = Dropout::new(0.5).forward_at(&row.copy()?, ADDRESS)?;
    assert_eq!(values(&Dropout::new(0.5).forward_at(&row, ADDRESS)?), values(&expected));
    Ok(())
}

/// A gradient that comes back with strides, through a transposition.
#[test]
fn gradients_with_strides() -> Result<()> {
    let (x, weights) = (counting(&[20, 30], DType::F64), counting(&[30, 20], DType::F64));
    let gradient = |y: Tensor| Ok::<_, candle_core::Error>(values(&(y * weights.detach())?.backward()?.remove(&x).unwrap()));
    let dropout = Dropout::new(0.5);
    let expected = gradient(dropout.forward_at(&x, ADDRESS)?.t()?.contiguous()?)?;
    assert_eq!(gradient(dropout.forward_at(&x, ADDRESS)?.t()?)?, expected);
    let y = values(&dropout.forward_at(&x, ADDRESS)?);
    assert!(y.iter().zip(expected).all(|(&y, dx)| (y == 0.0) == (dx == 0.0)));
    Ok(())
}

/// In place, the view's elements become what a copy's do, and no others change.
fn check_in_place<K: Kind>() -> Result<()> {
    for i in [0, 1, 2, 3, 4, 6] {
        let x = counting(&[6, 7, 8, 9], DType::F32).detach().copy()?;
        let view = &views(&x)?[i];
        let inside: HashSet<u64> = values(view).into_iter().map(f64::to_bits).collect();
        let expected = Layer::<K>::new_in(0.4, &Addresses::new(1)).forward(&view.contiguous()?, true)?;
        Layer::<K>::new_in(0.4, &Addresses::new(1)).forward_inplace(view, true)?;
        assert_eq!(values(view), values(&expected), "view {i}");
        for (before, after) in (1..).map(f64::from).zip(values(&x)) {
            assert_ne!(before == after, inside.contains(&before.to_bits()), "view {i}: {before} became {after}");
        }
    }
    Ok(())
}

/// More axes than the kernels have: those that lie in memory as one are one to them.
#[test]
fn many_axes_in_place() -> Result<()> {
    let check = |x: &Tensor| {
        let expected = Dropout::new_in(0.4, &Addresses::new(1)).forward(&x.copy()?, true)?;
        Dropout::new_in(0.4, &Addresses::new(1)).forward_inplace(x, true)?;
        assert_eq!(values(x), values(&expected), "{:?}", x.layout());
        Ok::<_, candle_core::Error>(())
    };
    let x = || counting(&[2, 3, 1, 2, 2, 2, 1, 2, 2, 3], DType::F32).detach().copy();
    check(&x()?)?;
    check(&x()?.narrow(0, 1, 1)?)?;
    check(&x()?.narrow(4, 1, 1)?)?;
    check(&x()?.transpose(1, 9)?)?;
    let reversed = counting(&[2; 10], DType::F32).detach().copy()?.permute(vec![9, 8, 7, 6, 5, 4, 3, 2, 1, 0])?;
    let addresses = Addresses::new(1);
    let error = Dropout::new_in(0.4, &addresses).forward_inplace(&reversed, true).unwrap_err().to_string();
    assert!(error.starts_with("a shape of 10 axes: expected at most 8"), "{error}");
    assert_eq!(addresses.state()?.to_vec1::<u32>()?[2], 0);
    Ok(())
}

#[test]
fn in_place() -> Result<()> {
    check_in_place::<Scaled<0>>()?;
    check_in_place::<Scaled<2>>()?;
    check_in_place::<Alpha>()
}
