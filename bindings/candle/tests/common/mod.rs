//! The oracle: decisions of the mask contract, one by one.
#![allow(dead_code, reason = "each test uses its part")]

use candle_core::{DType, Device, Tensor, Var};
use dropout_kernels::{Mask, Rate};
use dropout_kernels_candle::Address;

pub const ADDRESS: Address = Address { seed: 42, layer: 3, step: 1000, offset: 0 };

/// Whether each of the first `decisions` decisions keeps.
pub fn keeps(p: f64, address: Address, decisions: usize) -> Vec<bool> {
    let mask = Mask::new(Rate::new(p).unwrap(), address);
    (0..decisions).map(|i| mask.keeps(i as u64).unwrap()).collect()
}

/// The rate that the contract has for `p`: a multiple of 2^-32.
pub fn realised(p: f64) -> f64 {
    (p * 2_f64.powi(32)).round_ties_even() / 2_f64.powi(32)
}

/// 1, 2, 3 and so on: no two elements are the same.
pub fn counting(shape: &[usize], dtype: DType) -> Var {
    let len = shape.iter().product::<usize>() as u32;
    let x = Tensor::arange(1_u32, len + 1, &Device::Cpu).unwrap().reshape(shape).unwrap();
    Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap()
}

/// All elements in logical order. Every element type here fits `f64`.
pub fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Asserts that numbers are the same but for a few roundings of `dtype`.
pub fn assert_close(actual: &[f64], expected: &[f64], dtype: DType) {
    let rounding = match dtype {
        DType::F64 => 1e-15,
        DType::F32 => 3e-7,
        DType::F16 => 1e-3,
        _ => 8e-3,
    };
    assert_eq!(actual.len(), expected.len());
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!((actual - expected).abs() <= rounding * expected.abs(), "{i}: {actual} instead of {expected}");
    }
}
