//! Another static library of Rust, with std in it.

/// The sum of 0..n, by allocation and through a panic that is caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(n: u32) -> u64 {
    std::panic::set_hook(Box::new(|_| ()));
    let numbers: Vec<u64> = (0..u64::from(n)).collect();
    let sum = std::panic::catch_unwind(|| std::panic::panic_any(numbers.iter().sum::<u64>()));
    sum.err().and_then(|sum| sum.downcast().ok()).map_or(0, |sum| *sum)
}
