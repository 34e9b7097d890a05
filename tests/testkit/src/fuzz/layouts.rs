//! Layers with a layout: every constructor with any arguments, good or bad, against the index map of the oracle.

use arbitrary::Arbitrary;
use dropout_kernels::{Error, Layout, MAX_RANK, Part};

use super::inputs::{Count, Extent, Integer, Length, Values, check_length};
use super::layer::Layer;
use super::tensor::Tensor;
use crate::subject::OfScaled;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    constructor: Constructor,
    x_len: Length,
    values: Values,
}

#[derive(Arbitrary, Debug)]
pub enum Constructor {
    Flat(Extent),
    Dense(Vec<Extent>),
    Sample(Vec<Extent>),
    Locked(Vec<Extent>),
    Shared(Vec<Extent>, Vec<u8>),
    /// With a stride of so many more or, as it must not be, fewer elements than columns.
    Rows {
        rows: Extent,
        columns: Extent,
        gap: Extent,
        fewer: bool,
    },
    Named(Name, [Extent; 5]),
    Part {
        axes: Vec<Axis>,
        shared: Vec<u8>,
        strides: Option<Strides>,
        short: Option<Short>,
    },
}

/// An axis of the whole, before, in and after the part.
#[derive(Arbitrary, Debug)]
pub struct Axis {
    before: Extent,
    extent: Extent,
    after: Extent,
    /// Whether the part ends outside.
    outside: bool,
    /// When it has its turn, innermost first, where memory has an order of its own.
    turn: u8,
    /// How much more than it needs the stride is.
    gap: Gap,
}

/// Mostly none, so that what follows each other can be merged.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Gap {
    None,
    Few(u8),
    /// The stride itself, which need not step over anything.
    Any(Integer),
}

/// Strides of axes in memory order, one for each axis or not.
#[derive(Arbitrary, Debug)]
pub struct Strides {
    one_less: bool,
}

#[derive(Arbitrary, Debug)]
pub enum Short {
    Start,
    Shape,
}

impl Strides {
    fn get(&self, axes: &[Axis], shape: &[usize]) -> Vec<usize> {
        let mut turns: Vec<usize> = (0..axes.len()).rev().collect();
        turns.sort_by_key(|&axis| axes[axis].turn);
        let (mut strides, mut least) = (vec![1; axes.len()], 1_usize);
        for axis in turns {
            strides[axis] = match axes[axis].gap {
                Gap::None => least,
                Gap::Few(more) => least.saturating_add((more % 8).into()),
                Gap::Any(stride) => stride.get() as usize,
            };
            least = strides[axis].saturating_mul(shape[axis].max(1)).max(1);
        }
        strides.truncate(strides.len() - usize::from(self.one_less && !axes.is_empty()));
        strides
    }
}

#[derive(Arbitrary, Debug)]
pub enum Name {
    Ncl,
    Cl,
    Nchw,
    Chw,
    Ncdhw,
    Cdhw,
    Nlc,
    Lc,
    Nhwc,
    Hwc,
    Ndhwc,
    Dhwc,
}

/// What a layout must be.
struct Model {
    elements: usize,
    /// Of the whole, which need not fit `usize`.
    decisions: u64,
    axes: Vec<ModelAxis>,
}

struct ModelAxis {
    /// Of the part.
    start: usize,
    extent: usize,
    stride: usize,
    /// Unless decisions are shared along it, how many positions the whole has.
    decided: Option<usize>,
}

impl Model {
    fn new(shape: &[usize], shared: &[usize]) -> Result<Self, Error> {
        Self::part(shape, &vec![0; shape.len()], shape, shared, None)
    }

