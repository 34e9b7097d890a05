//! Layouts: every constructor with any arguments, good or bad, against an index map that is written down once more: which decision each
//! element reads, from the table of `src/mask/contract.md`, and where it lies, from what strides are.

use arbitrary::{Arbitrary, Result as Read, Unstructured};
use dropout_kernels::{Error, Layout, MAX_RANK, Part};

use super::inputs::{Count, Extent, Integer, Length, PerAxis, Rarely, Shared, check_length, extents};
use super::tensor::Tensor;

#[derive(Debug)]
pub enum Constructor {
    Flat(Extent),
    Dense(PerAxis<Extent>),
    Sample(PerAxis<Extent>),
    Locked(PerAxis<Extent>),
    Shared(PerAxis<Extent>, Shared),
    /// With a stride of so many more or, as it must not be, fewer elements than columns.
    Rows {
        rows: Extent,
        columns: Extent,
        gap: Gap,
        fewer: Rarely<()>,
    },
    /// By channels, with as many extents as the name says.
    Named(u8, [Extent; 5]),
    Part {
        axes: PerAxis<Axis>,
        shared: Shared,
        strides: Option<Strides>,
        short: Rarely<Short>,
    },
}

impl<'a> Arbitrary<'a> for Constructor {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        Ok(match bytes.arbitrary::<u8>()? {
            0..16 => Self::Flat(bytes.arbitrary()?),
            16..24 => Self::Dense(bytes.arbitrary()?),
            24..40 => Self::Sample(bytes.arbitrary()?),
            40..56 => Self::Locked(bytes.arbitrary()?),
            56..96 => Self::Shared(bytes.arbitrary()?, bytes.arbitrary()?),
            96..112 => Self::Rows {
                rows: bytes.arbitrary()?,
                columns: bytes.arbitrary()?,
                gap: bytes.arbitrary()?,
                fewer: bytes.arbitrary()?,
            },
            112..144 => Self::Named(bytes.arbitrary()?, bytes.arbitrary()?),
            _ => Self::Part {
                axes: bytes.arbitrary()?,
                shared: bytes.arbitrary()?,
                strides: bytes.arbitrary()?,
                short: bytes.arbitrary()?,
            },
        })
    }
}

/// An axis of the whole, before, in and after the part.
#[derive(Arbitrary, Debug)]
pub struct Axis {
    before: Gap,
    extent: Extent,
    after: Gap,
    /// Whether the part ends outside.
    outside: Rarely<()>,
    /// When it has its turn, innermost first, where memory has an order of its own.
    turn: u8,
    /// How much more than it needs the stride is.
    gap: Gap,
}

/// So many that are left out, mostly none: what follows each other can be merged.
#[derive(Clone, Copy, Debug)]
pub enum Gap {
    Of(u8),
    /// Of a stride all of it, which need not step over anything.
    Any(Integer),
}

impl<'a> Arbitrary<'a> for Gap {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        Ok(Self::Of(match bytes.arbitrary::<u8>()? {
            0..128 => 0,
            byte @ 128..208 => 1 + byte % 7,
            208..250 => bytes.arbitrary()?,
            _ => return bytes.arbitrary().map(Self::Any),
        }))
    }
}

impl Gap {
    fn get(self) -> usize {
        match self {
            Self::Of(elements) => elements.into(),
            Self::Any(elements) => elements.get() as usize,
        }
    }
}

/// Strides of axes, one for each or not: in the order of the axes, or in one of memory's own.
#[derive(Arbitrary, Debug)]
pub struct Strides {
    permuted: bool,
    one_less: Rarely<()>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Short {
    Start,
    Shape,
}

impl Strides {
    fn get(&self, axes: &[Axis], shape: &[usize]) -> Vec<usize> {
        let mut turns: Vec<usize> = (0..axes.len()).rev().collect();
        if self.permuted {
            turns.sort_by_key(|&axis| axes[axis].turn);
        }
        let (mut strides, mut least) = (vec![1; axes.len()], 1_usize);
        for axis in turns {
            strides[axis] = match axes[axis].gap {
                Gap::Of(more) => least.saturating_add(more.into()),
                Gap::Any(stride) => stride.get() as usize,
            };
            least = strides[axis].saturating_mul(shape[axis].max(1)).max(1);
        }
        strides.truncate(strides.len() - usize::from(self.one_less.0.is_some() && !axes.is_empty()));
        strides
    }
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
        if stride as u128 <= last {
            return Err(Error::Stride { axis, stride, least: last as usize + 1 });
        }
        last += (extent as u128 - 1) * stride as u128;
        // So many and the first must fit.
        if last >= usize::MAX as u128 {
            return Err(Error::ShapeOverflow);
        }
    }
    Ok(last as usize + 1)
}

