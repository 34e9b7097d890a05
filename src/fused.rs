//! Bias, activation, dropout and residual in one pass over memory instead of four.

use core::ops::Range;

use crate::activation::{Function, Gelu, Identity, Relu};
use crate::error::check_length;
use crate::kernel::{CHUNK, Effect, Slices, Step, each};
use crate::lanes::{Lanes, Task};
use crate::layer::{Job, Mode};
use crate::layout::Walk;
use crate::tiles::TILE;
use crate::{Activation, Dropout, Error};

/// What transformers and perceptrons do between two matrix products, in one pass:
///
/// ```text
/// y[i] = residual[i] + dropout(activation(x[i] + bias[i % columns]))
/// ```
///
/// The bias and the residual may be left out. Each operation is rounded once and in this order, so that the result is, bit for bit, that of
/// passes one after another. What is dropped is +0.0, whatever it was, and so becomes `residual + 0.0`.
///
/// In the backward pass, `grad_x = dropout(grad_y) * activation'(x + bias)`, again +0.0 where dropped. The gradient of the bias is
/// that summed over the rows, in `f32` and in the order of memory (but where a layout shares decisions along an outer axis, which the sums
/// then follow for 256 decisions at a time). The gradient of the residual is `grad_y` itself: there is nothing to compute.
///
/// ```
/// use dropout_kernels::{Activation, Address, Dropout, Fused, Mode, Rate};
///
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
/// let bias = [0.5, -0.5, 0.25];
/// let fused = Fused::new(Dropout::new(Rate::new(0.5)?), Activation::Relu).with_bias(&bias);
///
/// // Two rows of three columns.
/// let (x, residual) = ([1.0; 6], [10.0; 6]);
/// let mut y = [0.0; 6];
/// fused.apply(train, &x, Some(&residual), &mut y)?;
/// assert!(y.iter().zip(bias.iter().cycle()).all(|(&y, b)| y == 10.0 || y == 10.0 + 2.0 * (1.0 + b)));
///
/// // The same into the residual stream itself.
/// let mut stream = residual;
/// fused.add(train, &x, &mut stream)?;
/// assert_eq!(stream, y);
///
/// let (mut grad_x, mut grad_bias) = ([0.0; 6], [0.0; 3]);
/// fused.backward(train, &x, &[1.0; 6], &mut grad_x, Some(&mut grad_bias))?;
/// assert!(grad_x.iter().zip(y).all(|(&g, y)| g == if y == 10.0 { 0.0 } else { 2.0 }));
/// assert_eq!(grad_bias, [grad_x[0] + grad_x[3], grad_x[1] + grad_x[4], grad_x[2] + grad_x[5]]);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused<'a> {
    dropout: Dropout,
    activation: Activation,
    bias: Option<&'a [f32]>,
}

impl Fused<'static> {
    /// An activation and then dropout, of `dropout`'s rate, scaling, layout and backend; on one thread.
    #[must_use]
    pub const fn new(dropout: Dropout, activation: Activation) -> Self {
        Self { dropout, activation, bias: None }
    }
}

// The passes are inline, so that the kernels are compiled for those who call them and nobody else, as those of generic layers are.
impl<'a> Fused<'a> {
    /// The same with a bias, one for each column of row-major tensors, added first.
    #[must_use]
    pub const fn with_bias(self, bias: &'a [f32]) -> Self {
        Self { bias: Some(bias), ..self }
    }

    /// The forward pass: `x` into `y`, plus the residual if there is one.
    ///
    /// # Errors
    /// [`Error::Columns`] if `x` is not whole rows of the bias; [`Error::Length`] if it is not what the layout says, another slice is not as
    /// long, or a stored mask has another number of decisions; [`Error::IndexOverflow`] if the decisions reach past 2^64. Everything is then
    /// as it was.
    #[inline]
    pub fn apply(&self, mode: Mode<'_>, x: &[f32], residual: Option<&[f32]>, y: &mut [f32]) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.forward(mode, &walk, Slices::out_of_place(x, y), Other::residual(residual, x.len())?)
    }

