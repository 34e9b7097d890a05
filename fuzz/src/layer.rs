//! A layer, every method of it on every backend, against what the oracle says of each element.

use arbitrary::Arbitrary;
use dropout_kernels::{Address, Backend, Dropout, Error, Mode, Scaling};

use super::inputs::{Decisions, Length, Window, check_length};
use super::oracle;
use super::value::Value;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Layer {
    pub decisions: Decisions,
    classic: bool,
    train: bool,
    y_len: Length,
    x_window: Window,
    y_window: Window,
}

/// A method that writes to another slice than it reads, and one that does not.
type OutOfPlace<E> = fn(&Dropout, Mode<'_>, &[E], &mut [E]) -> Result<(), Error>;
type InPlace<E> = fn(&Dropout, Mode<'_>, &mut [E]) -> Result<(), Error>;

impl Layer {
    pub fn dropout(&self) -> Dropout {
        let scaling = if self.classic { Scaling::Classic } else { Scaling::Inverted };
        Dropout::new(self.decisions.rate()).with_scaling(scaling)
    }

    /// The mode of the window that so many decisions come before.
    pub fn mode_from(&self, before: u64) -> Mode<'static> {
        let address = self.decisions.address();
        let offset = address.offset.wrapping_add(before);
        if self.train { Mode::Train(Address { offset, ..address }) } else { Mode::Eval }
    }

    /// Errs where the library must, when so many decisions are made.
    pub fn check_reach(&self, decisions: u64) -> Result<(), Error> {
        if self.train { self.decisions.check_reach(decisions) } else { Ok(()) }
    }

    /// What becomes of `x`, given the decision that each element reads; `None` for what is to be left alone.
    pub fn expected<E: Value>(&self, x: &[E], reads: &[Option<usize>]) -> Vec<Option<E>> {
        let decisions = if self.train { reads.iter().flatten().max().map_or(0, |last| last + 1) } else { 0 };
        let drops = self.decisions.drops(decisions);
        let p = self.decisions.p();
        let y = |x: E, decision: usize| match (self.train, self.classic) {
            (true, _) if drops[decision] => E::DROPPED,
            (true, false) => x.times(oracle::scale(p)),
            (false, true) => x.times(1.0 - p),
            (true, true) | (false, false) => x,
        };
        x.iter().zip(reads).map(|(&x, decision)| decision.map(|decision| y(x, decision))).collect()
    }

    /// Asserts that every method of the layer makes of `x` what is expected. The layer asks for `elements` elements and makes
    /// so many decisions: where either does not fit, every method must err and write nothing.
    pub fn check<E: Value>(&self, dropout: &Dropout, (elements, decisions): (usize, u64), x: &[E], expected: &[Option<E>]) {
        let mode = self.mode_from(0);
        let reach = self.check_reach(decisions);
        let out_of_place: [(_, _, OutOfPlace<E>); 2] = [("x", "y", Dropout::apply), ("grad_y", "grad_x", Dropout::backward)];
        let in_place: [(_, InPlace<E>); 2] = [("x", Dropout::apply_in_place), ("grad", Dropout::backward_in_place)];
        for backend in Backend::all() {
            let dropout = dropout.on(backend);
            for (x_name, y_name, method) in out_of_place {
                let y_len = self.y_len.get(x.len());
                let result = check_length(x_name, elements, x.len()).and(check_length(y_name, x.len(), y_len)).and(reach);
                let untouched = vec![canary(); y_len];
                self.x_window.guard(canary(), x.len(), E::same, |window| {
                    window.copy_from_slice(x);
                    self.y_window.guard(canary(), y_len, E::same, |y| {
                        assert_eq!(method(&dropout, mode, window, y), result, "{dropout:?}");
                        assert_output(y, &untouched, expected, result);
                    });
                });
            }
            for (name, method) in in_place {
                let result = check_length(name, elements, x.len()).and(reach);
                self.y_window.guard(canary(), x.len(), E::same, |y| {
                    y.copy_from_slice(x);
                    assert_eq!(method(&dropout, mode, y), result, "{dropout:?}");
                    assert_output(y, x, expected, result);
                });
            }
        }
    }
}

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
