//! What a layer is applied to.

use arbitrary::{Arbitrary, Result as Read, Unstructured};
use dropout_kernels::Layout;

use super::inputs::{Count, Length};
use super::layouts::Constructor;

/// A slice, and what the oracle says of its elements.
pub struct Tensor {
    /// `None` for a layer without one.
    pub layout: Option<Layout>,
    /// Of the slice.
    pub len: usize,
    /// That the layer asks for.
    pub elements: usize,
    /// That the layer makes.
    pub decisions: usize,
    /// Which decision each element reads; `None` for what is to be left alone. Of none where the slice has not as many elements as it should.
    pub reads: Vec<Option<usize>>,
    /// Where along the last axis each element is; of as many elements.
    pub positions: Vec<usize>,
    /// The extent of the last axis, if it is not the only one, of a tensor that is not empty.
    pub columns: Option<usize>,
}

impl Tensor {
    /// Any slice, for a layer without a layout.
    pub fn slice(len: usize) -> Self {
        let positions: Vec<usize> = (0..len).collect();
        let reads = positions.iter().copied().map(Some).collect();
        Self { layout: None, len, elements: len, decisions: len, reads, positions, columns: None }
    }
}

/// A tensor of either sort.
#[derive(Debug)]
pub enum Shape {
    Slice(Count),
    Layout(Constructor, Length),
}

impl<'a> Arbitrary<'a> for Shape {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Read<Self> {
        Ok(match bytes.arbitrary::<u8>()? {
            0..64 => Self::Slice(bytes.arbitrary()?),
            _ => Self::Layout(bytes.arbitrary()?, bytes.arbitrary()?),
        })
    }
}

impl Shape {
    /// `None` for a layout that cannot be, and for one too large to look at.
    pub fn tensor(&self) -> Option<Tensor> {
        match self {
            Self::Slice(len) => Some(Tensor::slice(len.get())),
            Self::Layout(constructor, len) => constructor.tensor(*len),
        }
    }
}