    /// The forward pass in place. Without `x` as it was there is no backward pass, unless the activation is the identity.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn apply_in_place(&self, mode: Mode<'_>, x: &mut [f32], residual: Option<&[f32]>) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        let other = Other::residual(residual, x.len())?;
        self.forward(mode, &walk, Slices::in_place(x), other)
    }

    /// The forward pass in place of the residual, which it is added to.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn add(&self, mode: Mode<'_>, x: &[f32], residual: &mut [f32]) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("residual", x.len(), residual.len())?;
        self.forward(mode, &walk, Slices::in_place(residual), Other::X(x))
    }

    /// The backward pass, given the forward pass's mode and `x`: the gradient with respect to `y` into that with respect to `x`; that with
    /// respect to the bias is added to `grad_bias`.
    ///
    /// The identity has no need of `x`: any slice of its length does, such as `grad_y`.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); [`Error::Length`] also unless `grad_bias` is as long as the bias.
    #[inline]
    pub fn backward(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("grad_y", x.len(), grad_y.len())?;
        check_length("grad_x", x.len(), grad_x.len())?;
        self.backwards(mode, &walk, Slices::out_of_place(grad_y, grad_x), x, None, grad_bias)
    }

    /// The backward pass in place of the gradient.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    #[inline]
    pub fn backward_in_place(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("grad", x.len(), grad.len())?;
        self.backwards(mode, &walk, Slices::in_place(grad), x, None, grad_bias)
    }

    /// The backward pass where `x` has a gradient from elsewhere, which this one is added to.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    #[inline]
    pub fn backward_add(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("grad_y", x.len(), grad_y.len())?;
        check_length("grad_x", x.len(), grad_x.len())?;
        self.backwards(mode, &walk, Slices::in_place(grad_x), x, Some(grad_y), grad_bias)
    }

    /// How to walk a slice of this length, which is checked against the layout and the bias.
    fn walk(&self, name: &'static str, len: usize) -> Result<Walk<'_>, Error> {
        if let Some(bias) = self.bias {
            check_columns(len, bias.len())?;
        }
        self.dropout.walk(name, len)
    }

    #[inline]
    fn forward(&self, mode: Mode<'_>, walk: &Walk<'_>, slices: Slices<'_, f32>, other: Other<'_>) -> Result<(), Error> {
        let (bias, factor) = (self.bias, self.factor(mode));
        match self.activation {
            Activation::Identity => self.run(mode, walk, slices, Forward { function: Identity, factor, bias, other }),
            Activation::Relu => self.run(mode, walk, slices, Forward { function: Relu, factor, bias, other }),
            Activation::Gelu => self.run(mode, walk, slices, Forward { function: Gelu, factor, bias, other }),
        }
    }

    #[inline]
    fn backwards(
        &self,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, f32>,
        x: &[f32],
        grad_y: Option<&[f32]>,
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        if let Some(grad_bias) = &grad_bias {
            check_columns(x.len(), grad_bias.len())?;
            check_length("grad_bias", self.bias.map_or(grad_bias.len(), <[f32]>::len), grad_bias.len())?;
        }
        let inputs = Inputs { x, bias: self.bias, grad_y };
        let factor = self.factor(mode);
        match self.activation {
            Activation::Identity => self.run(mode, walk, slices, Backward { function: Identity, factor, inputs, grad_bias }),
            Activation::Relu => self.run(mode, walk, slices, Backward { function: Relu, factor, inputs, grad_bias }),
            Activation::Gelu => self.run(mode, walk, slices, Backward { function: Gelu, factor, inputs, grad_bias }),
        }
    }

    /// What kept values are multiplied by.
    fn factor(&self, mode: Mode<'_>) -> f32 {
        let [in_training, in_evaluation] = self.dropout.kind.factors();
        (if mode == Mode::Eval { in_evaluation } else { in_training }) as f32
    }

    fn run(
        &self,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, f32>,
        effect: impl Effect<f32, Word = u64>,
    ) -> Result<(), Error> {
        mode.check(walk.total)?;
        let backend = self.dropout.backend();
        if mode == Mode::Eval {
            backend.run(Evaluate { walk, effect, slices });
        } else {
            Job { backend, walk, slices }.masked(mode, self.dropout.rate(), effect);
        }
        Ok(())
    }
}

/// Errs unless the elements are whole rows.
fn check_columns(elements: usize, columns: usize) -> Result<(), Error> {
    let whole = elements == 0 || elements.checked_rem(columns) == Some(0);
    if whole { Ok(()) } else { Err(Error::Columns { elements, columns }) }
}

/// An effect without a mask: every element kept.
struct Evaluate<'a, F> {
    walk: &'a Walk<'a>,
    effect: F,
    slices: Slices<'a, f32>,
}

impl<F: Effect<f32, Word = u64>> Task for Evaluate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { walk, mut effect, mut slices } = self;
        for run in walk.runs() {
            each(lanes, slices.part(run.clone()), &u64::MAX, effect.step(lanes, run));
        }
        slices.finish();
    }
}

