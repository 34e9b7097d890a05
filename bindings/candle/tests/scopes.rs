//! Programs that never forget a seed: a process of its own, as the requirement holds in all of it.

use std::thread;

use candle_core::{DType, Device, Result, Tensor};
use dropout_kernels_candle::{Addresses, Dropout};

#[test]
fn scopes_are_required() -> Result<()> {
    let x = Tensor::ones(10, DType::F32, &Device::Cpu)?;
    let fails = |made: &Dropout, when: &str| {
        let error = made.forward(&x, true).unwrap_err().to_string();
        assert!(error.starts_with("a dropout made outside of all scopes"), "{when}: {error}");
        Addresses::monte_carlo(7, || made.forward(&x, true)).unwrap_err();
        made.forward(&x, false).unwrap();
    };
    let before = Dropout::new(0.5);
    let addresses = Addresses::new(42);

    Addresses::require_scopes();
    before.forward(&x, true)?;
    let made = addresses.scope(|| Dropout::new(0.5));
    made.forward(&x, true)?;
    fails(&Dropout::new(0.5), "after the scope, as in a model's forward");
    let made_elsewhere = addresses.scope(|| thread::spawn(|| Dropout::new(0.5)).join().unwrap());
    fails(&made_elsewhere, "on another thread");
    made_elsewhere.forward_at(&x, made.count()?)?;
    let clone = addresses.clone();
    let made_in_a_scope = thread::spawn(move || clone.scope(|| Dropout::new(0.5))).join().unwrap();
    assert_eq!(made_in_a_scope.layer(), 1);
    Dropout::new_in(0.5, &addresses).forward(&x, true)?;
    Ok(())
}
