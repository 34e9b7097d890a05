//! A layer of any kind, every method of it on every backend, against what the oracle says of each element.

use arbitrary::Arbitrary;
use dropout_kernels::{Address, Backend, Error, Layout, Mode, PackedMask, Scaling};

use super::calls::{Slices, WORD_CANARY, canary};
use super::inputs::{Count, Decided, Decisions, Values, check_length, pack};
use super::tensor::Tensor;
use crate::case::TensorCase;
use crate::oracle;
use crate::subject::Subject;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Layer {
    decisions: Decisions,
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
    /// The layer of a kind for a tensor, with the oracle's answers.
    pub fn of<'a, S: Subject>(&self, tensor: &'a Tensor) -> Case<'a, S> {
        let decided = self.decisions.get();
        let scaling = if self.classic { Scaling::Classic } else { Scaling::Inverted };
        // A zero point is that of the seed's low bits.
        let (p, address, values) = (decided.p(), decided.address, decided.address.seed);
        let settings = TensorCase { shape: vec![], shared: vec![], p, scaling, address, values };
        let looked_at = self.pass != Pass::Eval && tensor.decisions <= Count::MAX;
        let uniforms = if looked_at { S::uniforms(address, tensor.decisions) } else { vec![] };
        let drops: Vec<bool> = uniforms.iter().map(|u| oracle::drops(*u, decided.threshold)).collect();
        let first = if let Pass::Stored(first) = self.pass { first.into() } else { 0 };
        let subject = S::new(&settings);
        Case { layer: *self, tensor, decided, settings, subject, uniforms, words: pack(first, &drops) }
    }
}

/// What a layer is to do with a tensor. The oracle has been asked once, for all backends and methods.
pub struct Case<'a, S> {
    layer: Layer,
    tensor: &'a Tensor,
    pub decided: Decided,
    settings: TensorCase,
    pub subject: S,
    /// Of each decision; of none in evaluation, and where they are too many to look at.
    uniforms: Vec<u64>,
    /// What a stored mask is in. (Noise has none: whatever is stored, it must be refused.)
    words: Vec<u32>,
}

impl<S: Subject> Case<'_, S> {
    pub fn library(&self, backend: Backend) -> dropout_kernels::Layer<S::Kind, Layout> {
        self.without_layout(backend).with_layout(self.tensor.layout.unwrap_or(Layout::flat(self.tensor.elements)))
    }

    pub fn without_layout(&self, backend: Backend) -> dropout_kernels::Layer<S::Kind> {
        S::layer(&self.settings).on(backend)
    }

    /// How many decisions the stored mask has, of as many as it should.
    fn stored(&self) -> usize {
        self.layer.slices.mask_len.get(self.uniforms.len()).min(self.uniforms.len())
    }

    pub fn mode(&self) -> Mode<'_> {
        self.window(0, self.stored())
    }

    /// The mode of the decisions `from..to`.
    pub fn window(&self, from: usize, to: usize) -> Mode<'_> {
        let address = self.decided.address;
        match self.layer.pass {
            // One past the last index there is, where nothing follows: an empty slice may start at any offset.
            Pass::Train => Mode::Train(Address { offset: address.offset.wrapping_add(from as u64), ..address }),
            Pass::Stored(first) => Mode::Stored(PackedMask::new(&self.words, usize::from(first) + from, to - from).unwrap()),
            Pass::Eval => Mode::Eval,
        }
    }

    /// Errs where the library must, of the mode.
    pub fn fits(&self) -> Result<(), Error> {
        match self.layer.pass {
            Pass::Train => self.decided.check_reach(self.tensor.decisions as u64),
            Pass::Stored(_) => check_length("mask", self.tensor.decisions, self.stored()),
            Pass::Eval => Ok(()),
        }
    }

    /// What `f` makes of each element of the tensor, by position, with its decision's uniform integer; `None` in evaluation.
    pub fn outputs<T>(&self, f: impl Fn(usize, Option<u64>) -> T) -> Vec<Option<T>> {
        let evaluates = self.layer.pass == Pass::Eval;
        let uniform = |decision: usize| if evaluates { None } else { Some(self.uniforms[decision]) };
        let reads = self.tensor.reads.iter().enumerate();
        reads.map(|(i, decision)| decision.map(|decision| f(i, uniform(decision)))).collect()
    }

    /// Asserts that every method makes of the tensor what it must. Where something does not fit, every method must err and write nothing.
    pub fn check(&self, values: &Values) {
        let x = values.get::<S::Element>(self.tensor.len);
        let output = |trained: fn(&S, u64, S::Element) -> S::Element| {
            self.outputs(|i, u| u.map_or_else(|| self.subject.evaluated(x[i]), |u| trained(&self.subject, u, x[i])))
        };
        let (forward, backward) = (output(S::forward), output(S::backward));
        let mode = self.mode();
        let noise_has_no_mask = matches!(mode, Mode::Stored(_)) && S::NOISE;
        let fits = self.fits().and(if noise_has_no_mask { Err(Error::StoredMask) } else { Ok(()) });
        for backend in Backend::all() {
            let slices = self.layer.slices;
            let (elements, expected) = (self.tensor.elements, [&forward[..], &backward]);
            match self.tensor.layout {
                Some(_) => slices.check_passes(&(self.library(backend), mode), elements, &x, expected, fits),
                None => slices.check_passes(&(self.without_layout(backend), mode), elements, &x, expected, fits),
            }
        }
    }

    /// The forward pass in training that writes its mask down.
    pub fn check_recording(&self, values: &Values) {
        if self.layer.pass != Pass::Train || self.tensor.decisions > Count::MAX {
            return;
        }
        let x = values.get::<S::Element>(self.tensor.len);
        let expected = self.outputs(|i, u| self.subject.forward(u.unwrap(), x[i]));
        let (slices, mask) = (self.layer.slices, &self.words);
        let (y_len, mask_len) = (slices.y_len.get(x.len()), slices.mask_len.get(mask.len()));
        let result = check_length("x", self.tensor.elements, x.len())
            .and(check_length("y", x.len(), y_len))
            .and(check_length("mask", mask.len(), mask_len))
            .and(self.fits());
        for backend in Backend::all() {
            let layer = self.library(backend);
            slices.words(mask_len, |words| {
                slices.write(&vec![canary(); y_len], result, &expected, |y| {
                    layer.apply_recording(self.decided.address, &x, y, words)
                });
                let untouched = vec![WORD_CANARY; mask_len];
                assert_eq!(words, if result.is_ok() { mask } else { &untouched });
            });
        }
    }
}