    fn part(
        whole: &[usize],
        start: &[usize],
        shape: &[usize],
        shared: &[usize],
        strides: Option<&[usize]>,
    ) -> Result<Self, Error> {
        let rank = whole.len();
        if rank > MAX_RANK {
            return Err(Error::Rank { rank, most: MAX_RANK });
        }
        let at_zero = vec![0; rank];
        let start = if start.is_empty() { &at_zero } else { start };
        check_length("start", rank, start.len())?;
        check_length("shape", rank, shape.len())?;
        check_length("strides", rank, strides.map_or(rank, <[usize]>::len))?;
        if let Some((_, &axis)) = shared.iter().enumerate().find(|&(i, &axis)| axis >= rank || shared[..i].contains(&axis)) {
            return Err(Error::Axis { axis, rank });
        }
        let mut axes = vec![];
        // The products of the extents that are not zero must fit, wherever a zero stands.
        let (mut elements, mut decisions) = (1_usize, 1_u64);
        for axis in (0..rank).rev() {
            if start[axis] as u128 + shape[axis] as u128 > whole[axis] as u128 {
                return Err(Error::Part { axis, start: start[axis], extent: shape[axis], whole: whole[axis] });
            }
            let stride = strides.map_or(elements, |strides| strides[axis]);
            let decided = Some(whole[axis]).filter(|_| !shared.contains(&axis));
            axes.insert(0, ModelAxis { start: start[axis], extent: shape[axis], stride, decided });
            if strides.is_none() {
                elements = elements.checked_mul(shape[axis].max(1)).ok_or(Error::ShapeOverflow)?;
            }
            if let Some(whole) = decided {
                decisions = decisions.checked_mul(whole.max(1) as u64).ok_or(Error::ShapeOverflow)?;
            }
        }
        if (0..rank).any(|axis| whole[axis] == 0 && !shared.contains(&axis)) {
            decisions = 0;
        }
        let elements = if shape.contains(&0) { 0 } else { span(&axes)? };
        Ok(Self { elements, decisions, axes })
    }

    /// Which decision each element reads, if it is the tensor's, and where along the last axis it is.
    fn reads(&self) -> (Vec<Option<usize>>, Vec<usize>) {
        let mut visited = if self.elements == 0 { vec![] } else { vec![(0, 0, 0)] };
        for &ModelAxis { start, extent, stride, decided } in &self.axes {
            let along = |&(element, decision, _): &(usize, usize, usize)| {
                let decision = move |i| decided.map_or(decision, |whole| decision * whole + start + i);
                (0..extent).map(move |i| (element + i * stride, decision(i), i)).collect::<Vec<_>>()
            };
            visited = visited.iter().flat_map(along).collect();
        }
        let (mut reads, mut positions) = (vec![None; self.elements], vec![0; self.elements]);
        for (element, decision, position) in visited {
            assert_eq!(reads[element].replace(decision), None, "elements overlap");
            positions[element] = position;
        }
        (reads, positions)
    }

    fn columns(&self) -> Option<usize> {
        let [.., _, ModelAxis { extent, .. }] = self.axes[..] else { return None };
        Some(extent).filter(|_| self.elements > 0)
    }
}

/// The number of elements from the first to the last: each axis must step over all that is inside it.
fn span(axes: &[ModelAxis]) -> Result<usize, Error> {
    let mut inside_out: Vec<usize> = (0..axes.len()).rev().filter(|&axis| axes[axis].extent > 1).collect();
    inside_out.sort_by_key(|&axis| axes[axis].stride);
    let mut last = 0;
    for axis in inside_out {
        let ModelAxis { extent, stride, .. } = axes[axis];
        if stride <= last {
            return Err(Error::Stride { axis, stride, least: last + 1 });
        }
        last = usize::try_from(last as u128 + (extent as u128 - 1) * stride as u128).map_err(|_| Error::ShapeOverflow)?;
    }
    last.checked_add(1).ok_or(Error::ShapeOverflow)
}

