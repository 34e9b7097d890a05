//! Monte-Carlo dropout of an int8 network on a microcontroller, or on the host that it is compared with.
//!
//! It prints a [`Report`] of the test images and one of the same images, turned; on a microcontroller, what they cost too.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod device;
#[cfg(not(target_os = "none"))]
mod host;

use dropout_kernels::Error;
use firmware::dense::{Channel, Dense};
use firmware::monte_carlo::{Counter, Network, PIXELS};
use firmware::report::Report;
use firmware::requantization::Requantization;

/// What `quantise` has written: the network, and of each kind of images the pixels and their classes.
static NETWORK: Network = include!("../target/network.rs");
static IMAGES: &[u8] = include_bytes!("../target/images.bin");
static LABELS: &[u8] = include_bytes!("../target/labels.bin");
const KINDS: usize = 2;

/// The reports of all kinds.
fn run(counter: &mut impl Counter) -> Result<[Report; KINDS], Error> {
    let mut reports = <[Report; KINDS]>::default();
    let (images, _) = IMAGES.as_chunks::<PIXELS>();
    for (number, (pixels, &label)) in images.iter().zip(LABELS.iter().cycle()).enumerate() {
        // From 0 to 255, and 0 becomes the zero point.
        let image = pixels.map(|pixel| (pixel ^ 0x80).cast_signed());
        let prediction = NETWORK.predict(number as u64, &image, counter)?;
        reports[number / LABELS.len()].add(&prediction, label);
    }
    Ok(reports)
}

#[cfg(not(target_os = "none"))]
fn main() -> Result<(), Error> {
    host::main()
}
