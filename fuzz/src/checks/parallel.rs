//! Tensors large enough to be cut, on any number of threads: the bits that they get on one, which the other targets look at. Where the cuts are is
//! no matter of the backend, so that the fastest does.

use arbitrary::Arbitrary;
use dropout_kernels::{Dropout, Layout, MAX_RANK, Mask, Mode, PackedMask, Scaling};
use rayon::ThreadPoolBuilder;

use super::calls::canary;
use super::inputs::{Decisions, Values};
use crate::common::value::assert_same;

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    shape: Shape,
    classic: bool,
    pass: Pass,
    threads: u8,
    values: Values,
}

#[derive(Arbitrary, Debug)]
enum Shape {
    Slice,
    /// Small axes, each shared or not, and one that takes what they leave.
    Axes {
        small: Vec<(u8, bool)>,
        large: (u8, bool),
    },
    Rows {
        columns: u16,
        gap: u8,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Pass {
    Train,
    /// From this bit on.
    Stored(u8),
    Eval,
}

/// That a tensor has at least: four parts.
const ELEMENTS: usize = 600_000;

impl Shape {
    fn layout(&self) -> Layout {
        match self {
            Self::Slice => Layout::flat(ELEMENTS),
            Self::Axes { small, large: (place, shared) } => {
                let mut axes: Vec<_> = small.iter().map(|&(extent, shared)| (1 + usize::from(extent % 16), shared)).collect();
                axes.truncate(MAX_RANK - 1);
                while axes.iter().map(|(extent, _)| extent).product::<usize>() > ELEMENTS {
                    axes.pop();
                }
                let large = ELEMENTS.div_ceil(axes.iter().map(|(extent, _)| extent).product());
                axes.insert(usize::from(*place) % (axes.len() + 1), (large, *shared));
                let extents: Vec<_> = axes.iter().map(|(extent, _)| *extent).collect();
                let shared: Vec<_> = (0..axes.len()).filter(|&axis| axes[axis].1).collect();
                Layout::shared(&extents, &shared).unwrap()
            }
            Self::Rows { columns, gap } => {
                let columns = 1 + usize::from(*columns);
                let stride = columns + usize::from(*gap);
                Layout::rows(ELEMENTS / stride + 2, columns, stride).unwrap()
            }
        }
    }
}

pub fn check(input: &Input) {
    let layout = input.shape.layout();
    let (address, rate) = (input.decisions.address(), input.decisions.rate());
    let mut words = vec![];
    let mode = match input.pass {
        Pass::Train => Mode::Train(address),
        Pass::Stored(first) => {
            let first = usize::from(first);
            words.resize((first + layout.decisions()).div_ceil(32), 0);
            if Mask::new(rate, address).words(first + layout.decisions(), &mut words).is_err() {
                return;
            }
            Mode::Stored(PackedMask::new(&words, first, layout.decisions()).unwrap())
        }
        Pass::Eval => Mode::Eval,
    };
    let scaling = if input.classic { Scaling::Classic } else { Scaling::Inverted };
    let dropout = Dropout::new(rate).with_scaling(scaling);
    // A layer without a layout is cut too.
    let dropout = if let Shape::Slice = input.shape { dropout } else { dropout.with_layout(layout) };

    let x = input.values.get::<f32>(layout.elements());
    let run = |dropout: Dropout| {
        let mut y = vec![canary(); x.len()];
        let result = dropout.apply(mode, &x, &mut y);
        let mut in_place = x.clone();
        assert_eq!(dropout.backward_in_place(mode, &mut in_place), result);
        (result, y, in_place)
    };
    let alone = run(dropout);
    let threads = ThreadPoolBuilder::new().num_threads(1 + usize::from(input.threads % 8)).build().unwrap();
    let together = threads.install(|| run(dropout.in_parallel()));
    assert_eq!(together.0, alone.0);
    assert_same(&together.1, &alone.1);
    assert_same(&together.2, &alone.2);
}
