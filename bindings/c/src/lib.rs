//! The C ABI of `dropout-kernels`. Callers read `include/dropout_kernels.h`, which is made from this crate.
//!
//! Every function checks what can be checked of its arguments and returns a [`dk_error`](error::dk_error); after an
//! error nothing is written.
//!
//! # Safety
//! What cannot be checked, callers promise. It is the same for all functions, and the header says it at the top: a
//! pointer that is not NULL points to as many elements as its length says, or to one if there is no length. What is
//! read was written before, what is written may be, and no other thread uses it during the call.
#![no_std]
#![expect(non_camel_case_types, reason = "types have the names that they have in C")]

// The header has the functions in this order, which is why these are several groups.
mod error;
mod memory;
mod mode;
mod rate;
mod version;

mod layer;
mod layout;
mod mask;

mod dense;
mod dropout;
mod quantized;

mod alpha;
mod drop_block;
mod gaussian;
mod moments;

// A library for C is where Rust ends, so it has to say what a panic does, although no function panics. The handler of std
// would bring std with it, which collides with that of another static library of Rust.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
