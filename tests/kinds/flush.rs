//! Half precision on a CPU that flushes subnormals to zero, as audio hosts and some run-times tell it to. The conversions do not depend on that,
//! and `f16` never meets a subnormal `f32` in between; `bf16` has the subnormals of `f32`, whose products are the caller's choice.
#![expect(unsafe_code, reason = "no other way leads to the control word")]

use std::arch::asm;
use std::hint::black_box;

use ::half::{bf16, f16};
use dropout_kernels::{Address, Backend, Mode, Scaling};
use testkit::every_backend;
use testkit::subject::{OfAlpha, OfGaussian, OfScaled, Settings, Subject};
use testkit::value::Value;

use crate::{apply, backward};

every_backend!(every_f16_is_the_same, every_normal_bf16_is_the_same);

/// The last two have the largest scale there is, and a classic factor of 2^-32.
const RATES: [f64; 4] = [0.1, 0.5, 0.999, 4_294_967_295.0 / 4_294_967_296.0];

fn every_f16_is_the_same(backend: Backend) {
    assert_the_same_where(backend, |_: f16| true);
}

/// The smallest is left out too, as a product that is rounded up to that was subnormal in `f32`.
fn every_normal_bf16_is_the_same(backend: Backend) {
    assert_the_same_where(backend, |x: bf16| {
        let magnitude = x.to_bits() & 0x7FFF;
        magnitude == 0 || magnitude > bf16::MIN_POSITIVE.to_bits()
    });
}

/// For each number as input, if neither it nor its output is an exception.
fn assert_the_same_where<E: Value>(backend: Backend, normal: impl Fn(E) -> bool) {
    let x: Vec<E> = (0..1 << 16).map(E::from_bits).collect();
    for p in RATES {
        for scaling in [Scaling::Inverted, Scaling::Classic] {
            let settings = Settings { scaling, ..Settings::of(p) };
            let usual = outputs(backend, &settings, &x);
            let mut with_flushes = vec![];
            flushing(|| with_flushes = outputs(backend, &settings, &x));
            for (usual, with_flushes) in usual.iter().zip(&with_flushes) {
                for ((x, usual), with_flushes) in x.iter().zip(usual).zip(with_flushes) {
                    assert!(
                        usual.same(*with_flushes) || !normal(*x) || !normal(*usual),
                        "{x:?}: {with_flushes:?}, not {usual:?}"
                    );
                }
            }
        }
    }
}

/// Everything that is computed in floating point.
fn outputs<E: Value>(backend: Backend, settings: &Settings, x: &[E]) -> Vec<Vec<E>> {
    let train = Mode::Train(Address::default());
    let scaled = OfScaled::<E>::layer(settings).on(backend);
    let (alpha, gaussian) = (OfAlpha::<E>::layer(settings).on(backend), OfGaussian::<E>::layer(settings).on(backend));
    vec![
        apply(&scaled, train, x),
        apply(&scaled, Mode::Eval, x),
        apply(&alpha, train, x),
        backward(&alpha, train, x),
        apply(&gaussian, train, x),
    ]
}

/// Runs `f` while operands and results that are subnormal are flushed to zero.
fn flushing(f: impl FnOnce()) {
    let before = control_word();
    set_control_word(before | FLUSH);
    let flushed = black_box(black_box(1e-40_f32) * black_box(1.0));
    f();
    set_control_word(before);
    assert_eq!([flushed.to_bits(), black_box(1e-40_f32).to_bits()], [0, 71_362]);
}

/// Flush to zero, and denormals are zeros.
#[cfg(target_arch = "x86_64")]
const FLUSH: u64 = 0x8040;

#[cfg(target_arch = "x86_64")]
fn control_word() -> u64 {
    let mut mxcsr = 0_u32;
    // SAFETY: it is stored where the address says.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags)) };
    mxcsr.into()
}

#[cfg(target_arch = "x86_64")]
fn set_control_word(word: u64) {
    let mxcsr = word as u32;
    // SAFETY: the word is one that was read, but for the bits that flush subnormals. Rust takes for granted that they are clear, so the
    // operations in between are behind calls and black boxes, and what they give is checked.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr, options(nostack, preserves_flags)) };
}

/// FZ.
#[cfg(target_arch = "aarch64")]
const FLUSH: u64 = 1 << 24;

#[cfg(target_arch = "aarch64")]
fn control_word() -> u64 {
    let fpcr;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags)) };
    fpcr
}

#[cfg(target_arch = "aarch64")]
fn set_control_word(word: u64) {
    // SAFETY: the word is one that was read, but for the bit that flushes subnormals. Rust takes for granted that it is clear, so the operations
    // in between are behind calls and black boxes, and what they give is checked.
    unsafe { asm!("msr fpcr, {}", in(reg) word, options(nostack, preserves_flags)) };
}