/// The operand of a forward pass that is not the kernel's own input.
#[derive(Clone, Copy)]
enum Other<'a> {
    Nothing,
    Residual(&'a [f32]),
    /// The input is the residual.
    X(&'a [f32]),
}

impl<'a> Other<'a> {
    fn residual(residual: Option<&'a [f32]>, len: usize) -> Result<Self, Error> {
        let Some(residual) = residual else { return Ok(Self::Nothing) };
        check_length("residual", len, residual.len())?;
        Ok(Self::Residual(residual))
    }
}

/// A forward pass.
struct Forward<'a, F> {
    function: F,
    factor: f32,
    bias: Option<&'a [f32]>,
    other: Other<'a>,
}

impl<F: Function> Effect<f32> for Forward<'_, F> {
    type Word = u64;
    type Step<'a, L: Lanes>
        = ForwardStep<'a, L, F>
    where
        Self: 'a;

    #[inline(always)]
    fn step<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> ForwardStep<'_, L, F> {
        let Self { function, factor, bias, other } = *self;
        let column = column(bias, range.start);
        let (x, residual) = match other {
            Other::Nothing => (None, None),
            Other::Residual(residual) => (None, Some(Chunks::of(residual, range))),
            Other::X(x) => (Some(Chunks::of(x, range)), None),
        };
        ForwardStep { lanes, function, factor, bias, x, residual, column }
    }
}

struct ForwardStep<'a, L, F> {
    lanes: L,
    function: F,
    factor: f32,
    bias: Option<&'a [f32]>,
    /// If the kernel's own input is not this but the residual.
    x: Option<Chunks<'a>>,
    residual: Option<Chunks<'a>>,
    /// Of the next element.
    column: usize,
}

impl<L: Lanes, F: Function> Step<f32, u64> for ForwardStep<'_, L, F> {
    #[inline(always)]
    fn step(&mut self, keep: &u64, chunk: usize, input: &[f32; CHUNK]) -> [f32; CHUNK] {
        let lanes = self.lanes;
        let input = lanes.load_f32(input);
        let mut x = if let Some(x) = &mut self.x { x.next(lanes) } else { input };
        if let Some(bias) = self.bias {
            x = x + load_columns(lanes, bias, &mut self.column);
        }
        let kept = self.function.value(lanes, x) * lanes.splat_f32(self.factor);
        let mut y = lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0));
        if let Some(residual) = &mut self.residual {
            y = residual.next(lanes) + y;
        } else if self.x.is_some() {
            y = input + y;
        }
        lanes.store_f32(y)
    }
}

/// What a backward pass reads besides the kernel's own input.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    x: &'a [f32],
    bias: Option<&'a [f32]>,
    /// If the kernel's own input is not this but the gradient to add to.
    grad_y: Option<&'a [f32]>,
}

/// Blocks whose sums follow the axis that shares their decisions: as many as every CPU can compute together.
const SUMMED_BLOCKS: usize = 2;

const _: () = assert!(SUMMED_BLOCKS <= TILE);

/// A backward pass.
struct Backward<'a, F> {
    function: F,
    factor: f32,
    inputs: Inputs<'a>,
    grad_bias: Option<&'a mut [f32]>,
}

impl<F: Function> Effect<f32> for Backward<'_, F> {
    type Word = u64;
    type Step<'a, L: Lanes>
        = BackwardStep<'a, L, F>
    where
        Self: 'a;

    #[inline(always)]
    fn tile(&self, walk: &Walk<'_>) -> usize {
        if self.grad_bias.is_some() && walk.is_repeated() { SUMMED_BLOCKS } else { TILE }
    }

    #[inline(always)]
    fn step<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> BackwardStep<'_, L, F> {
        let Self { function, factor, inputs, ref mut grad_bias } = *self;
        let grad_bias = grad_bias.as_deref_mut();
        let column = column(inputs.bias.or(grad_bias.as_deref()), range.start);
        let (x, grad_y) = (Chunks::of(inputs.x, range.clone()), inputs.grad_y.map(|grad_y| Chunks::of(grad_y, range.clone())));
        BackwardStep { lanes, function, factor, x, bias: inputs.bias, grad_y, grad_bias, column, left: range.len() }
    }
}

