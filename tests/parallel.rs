//! Threads change no bit: on tensors that are large enough to be cut, in every layout that can be cut differently.
#![cfg(feature = "rayon")]

#[macro_use]
mod common;

use common::value::{assert_same, random};
use dropout_kernels::{Address, Backend, Dropout, Error, Layout, Mode, Rate, Scaling};

every_backend!(threads_change_no_bit, threads_refuse_what_one_thread_refuses);

/// An odd number of elements, several times what a thread takes at once.
const LEN: usize = 300_001;

fn dropout(backend: Backend) -> Dropout {
    Dropout::new(Rate::new(0.3).unwrap()).on(backend)
}

fn threads_change_no_bit(backend: Backend) {
    let train = Mode::Train(Address { seed: 8, layer: 1, step: 2, offset: (1 << 39) - 70_001 });
    let layouts = [
        Layout::flat(LEN),
        Layout::locked(&[3, 100_001]).unwrap(),
        Layout::sample(&[7, 40_001]).unwrap(),
        Layout::ncl([301, 5, 199]).unwrap(),
        Layout::nlc([3, 20_001, 5]).unwrap(),
        Layout::rows(301, 900, 1000).unwrap(),
    ];
    for layout in layouts {
        let one = dropout(backend).with_layout(layout);
        let classic = one.with_scaling(Scaling::Classic);
        let x = random::<f32>(9, layout.elements());
        for (one, mode) in [(one, train), (one, Mode::Eval), (classic, train), (classic, Mode::Eval)] {
            let mut expected = x.clone();
            one.apply_in_place(mode, &mut expected).unwrap();
            let mut in_place = x.clone();
            one.in_parallel().apply_in_place(mode, &mut in_place).unwrap();
            assert_same(&in_place, &expected);
            // What lies between rows stays as it is: as the input, to compare with.
            let mut y = x.clone();
            one.in_parallel().apply(mode, &x, &mut y).unwrap();
            assert_same(&y, &expected);
        }
    }
    let x = random::<f32>(10, LEN);
    let (mut one, mut many) = (x.clone(), x);
    dropout(backend).backward_in_place(train, &mut one).unwrap();
    dropout(backend).in_parallel().backward_in_place(train, &mut many).unwrap();
    assert_same(&many, &one);
}

fn threads_refuse_what_one_thread_refuses(backend: Backend) {
    let offset = u64::MAX - 200_000;
    let mode = Mode::Train(Address { offset, ..Address::default() });
    let mut x = vec![77.0_f32; LEN];
    let beyond = Error::IndexOverflow { offset, decisions: LEN as u64 };
    assert_eq!(dropout(backend).in_parallel().apply_in_place(mode, &mut x), Err(beyond));
    assert!(x.iter().all(|x| x.to_bits() == 77.0_f32.to_bits()));
}
