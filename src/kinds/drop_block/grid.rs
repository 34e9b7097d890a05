//! The places that patches can have.

/// The bits of a mask: groups of one or more maps. The maps of a group lie interleaved, as channels last do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) groups: usize,
    /// The number of maps of a group.
    pub(super) interleaved: usize,
    /// The extents of a map: depth, rows and columns, 1 for axes that it does not have.
    pub(super) map: [usize; 3],
    /// Those of a patch, each at most as large.
    pub(super) patch: [usize; 3],
}

impl Grid {
    pub(super) const fn bits(&self) -> usize {
        self.groups * self.group_bits()
    }

    pub(super) const fn group_bits(&self) -> usize {
        volume(self.map) * self.interleaved
    }

    /// How many positions the first corner of a patch has along each axis of a map.
    pub(super) const fn corners(&self) -> [usize; 3] {
        let ([depth, rows, columns], [d, h, w]) = (self.map, self.patch);
        [depth - d + 1, rows - h + 1, columns - w + 1]
    }

    pub(super) const fn decisions(&self) -> usize {
        self.groups * volume(self.corners()) * self.interleaved
    }

    /// The paper's gamma, divided by p.
    pub(super) const fn gamma_at_one(&self) -> f64 {
        product(self.map) / (product(self.patch) * product(self.corners()))
    }
}

pub(super) const fn volume([depth, rows, columns]: [usize; 3]) -> usize {
    depth * rows * columns
}

/// The same in `f64`, from the first axis to the last.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53, and rounded in one order everywhere")]
const fn product([depth, rows, columns]: [usize; 3]) -> f64 {
    depth as f64 * rows as f64 * columns as f64
}