struct BackwardStep<'a, L, F> {
    lanes: L,
    function: F,
    factor: f32,
    x: Chunks<'a>,
    bias: Option<&'a [f32]>,
    grad_y: Option<Chunks<'a>>,
    grad_bias: Option<&'a mut [f32]>,
    /// Of the next element.
    column: usize,
    /// Elements, that one included.
    left: usize,
}

impl<L: Lanes, F: Function> Step<f32, u64> for BackwardStep<'_, L, F> {
    #[inline(always)]
    fn step(&mut self, keep: &u64, chunk: usize, input: &[f32; CHUNK]) -> [f32; CHUNK] {
        let lanes = self.lanes;
        let input = lanes.load_f32(input);
        let grad_y = if let Some(grad_y) = &mut self.grad_y { grad_y.next(lanes) } else { input };
        let mut x = self.x.next(lanes);
        let mut next = self.column;
        if let Some(bias) = self.bias {
            x = x + load_columns(lanes, bias, &mut next);
        }
        let kept = self.function.gradient(lanes, x, grad_y * lanes.splat_f32(self.factor));
        let gradient = lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0));
        if let Some(grad_bias) = &mut self.grad_bias {
            add_to_columns(lanes, grad_bias, &mut self.column, gradient, self.left);
        } else {
            self.column = next;
        }
        self.left = self.left.saturating_sub(CHUNK);
        lanes.store_f32(if self.grad_y.is_some() { input + gradient } else { gradient })
    }
}

/// A slice that is read along with the kernel's own input.
struct Chunks<'a> {
    whole: core::slice::Iter<'a, [f32; CHUNK]>,
    rest: &'a [f32],
}

impl<'a> Chunks<'a> {
    /// The elements of a range, which lies inside.
    fn of(slice: &'a [f32], range: Range<usize>) -> Self {
        let (whole, rest) = slice.get(range).unwrap_or_default().as_chunks();
        Self { whole: whole.iter(), rest }
    }

    /// The next sixteen, the last ones padded.
    #[inline(always)]
    fn next<L: Lanes>(&mut self, lanes: L) -> L::F32x16 {
        if let Some(chunk) = self.whole.next() { lanes.load_f32(chunk) } else { lanes.load_f32(&padded(self.rest)) }
    }
}

#[cold]
fn padded(rest: &[f32]) -> [f32; CHUNK] {
    let mut padded = [0.0; CHUNK];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}

/// The column of an element.
fn column(row: Option<&[f32]>, element: usize) -> usize {
    row.and_then(|row| element.checked_rem(row.len())).unwrap_or(0)
}

/// The values of sixteen columns, with the first again after the last; `column` becomes that of the element after them.
#[inline(always)]
fn load_columns<L: Lanes>(lanes: L, row: &[f32], column: &mut usize) -> L::F32x16 {
    let rest = row.get(*column..).unwrap_or_default();
    if let Some((chunk, rest)) = rest.split_first_chunk::<CHUNK>() {
        *column = if rest.is_empty() { 0 } else { *column + CHUNK };
        return lanes.load_f32(chunk);
    }
    lanes.load_f32(&wrapped(row, column))
}

#[cold]
fn wrapped(row: &[f32], column: &mut usize) -> [f32; CHUNK] {
    let mut values = [0.0; CHUNK];
    let rest = row.get(*column..).unwrap_or_default();
    values.iter_mut().zip(rest.iter().chain(row.iter().cycle())).for_each(|(to, from)| *to = *from);
    *column = (*column + CHUNK).checked_rem(row.len()).unwrap_or(0);
    values
}

/// Adds to the values of sixteen columns likewise, or of fewer if so many elements are not left.
#[inline(always)]
fn add_to_columns<L: Lanes>(lanes: L, row: &mut [f32], column: &mut usize, values: L::F32x16, left: usize) {
    let rest = row.get_mut(*column..).unwrap_or_default();
    if left >= CHUNK
        && let Some((chunk, rest)) = rest.split_first_chunk_mut::<CHUNK>()
    {
        *column = if rest.is_empty() { 0 } else { *column + CHUNK };
        *chunk = lanes.store_f32(lanes.load_f32(chunk) + values);
    } else {
        add_wrapped(row, column, &lanes.store_f32(values), left);
    }
}

#[cold]
fn add_wrapped(row: &mut [f32], column: &mut usize, values: &[f32; CHUNK], left: usize) {
    for value in values.iter().take(left) {
        if let Some(sum) = row.get_mut(*column) {
            *sum += value;
        }
        *column += 1;
        if *column == row.len() {
            *column = 0;
        }
    }
}
