//! A layer of any kind, every method of it on every backend, against what the oracle says of each element.

use arbitrary::Arbitrary;
use dropout_kernels::{Address, Backend, Error, MaskKind, Mode, PackedMask, Scaling};

use super::calls::{Slices, WORD_CANARY, canary};
use super::inputs::{Count, Decisions, Values, check_length, pack};
use super::tensor::Tensor;
use crate::common::case::{TensorCase, uniforms};
use crate::common::kind::Subject;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Layer {
    pub decisions: Decisions,
    classic: bool,
    pass: Pass,
    pub slices: Slices,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Pass {
    Train,
    /// The same mask stored, from this bit on.
    Stored(u8),
    Eval,
}

impl Layer {
    /// The settings, as the oracle of each kind takes them. A zero point is that of the seed's low bits.
    pub fn case(&self) -> TensorCase {
        let scaling = if self.classic { Scaling::Classic } else { Scaling::Inverted };
        let address = self.decisions.address();
        TensorCase { shape: vec![], shared: vec![], p: self.decisions.p(), scaling, address, values: address.seed }
    }

    pub fn library<S: Subject>(&self, tensor: &Tensor) -> dropout_kernels::Layer<S::Kind> {
        let layer = S::layer(&self.case());
        tensor.layout.map_or(layer, |layout| layer.with_layout(layout))
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
    pub fn stored(&self, decisions: usize) -> usize {
        if decisions > Count::MAX { 0 } else { self.slices.mask_len.get(decisions).min(decisions) }
    }

    /// Errs where the library must, when so many decisions are made.
    pub fn check_mode(&self, decisions: usize) -> Result<(), Error> {
        match self.pass {
            Pass::Train => self.decisions.check_reach(decisions as u64),
            Pass::Stored(_) => check_length("mask", decisions, self.stored(decisions)),
            Pass::Eval => Ok(()),
        }
    }

    /// What `f` makes of each element of a tensor, by position, with its uniform integer, of noise or of its decision; `None` in evaluation.
    pub fn outputs<T>(&self, is_noise: bool, tensor: &Tensor, f: impl Fn(usize, Option<u64>) -> T) -> Vec<Option<T>> {
        let decisions = tensor.reads.iter().flatten().max().map_or(0, |last| last + 1);
        let uniforms: Vec<u64> = uniforms(is_noise, self.decisions.address(), decisions).collect();
        let uniform = |decision: usize| (self.pass != Pass::Eval).then(|| uniforms[decision]);
        let reads = tensor.reads.iter().enumerate();
        reads.map(|(i, decision)| decision.map(|decision| f(i, uniform(decision)))).collect()
    }

    /// Asserts that every method makes of a tensor what it must. Where something does not fit, every method must err and write nothing.
    pub fn check<S: Subject>(&self, tensor: &Tensor, values: &Values) {
        let x = values.get::<S::Element>(tensor.len);
        let subject = S::new(&self.case());
        let output = |trained: fn(&S, u64, S::Element) -> S::Element| {
            let output = |i, u: Option<u64>| u.map_or_else(|| subject.evaluated(x[i]), |u| trained(&subject, u, x[i]));
            self.outputs(S::IS_NOISE, tensor, output)
        };
        let (forward, backward) = (output(S::forward), output(S::backward));
        let words = self.words(tensor.decisions);
        let mode = self.mode(&words, 0, self.stored(tensor.decisions));
        let noise_has_no_mask = matches!(mode, Mode::Stored(_)) && S::IS_NOISE;
        let fits = self.check_mode(tensor.decisions).and(if noise_has_no_mask { Err(Error::StoredMask) } else { Ok(()) });
        for backend in Backend::all() {
            let layer = self.library::<S>(tensor).on(backend);
            self.slices.check_passes(&layer, mode, tensor.elements, &x, [&forward, &backward], fits);
        }
    }

    /// The forward pass in training that writes its mask down.
    pub fn check_recording<S: Subject<Kind: MaskKind<S::Element>>>(&self, tensor: &Tensor, values: &Values) {
        if self.pass != Pass::Train || tensor.decisions > Count::MAX {
            return;
        }
        let x = values.get::<S::Element>(tensor.len);
        let subject = S::new(&self.case());
        let expected = self.outputs(false, tensor, |i, u| subject.forward(u.unwrap(), x[i]));
        let mask = pack(0, &self.drops(tensor.decisions));
        let (y_len, mask_len) = (self.slices.y_len.get(x.len()), self.slices.mask_len.get(mask.len()));
        let result = check_length("x", tensor.elements, x.len())
            .and(check_length("y", x.len(), y_len))
            .and(check_length("mask", mask.len(), mask_len))
            .and(self.check_mode(tensor.decisions));
        for backend in Backend::all() {
            let layer = self.library::<S>(tensor).on(backend);
            self.slices.words(mask_len, |words| {
                self.slices.write(&vec![canary(); y_len], result, &expected, |y| {
                    layer.apply_recording(self.decisions.address(), &x, y, words)
                });
                let untouched = vec![WORD_CANARY; mask_len];
                assert_eq!(words, if result.is_ok() { &mask } else { &untouched });
            });
        }
    }
}
