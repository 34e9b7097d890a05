//! A layer of any kind, every method of it on every backend, against what the oracle says of each element.

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, Error, Layout, Mode, PackedMask, Scaling, Shape};

use super::calls::{BACKWARD, FORWARD, Slices, WORD_CANARY, canary};
use super::inputs::{Count, Decided, Decisions, Values, check_length};
use super::tensor::Tensor;
use crate::memory::as_memory;
use crate::oracle::{self, pack};
use crate::subject::{Settings, Subject};
use crate::value::Value;

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
        let settings = Settings { threshold: decided.threshold, scaling, zero_point: decided.address.seed };
        let looked_at = self.pass != Pass::Eval && tensor.decisions <= Count::MAX;
        let uniforms = if looked_at { S::uniforms(decided.address, tensor.decisions) } else { vec![] };
        let drops: Vec<bool> = uniforms.iter().map(|u| oracle::drops(*u, decided.threshold)).collect();
        let first = if let Pass::Stored(first) = self.pass { first.into() } else { 0 };
        let subject = S::new(&settings);
        // What is not the mask's is zeros or ones.
        let around = if decided.address.layer.is_multiple_of(2) { 0 } else { u32::MAX };
        let all = pack(first, &vec![false; drops.len()]);
        let words = pack(first, &drops).into_iter().zip(all).map(|(keep, all)| keep | around & !all).collect();
        Case { layer: *self, tensor, decided, settings, subject, uniforms, words }
    }
}

/// What a layer is to do with a tensor. The oracle has been asked once, for all backends and methods.
pub struct Case<'a, S> {
    layer: Layer,
    tensor: &'a Tensor,
    pub decided: Decided,
    settings: Settings,
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
        match self.layer.pass {
            Pass::Train => Mode::Train(self.decided.address),
            Pass::Stored(first) => Mode::Stored(PackedMask::new(&self.words, first.into(), self.stored()).unwrap()),
            Pass::Eval => Mode::Eval,
        }
    }

    /// Errs where the library must, of the mode.
    pub fn fits(&self) -> Result<(), Error> {
        match self.layer.pass {
            Pass::Train => self.decided.check_reach(self.tensor.decisions as u64),
            Pass::Stored(_) if S::NOISE => Err(Error::StoredMask),
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

    /// What the passes make of `x`, forward and backward.
    fn passes(&self, x: &[S::Element]) -> [Vec<Option<S::Element>>; 2] {
        [S::forward, S::backward].map(|trained: fn(&S, u64, S::Element) -> S::Element| {
            self.outputs(|i, u| u.map_or_else(|| self.subject.evaluated(x[i]), |u| trained(&self.subject, u, x[i])))
        })
    }

    /// Asserts that every method makes of the tensor what it must. Where something does not fit, every method must err and write nothing.
    pub fn check(&self, values: &Values) {
        let x = values.get::<S::Element>(self.tensor.len);
        let [forward, backward] = self.passes(&x);
        for backend in Backend::all() {
            match self.tensor.layout {
                Some(_) => self.check_methods(&self.library(backend), &x, [&forward, &backward]),
                None => self.check_methods(&self.without_layout(backend), &x, [&forward, &backward]),
            }
        }
        self.check_recording(&x);
    }

    fn check_methods<L: Shape>(
        &self,
        layer: &dropout_kernels::Layer<S::Kind, L>,
        x: &[S::Element],
        [forward, backward]: [&[Option<S::Element>]; 2],
    ) {
        let (slices, mode, elements) = (self.layer.slices, self.mode(), self.tensor.elements);
        slices.check_pass(
            FORWARD,
            elements,
            x,
            (forward, self.fits()),
            &[&|x, y| layer.apply(mode, x, y), &|x, y| as_memory(y, |y| layer.apply_uninit(mode, x, y))],
            &|x| layer.apply_in_place(mode, x),
        );
        slices.check_pass(
            BACKWARD,
            elements,
            x,
            (backward, self.fits()),
            &[&|g, to| layer.backward(mode, g, to), &|g, to| as_memory(to, |to| layer.backward_uninit(mode, g, to))],
            &|g| layer.backward_in_place(mode, g),
        );
    }

    /// The forward pass in training that writes its mask down.
    fn check_recording(&self, x: &[S::Element]) {
        if self.layer.pass != Pass::Train || self.tensor.decisions > Count::MAX {
            return;
        }
        let expected = if S::NOISE { vec![] } else { self.outputs(|i, u| self.subject.forward(u.unwrap(), x[i])) };
        let drops: Vec<bool> = self.uniforms.iter().map(|u| oracle::drops(*u, self.decided.threshold)).collect();
        let (slices, mask) = (self.layer.slices, &pack(0, &drops));
        let (y_len, mask_len) = (slices.y_len.get(x.len()), slices.mask_len.get(mask.len()));
        let result = check_length("x", self.tensor.elements, x.len())
            .and(check_length("y", x.len(), y_len))
            .and(check_length("words", mask.len(), mask_len))
            .and(if S::NOISE { Err(Error::StoredMask) } else { self.fits() });
        for backend in Backend::all() {
            let layer = self.library(backend);
            slices.words(mask_len, |words| {
                slices.write(&vec![canary(); y_len], result, &expected, |y| {
                    layer.apply_recording(self.decided.address, x, y, words)
                });
                let untouched = vec![WORD_CANARY; mask_len];
                assert_eq!(words, if result.is_ok() { mask } else { &untouched });
            });
        }
    }
}

impl<S: Subject<Element: Value>> Case<'_, S> {
    /// The backward pass that adds to what is there.
    pub fn check_sums(&self, values: &Values) {
        let x = values.get::<S::Element>(self.tensor.len);
        let y_len = self.layer.slices.y_len.get(x.len());
        // In the other order, so that what is added to differs from what is added.
        let before: Vec<S::Element> = values.get(y_len).into_iter().rev().collect();
        let [_, backward] = self.passes(&x);
        let expected: Vec<_> = backward.into_iter().zip(&before).map(|(g, before)| g.map(|g| before.plus(g))).collect();
        let result =
            check_length("grad_y", self.tensor.elements, x.len()).and(check_length("grad_x", x.len(), y_len)).and(self.fits());
        for backend in Backend::all() {
            let (layer, mode) = (self.library(backend), self.mode());
            self.layer.slices.write(&before, result, &expected, |grad_x| layer.backward_add(mode, &x, grad_x));
        }
    }
}
