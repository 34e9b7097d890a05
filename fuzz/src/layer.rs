//! A layer, every method of it on every backend, against what the oracle says of each element.

use arbitrary::Arbitrary;
use dropout_kernels::{Address, Backend, Dropout, Error, Mode, PackedMask, Scaling};

use super::inputs::{Count, Decisions, Length, Window, check_length, pack};
use super::oracle;
use super::value::Value;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Layer {
    pub decisions: Decisions,
    classic: bool,
    pass: Pass,
    y_len: Length,
    mask_len: Length,
    x_window: Window,
    y_window: Window,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Pass {
    Train,
    /// The same mask stored, from this bit on.
    Stored(u8),
    Eval,
}

/// A method that writes to another slice than it reads, and one that does not.
type OutOfPlace<E> = fn(&Dropout, Mode<'_>, &[E], &mut [E]) -> Result<(), Error>;
type InPlace<E> = fn(&Dropout, Mode<'_>, &mut [E]) -> Result<(), Error>;

impl Layer {
    pub fn dropout(&self) -> Dropout {
        let scaling = if self.classic { Scaling::Classic } else { Scaling::Inverted };
        Dropout::new(self.decisions.rate()).with_scaling(scaling)
    }

    /// Which of so many decisions drop; of none, where they are too many to look at.
    fn drops(&self, decisions: usize) -> Vec<bool> {
        self.decisions.drops(if decisions > Count::MAX { 0 } else { decisions })
    }

    /// The words that a stored mask of so many decisions is in.
    pub fn words(&self, decisions: usize) -> Vec<u32> {
        let before = if let Pass::Stored(first) = self.pass { first.into() } else { 0 };
        pack(before, &self.drops(decisions))
    }

    /// The mode of the window of decisions `from..to`.
    pub fn mode<'a>(&self, words: &'a [u32], from: usize, to: usize) -> Mode<'a> {
        let address = self.decisions.address();
        match self.pass {
            // One past the last index there is, where nothing follows: an empty slice may start at any offset.
            Pass::Train => Mode::Train(Address { offset: address.offset.wrapping_add(from as u64), ..address }),
            Pass::Stored(first) => Mode::Stored(PackedMask::new(words, usize::from(first) + from, to - from).unwrap()),
            Pass::Eval => Mode::Eval,
        }
    }

    /// How many decisions the stored mask has, of as many as it should.
    fn stored(&self, decisions: usize) -> usize {
        if decisions > Count::MAX { 0 } else { self.mask_len.get(decisions).min(decisions) }
    }

    /// Errs where the library must, when so many decisions are made.
    pub fn check_mode(&self, decisions: usize) -> Result<(), Error> {
        match self.pass {
            Pass::Train => self.decisions.check_reach(decisions as u64),
            Pass::Stored(_) => check_length("mask", decisions, self.stored(decisions)),
            Pass::Eval => Ok(()),
        }
    }

    /// What becomes of `x`, given the decision that each element reads; `None` for what is to be left alone.
    pub fn expected<E: Value>(&self, x: &[E], reads: &[Option<usize>]) -> Vec<Option<E>> {
        let train = self.pass != Pass::Eval;
        let decisions = if train { reads.iter().flatten().max().map_or(0, |last| last + 1) } else { 0 };
        let drops = self.drops(decisions);
        let p = self.decisions.p();
        let y = |x: E, decision: usize| match (train, self.classic) {
            (true, _) if drops[decision] => E::DROPPED,
            (true, false) => x.times(oracle::scale(p)),
            (false, true) => x.times(1.0 - p),
            (true, true) | (false, false) => x,
        };
        x.iter().zip(reads).map(|(&x, decision)| decision.map(|decision| y(x, decision))).collect()
    }

    /// Asserts that every method of the layer makes of `x` what is expected. The layer asks for `elements` elements and makes
    /// so many decisions: where either does not fit, every method must err and write nothing.
    pub fn check<E: Value>(&self, dropout: &Dropout, (elements, decisions): (usize, usize), x: &[E], expected: &[Option<E>]) {
        let words = self.words(decisions);
        let mode = self.mode(&words, 0, self.stored(decisions));
        let fits = self.check_mode(decisions);
        let out_of_place: [(_, _, OutOfPlace<E>); 2] = [("x", "y", Dropout::apply), ("grad_y", "grad_x", Dropout::backward)];
        let in_place: [(_, InPlace<E>); 2] = [("x", Dropout::apply_in_place), ("grad", Dropout::backward_in_place)];
        for backend in Backend::all() {
            let dropout = dropout.on(backend);
            for (x_name, y_name, method) in out_of_place {
                let y_len = self.y_len.get(x.len());
                let result = check_length(x_name, elements, x.len()).and(check_length(y_name, x.len(), y_len)).and(fits);
                let untouched = vec![canary(); y_len];
                self.x_window.guard(canary(), x.len(), E::same, |window| {
                    window.copy_from_slice(x);
                    self.y_window.guard(canary(), y_len, E::same, |y| {
                        assert_eq!(method(&dropout, mode, window, y), result, "{dropout:?}");
                        assert_output(y, &untouched, expected, result);
                    });
                });
            }
            if let Mode::Train(address) = mode
                && decisions <= Count::MAX
            {
                self.check_recording(&dropout.on(backend), address, (elements, decisions), x, expected);
            }
            for (name, method) in in_place {
                let result = check_length(name, elements, x.len()).and(fits);
                self.y_window.guard(canary(), x.len(), E::same, |y| {
                    y.copy_from_slice(x);
                    assert_eq!(method(&dropout, mode, y), result, "{dropout:?}");
                    assert_output(y, x, expected, result);
                });
            }
        }
    }

    /// The forward pass that writes its mask down.
    fn check_recording<E: Value>(
        &self,
        dropout: &Dropout,
        address: Address,
        (elements, decisions): (usize, usize),
        x: &[E],
        expected: &[Option<E>],
    ) {
        let mask = pack(0, &self.drops(decisions));
        let (y_len, mask_len) = (self.y_len.get(x.len()), self.mask_len.get(mask.len()));
        let result = check_length("x", elements, x.len())
            .and(check_length("y", x.len(), y_len))
            .and(check_length("mask", mask.len(), mask_len))
            .and(self.check_mode(decisions));
        self.y_window.guard(canary(), y_len, E::same, |y| {
            self.x_window.guard(
                WORD_CANARY,
                mask_len,
                |a, b| a == b,
                |words| {
                    assert_eq!(dropout.apply_recording(address, x, y, words), result, "{dropout:?}");
                    assert_output(y, &vec![canary(); y_len], expected, result);
                    match result {
                        // Without elements no mask is evaluated.
                        Ok(()) if elements > 0 => assert_eq!(words, mask, "{dropout:?}"),
                        Ok(()) => {}
                        Err(_) => assert!(words.iter().all(|&word| word == WORD_CANARY)),
                    }
                },
            );
        });
    }
}

const WORD_CANARY: u32 = 0xA5A5_A5A5;

/// What an output holds at first.
fn canary<E: Value>() -> E {
    E::from_bits(0xA5A5_A5A5_A5A5_A5A5)
}

fn assert_output<E: Value>(y: &[E], untouched: &[E], expected: &[Option<E>], result: Result<(), Error>) {
    for (i, (&y, &untouched)) in y.iter().zip(untouched).enumerate() {
        let expected = if result.is_ok() { expected[i].unwrap_or(untouched) } else { untouched };
        assert!(y.same(expected), "element {i} is {y:?} instead of {expected:?} after {result:?}");
    }
}
