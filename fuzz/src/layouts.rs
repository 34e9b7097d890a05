//! Layers with a layout: every constructor with any arguments, good or bad, against the index map of the oracle.

use arbitrary::Arbitrary;
use dropout_kernels::{Error, Layout, MAX_RANK};

use super::inputs::{Count, Integer, Length, Values};
use super::layer::Layer;
use super::oracle;
use super::value::Value;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    constructor: Constructor,
    x_len: Length,
    values: Values,
}

#[derive(Arbitrary, Debug)]
enum Constructor {
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
}

#[derive(Arbitrary, Debug)]
enum Name {
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

/// Mostly small, so that many shapes can be walked.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Extent {
    One,
    UpTo7(u8),
    Many(Count),
    Any(Integer),
}

impl Extent {
    fn get(self) -> usize {
        match self {
            Self::One => 1,
            Self::UpTo7(extent) => usize::from(extent % 8),
            Self::Many(count) => count.get(),
            // Cut short where usize is.
            Self::Any(extent) => extent.get() as usize,
        }
    }
}

/// What a layout must be.
struct Model {
    elements: usize,
    decisions: usize,
    shape: Vec<usize>,
    shared: Vec<usize>,
    /// Of each row, the columns that are the tensor's, where there are others.
    columns: Option<usize>,
}

impl Model {
    fn new(shape: Vec<usize>, shared: Vec<usize>) -> Result<Self, Error> {
        let rank = shape.len();
        if rank > MAX_RANK {
            return Err(Error::Rank { rank });
        }
        if let Some((_, &axis)) = shared.iter().enumerate().find(|&(i, &axis)| axis >= rank || shared[..i].contains(&axis)) {
            return Err(Error::Axis { axis, rank });
        }
        // That of the extents that are not zero must fit, wherever a zero stands.
        let volume = shape.iter().filter(|&&extent| extent > 0).try_fold(1, |n: usize, &extent| n.checked_mul(extent));
        let volume = volume.ok_or(Error::ShapeOverflow)?;
        let elements = if shape.contains(&0) { 0 } else { volume };
        let decisions = (0..rank).filter(|axis| !shared.contains(axis)).map(|axis| shape[axis]).product();
        Ok(Self { elements, decisions, shape, shared, columns: None })
    }

    fn rows(rows: usize, columns: usize, stride: usize) -> Result<Self, Error> {
        if stride < columns {
            return Err(Error::Stride { stride, columns });
        }
        let dense = Self::new(vec![rows, columns], vec![])?;
        if dense.elements == 0 {
            return Ok(dense);
        }
        let elements = (rows as u128 - 1) * stride as u128 + columns as u128;
        let elements = elements.try_into().map_err(|_| Error::ShapeOverflow)?;
        Ok(Self { elements, shape: vec![rows, stride], columns: Some(columns), ..dense })
    }

    /// Which decision an element reads, if it is the tensor's.
    fn reads(&self, element: usize) -> Option<usize> {
        let Some(columns) = self.columns else { return Some(oracle::decision(&self.shape, &self.shared, element)) };
        let (row, column) = (element / self.shape[1], element % self.shape[1]);
        (column < columns).then_some(row * columns + column)
    }
}

impl Constructor {
    /// What the library makes of the arguments, and what it must.
    fn call(&self) -> (Result<Layout, Error>, Result<Model, Error>) {
        let extents = |shape: &[Extent]| -> Vec<usize> { shape.iter().map(|extent| extent.get()).collect() };
        match self {
            Self::Flat(len) => (Ok(Layout::flat(len.get())), Model::new(vec![len.get()], vec![])),
            Self::Dense(shape) => {
                let shape = extents(shape);
                (Layout::dense(&shape), Model::new(shape, vec![]))
            }
            Self::Sample(shape) => {
                let shape = extents(shape);
                let all_others = (1..shape.len()).collect();
                (Layout::sample(&shape), Model::new(shape, all_others))
            }
            Self::Locked(shape) => {
                let shape = extents(shape);
                let first = (0..shape.len().min(1)).collect();
                (Layout::locked(&shape), Model::new(shape, first))
            }
            Self::Shared(shape, axes) => {
                let (shape, axes) = (extents(shape), axes.iter().copied().map(usize::from).collect::<Vec<_>>());
                (Layout::shared(&shape, &axes), Model::new(shape, axes))
            }
            Self::Rows { rows, columns, gap, fewer } => {
                let [rows, columns, gap] = [rows, columns, gap].map(|extent| extent.get());
                let stride = if *fewer { columns.saturating_sub(gap) } else { columns.saturating_add(gap) };
                (Layout::rows(rows, columns, stride), Model::rows(rows, columns, stride))
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
                (layout, Model::new(shape.to_vec(), spatial.to_vec()))
            }
        }
    }
}

pub fn check(input: &Input) {
    let (layout, model) = input.constructor.call();
    let (layout, model) = match (layout, model) {
        (Ok(layout), Ok(model)) => (layout, model),
        (layout, model) => return assert_eq!(layout.err(), model.err()),
    };
    assert_eq!((layout.elements(), layout.decisions()), (model.elements, model.decisions));
    if model.elements <= Count::MAX {
        check_type::<f32>(input, layout, &model);
    }
}

fn check_type<E: Value>(Input { layer, x_len, values, .. }: &Input, layout: Layout, model: &Model) {
    let x = values.get::<E>(x_len.get(model.elements));
    let decisions = model.decisions;
    let fits = x.len() == model.elements && layer.check_mode(decisions).is_ok();
    let reads: Vec<_> = (0..if fits { x.len() } else { 0 }).map(|element| model.reads(element)).collect();
    layer.check(&layer.dropout().with_layout(layout), (model.elements, decisions), &x, &layer.expected(&x, &reads));
}