impl Constructor {
    /// What the library makes of the arguments, and what it must.
    fn call(&self) -> (Result<Layout, Error>, Result<Model, Error>) {
        let extents = |shape: &[Extent]| -> Vec<usize> { shape.iter().map(|extent| extent.get()).collect() };
        match self {
            Self::Flat(len) => (Ok(Layout::flat(len.get())), Model::new(&[len.get()], &[])),
            Self::Dense(shape) => {
                let shape = extents(shape);
                (Layout::dense(&shape), Model::new(&shape, &[]))
            }
            Self::Sample(shape) => {
                let shape = extents(shape);
                let all_others: Vec<usize> = (1..shape.len()).collect();
                (Layout::sample(&shape), Model::new(&shape, &all_others))
            }
            Self::Locked(shape) => {
                let shape = extents(shape);
                let first = if shape.is_empty() { &[][..] } else { &[0] };
                (Layout::locked(&shape), Model::new(&shape, first))
            }
            Self::Shared(shape, axes) => {
                let (shape, axes) = (extents(shape), axes.iter().copied().map(usize::from).collect::<Vec<_>>());
                (Layout::shared(&shape, &axes), Model::new(&shape, &axes))
            }
            Self::Rows { rows, columns, gap, fewer } => {
                let [rows, columns, gap] = [rows, columns, gap].map(|extent| extent.get());
                let stride = if *fewer { columns.saturating_sub(gap) } else { columns.saturating_add(gap) };
                let shape = [rows, columns];
                (Layout::rows(rows, columns, stride), Model::part(&shape, &[0; 2], &shape, &[], Some(&[stride, 1])))
            }
            Self::Named(name, extents) => {
                let [a, b, c, d, e] = extents.map(Extent::get);
                let (layout, shape, spatial): (_, &[usize], &[usize]) = match name {
                    Name::Ncl => (Layout::ncl([a, b, c]), &[a, b, c], &[2]),
                    Name::Cl => (Layout::cl([a, b]), &[a, b], &[1]),
                    Name::Nchw => (Layout::nchw([a, b, c, d]), &[a, b, c, d], &[2, 3]),
                    Name::Chw => (Layout::chw([a, b, c]), &[a, b, c], &[1, 2]),
                    Name::Ncdhw => (Layout::ncdhw([a, b, c, d, e]), &[a, b, c, d, e], &[2, 3, 4]),
                    Name::Cdhw => (Layout::cdhw([a, b, c, d]), &[a, b, c, d], &[1, 2, 3]),
                    Name::Nlc => (Layout::nlc([a, b, c]), &[a, b, c], &[1]),
                    Name::Lc => (Layout::lc([a, b]), &[a, b], &[0]),
                    Name::Nhwc => (Layout::nhwc([a, b, c, d]), &[a, b, c, d], &[1, 2]),
                    Name::Hwc => (Layout::hwc([a, b, c]), &[a, b, c], &[0, 1]),
                    Name::Ndhwc => (Layout::ndhwc([a, b, c, d, e]), &[a, b, c, d, e], &[1, 2, 3]),
                    Name::Dhwc => (Layout::dhwc([a, b, c, d]), &[a, b, c, d], &[0, 1, 2]),
                };
                (layout, Model::new(shape, spatial))
            }
            Self::Part { axes, shared, strides, short } => {
                let [mut whole, mut start, mut shape] = [vec![], vec![], vec![]];
                for axis in axes {
                    let [before, extent, after] = [axis.before, axis.extent, axis.after].map(Extent::get);
                    start.push(before);
                    shape.push(extent);
                    whole.push(before.saturating_add(extent).saturating_add(after).saturating_sub(usize::from(axis.outside)));
                }
                let strides = strides.as_ref().map(|strides| strides.get(axes, &shape));
                let shared: Vec<usize> = shared.iter().copied().map(usize::from).collect();
                match short {
                    Some(Short::Start) => drop(start.pop()),
                    Some(Short::Shape) => drop(shape.pop()),
                    None => {}
                }
                let strides = strides.as_deref();
                let part = Part { whole: &whole, start: &start, shape: &shape, shared: &shared, strides };
                (Layout::part(part), Model::part(&whole, &start, &shape, &shared, strides))
            }
        }
    }
    /// The layout, which is checked, and a slice that should be of its length.
    pub fn tensor(&self, len: Length) -> Option<Tensor> {
        let (layout, model) = match self.call() {
            (Ok(layout), Ok(model)) => (layout, model),
            (layout, model) => {
                assert_eq!(layout.err(), model.err());
                return None;
            }
        };
        let decisions = usize::try_from(model.decisions).unwrap_or(usize::MAX);
        assert_eq!((layout.elements(), layout.decisions()), (model.elements, decisions));
        let fits = model.decisions == decisions as u64;
        if !fits || model.elements > Count::MAX || model.elements > 0 && decisions > Count::MAX {
            return None;
        }
        let len = len.get(model.elements);
        let (reads, positions) = if len == model.elements { model.reads() } else { (vec![], vec![]) };
        let (elements, columns) = (model.elements, model.columns());
        Some(Tensor { layout: Some(layout), len, elements, decisions, reads, positions, columns })
    }
}

pub fn check(Input { layer, constructor, x_len, values }: &Input) {
    if let Some(tensor) = constructor.tensor(*x_len) {
        let case = layer.of::<OfScaled<f32>>(&tensor);
        case.check(values);
        case.check_recording(values);
    }
}
