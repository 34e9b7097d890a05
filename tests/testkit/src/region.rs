//! Boxes of a tensor, and the order of its axes in memory: plain index arithmetic.

/// A box of a tensor, or the tensor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub start: Vec<usize>,
    pub shape: Vec<usize>,
}

impl Region {
    pub fn whole(shape: &[usize]) -> Self {
        Self { start: vec![0; shape.len()], shape: shape.into() }
    }

    /// The box in two, before and from `at` on along an axis.
    pub fn cut(&self, axis: usize, at: usize) -> [Self; 2] {
        let [mut before, mut after] = [self.clone(), self.clone()];
        before.shape[axis] = at;
        after.start[axis] += at;
        after.shape[axis] -= at;
        [before, after]
    }

    /// The box cut along each axis, at places that follow from `seed`.
    pub fn cut_along_each_axis(&self, seed: u64) -> Vec<Self> {
        let mut regions = vec![self.clone()];
        for axis in 0..self.shape.len() {
            let at = (seed >> (7 * axis)) as usize % (self.shape[axis] + 1);
            regions = regions.iter().flat_map(|region| region.cut(axis, at)).collect();
        }
        regions
    }

    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Where the elements of the box are, in its row-major order, in memory with these strides for the whole.
    pub fn places(&self, strides: &[usize]) -> Vec<usize> {
        let mut places = if self.elements() == 0 { vec![] } else { vec![0] };
        for ((&start, &extent), &stride) in self.start.iter().zip(&self.shape).zip(strides) {
            let along = |place: usize| (start..start + extent).map(move |i| place + i * stride);
            places = places.into_iter().flat_map(along).collect();
        }
        places
    }
}

/// The strides of a tensor without gaps whose axes lie in memory in this order, outermost first.
pub fn strides(shape: &[usize], order: &[usize]) -> Vec<usize> {
    let (mut strides, mut stride) = (vec![0; shape.len()], 1);
    for &axis in order.iter().rev() {
        strides[axis] = stride;
        stride *= shape[axis].max(1);
    }
    strides
}

/// Those of a tensor in row-major order.
pub fn row_major(shape: &[usize]) -> Vec<usize> {
    strides(shape, &(0..shape.len()).collect::<Vec<_>>())
}

/// The axes in an order that follows from `seed`.
pub fn shuffled(rank: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank).collect();
    for i in 1..rank {
        order.swap(i, (seed >> (5 * i)) as usize % (i + 1));
    }
    order
}
