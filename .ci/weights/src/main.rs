//! Dropout of a slice and of feature maps, forward, and backward in place.

use dropout_kernels::{Address, Dropout, Error, Layout, Mode, Rate};

fn four_calls(seed: u64, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
    let (rate, address) = (Rate::new(0.1)?, Address { seed, ..Address::default() });
    let dense = Dropout::new(rate);
    let maps = dense.with_layout(Layout::nchw([2, 8, 8, 8])?);
    let (first, second) = (Mode::Train(address), Mode::Train(Address { layer: 1, ..address }));
    dense.apply(first, x, y)?;
    dense.backward_in_place(first, y)?;
    maps.apply(second, x, y)?;
    maps.backward_in_place(second, y)
}

fn main() {
    let seed = std::env::args().count() as u64;
    let (x, mut y) = ([1.0; 1024], [0.0; 1024]);
    let result = if cfg!(feature = "nothing") { Ok(()) } else { four_calls(seed, &x, &mut y) };
    println!("{result:?} {}", y[seed as usize % 1024]);
}
