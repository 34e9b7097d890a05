//! Programs that never forget a seed: a process of its own, as the requirement holds in all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use burn::tensor::{Device, Tensor};
use dropout_kernels_burn::{Addresses, DropoutConfig};

/// The message of a panic.
fn message<T>(make: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(make)).err().unwrap();
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn scopes_are_required() {
    let init = || DropoutConfig::new(0.5).init();
    let x = Tensor::<1>::ones([10], &Device::flex().autodiff());
    let addresses = Addresses::new(42);
    let _ = init();

    Addresses::require_scopes();
    let made = addresses.scope(init);
    assert!(message(init).starts_with("a dropout made outside of all scopes"), "after the scope");
    let made_elsewhere = addresses.scope(|| thread::spawn(move || message(init)).join().unwrap());
    assert!(made_elsewhere.starts_with("a dropout made outside of all scopes"), "on another thread");
    let clone = addresses.clone();
    assert_eq!(thread::spawn(move || clone.scope(init).counter.next().layer).join().unwrap(), 1);

    let _ = made.forward(x.clone());
    assert_eq!(made.counter.next().step, 1);
    let in_forward = message(|| addresses.scope(|| init().forward(x.clone())));
    assert!(in_forward.starts_with("a training call in a scope"), "{in_forward}");
    let _ = addresses.scope(|| made.forward(Tensor::<1>::ones([10], &Device::flex()))); // evaluation
    let _ = addresses.scope(|| Addresses::monte_carlo(7, || made.forward(x)));
    assert_eq!(made.counter.next().step, 1);
}