impl Constructor {
    /// What the library makes of the arguments, and what it must.
    fn call(&self) -> (Result<Layout, Error>, Result<Model, Error>) {
        let walked = |shape: &[Extent]| extents(shape, Count::MAX);
        let (layout, shape, shared) = match self {
            Self::Flat(len) => {
                let len = len.within(Count::MAX);
                (Ok(Layout::flat(len)), vec![len], vec![])
            }
            Self::Dense(shape) => {
                let shape = walked(&shape.0);
                (Layout::dense(&shape), shape, vec![])
            }
            Self::Sample(shape) => {
                let shape = walked(&shape.0);
                let all_others = (1..shape.len()).collect();
                (Layout::sample(&shape), shape, all_others)
            }
            Self::Locked(shape) => {
                let shape = walked(&shape.0);
                let first = (0..shape.len().min(1)).collect();
                (Layout::locked(&shape), shape, first)
            }
            Self::Shared(shape, shared) => {
                let shape = walked(&shape.0);
                let axes = shared.axes(shape.len());
                (Layout::shared(&shape, &axes), shape, axes)
            }
            Self::Rows { rows, columns, gap, fewer } => {
                let shape = walked(&[*rows, *columns]);
                let [rows, columns] = shape[..] else { unreachable!() };
                let gap = gap.get();
                let stride = if fewer.0.is_some() { columns.saturating_sub(gap) } else { columns.saturating_add(gap) };
                return (Layout::rows(rows, columns, stride), Model::part(&shape, &[0; 2], &shape, &[], Some(&[stride, 1])));
            }
            Self::Named(name, shape) => {
                let [a, b, c, d, e] = walked(shape)[..] else { unreachable!() };
                let (layout, shape, spatial): (_, &[usize], std::ops::Range<usize>) = match name % 12 {
                    0 => (Layout::ncl([a, b, c]), &[a, b, c], 2..3),
                    1 => (Layout::cl([a, b]), &[a, b], 1..2),
                    2 => (Layout::nchw([a, b, c, d]), &[a, b, c, d], 2..4),
                    3 => (Layout::chw([a, b, c]), &[a, b, c], 1..3),
                    4 => (Layout::ncdhw([a, b, c, d, e]), &[a, b, c, d, e], 2..5),
                    5 => (Layout::cdhw([a, b, c, d]), &[a, b, c, d], 1..4),
                    6 => (Layout::nlc([a, b, c]), &[a, b, c], 1..2),
                    7 => (Layout::lc([a, b]), &[a, b], 0..1),
                    8 => (Layout::nhwc([a, b, c, d]), &[a, b, c, d], 1..3),
                    9 => (Layout::hwc([a, b, c]), &[a, b, c], 0..2),
                    10 => (Layout::ndhwc([a, b, c, d, e]), &[a, b, c, d, e], 1..4),
                    _ => (Layout::dhwc([a, b, c, d]), &[a, b, c, d], 0..3),
                };
                (layout, shape.to_vec(), spatial.collect())
            }
            Self::Part { axes, shared, strides, short } => {
                let axes = &axes.0;
                let [mut whole, mut start, mut shape] = [vec![], vec![], vec![]];
                // Fewer than can be walked: gaps come to them.
                let mut most = Count::MAX / 2;
                for axis in axes {
                    let [before, after] = [axis.before, axis.after].map(|gap| match gap {
                        Gap::Of(gap) if usize::from(gap) > most / 4 => 0,
                        gap => gap.get(),
                    });
                    let extent = axis.extent.within(most);
                    let end = before.saturating_add(extent).saturating_add(after);
                    most /= end.clamp(1, most.max(1));
                    start.push(before);
                    shape.push(extent);
                    whole.push(end.saturating_sub(usize::from(axis.outside.0.is_some())));
                }
                let strides = strides.as_ref().map(|strides| strides.get(axes, &shape));
                let shared = shared.axes(axes.len());
                match short.0 {
                    Some(Short::Start) => drop(start.pop()),
                    Some(Short::Shape) => drop(shape.pop()),
                    None => {}
                }
                let strides = strides.as_deref();
                let part = Part { whole: &whole, start: &start, shape: &shape, shared: &shared, strides };
                return (Layout::part(part), Model::part(&whole, &start, &shape, &shared, strides));
            }
        };
        (layout, Model::part(&shape, &[], &shape, &shared, None))
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
