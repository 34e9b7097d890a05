//! DropBlock, block by block, in every order of the axes: the loop and the formula of its paper (Ghiasi, Lin and Le, "DropBlock: a
//! regularization method for convolutional networks", NeurIPS 2018).
#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "extents and thresholds: exact")]

use std::iter;

use dropout_kernels::{Address, DropBlock, Error, Rate};

use crate::oracle;

/// A tensor of feature maps, and what DropBlock drops of it.
#[derive(Clone, Debug)]
pub struct Blocks {
    pub samples: usize,
    pub channels: usize,
    /// One to three axes.
    pub map: Vec<usize>,
    /// As many.
    pub block_size: Vec<usize>,
    pub channels_last: bool,
    pub shared: bool,
}

impl Blocks {
    /// # Panics
    /// If there are no axes or more than three.
    pub fn layer(&self, rate: Rate) -> Result<DropBlock, Error> {
        let (&[n, c], last) = (&[self.samples, self.channels], self.channels_last);
        let layer = match (&self.map[..], &self.block_size[..]) {
            (&[l], &[b]) if last => DropBlock::nlc(rate, [b], [n, l, c]),
            (&[l], &[b]) => DropBlock::ncl(rate, [b], [n, c, l]),
            (&[h, w], &[b, d]) if last => DropBlock::nhwc(rate, [b, d], [n, h, w, c]),
            (&[h, w], &[b, d]) => DropBlock::nchw(rate, [b, d], [n, c, h, w]),
            (&[d, h, w], &[a, b, e]) if last => DropBlock::ndhwc(rate, [a, b, e], [n, d, h, w, c]),
            (&[d, h, w], &[a, b, e]) => DropBlock::ncdhw(rate, [a, b, e], [n, c, d, h, w]),
            _ => panic!("{self:?}"),
        };
        layer.map(|layer| if self.shared { layer.with_shared_channels() } else { layer })
    }

    /// Sizes in the order of the tensor's axes, given those of samples, channels and the axes of a map.
    fn in_order(&self, samples: usize, channels: usize, map: &[usize]) -> Vec<usize> {
        if self.channels_last { [&[samples], map, &[channels]].concat() } else { [&[samples, channels], map].concat() }
    }

    pub fn shape(&self) -> Vec<usize> {
        self.in_order(self.samples, self.channels, &self.map)
    }

    /// The axes that share decisions.
    pub fn shared_axes(&self) -> Vec<usize> {
        let channels = if self.channels_last { self.map.len() + 1 } else { 1 };
        if self.shared { vec![channels] } else { vec![] }
    }

    /// The shape of the mask.
    pub fn mask_shape(&self) -> Vec<usize> {
        self.in_order(self.samples, if self.shared { 1 } else { self.channels }, &self.map)
    }

    pub fn elements(&self) -> usize {
        self.shape().iter().product()
    }

    /// Bits of a mask.
    pub fn bits(&self) -> usize {
        if self.elements() == 0 { 0 } else { self.mask_shape().iter().product() }
    }

    /// The blocks, cut to the maps: of one sample and one channel.
    fn cut(&self) -> Vec<usize> {
        let cut: Vec<usize> = self.block_size.iter().zip(&self.map).map(|(&size, &extent)| size.min(extent)).collect();
        self.in_order(1, 1, &cut)
    }

    /// How many positions a block has along each axis.
    fn corners(&self) -> Vec<usize> {
        self.mask_shape().iter().zip(self.cut()).map(|(extent, size)| extent - size + 1).collect()
    }

    pub fn decisions(&self) -> usize {
        if self.elements() == 0 { 0 } else { self.corners().iter().product() }
    }

    /// Which bits of the mask some dropped block covers.
    pub fn drops(&self, p: f64, address: Address) -> Vec<bool> {
        let mut dropped = vec![false; self.bits()];
        if dropped.is_empty() {
            return dropped;
        }
        let shape = self.mask_shape();
        let decisions = oracle::dropped(self.gamma(p), address, self.decisions());
        for (corner, _) in positions(&self.corners()).zip(decisions).filter(|&(_, drops)| drops) {
            for offset in positions(&self.cut()) {
                let position = corner.iter().zip(offset).map(|(corner, offset)| corner + offset);
                dropped[position.zip(&shape).fold(0, |i, (position, extent)| i * extent + position)] = true;
            }
        }
        dropped
    }

    /// The paper's formula, for the rate that masks realise.
    pub fn gamma(&self, p: f64) -> f64 {
        let product = |sizes: &mut dyn Iterator<Item = usize>| sizes.fold(1.0, |product, size| product * size as f64);
        let sizes = || self.block_size.iter().zip(&self.map).map(|(&size, &extent)| size.min(extent));
        let elements = product(&mut self.map.iter().copied());
        let blocks = product(&mut sizes());
        let corners = product(&mut self.map.iter().zip(sizes()).map(|(extent, size)| extent - size + 1));
        let p = oracle::threshold(p) as f64 / 4_294_967_296.0;
        if p == 1.0 { 1.0 } else { p * (elements / (blocks * corners)) }
    }
}

/// All positions of a shape, in row-major order.
fn positions(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let first = shape.iter().all(|&extent| extent > 0).then(|| vec![0; shape.len()]);
    iter::successors(first, move |position| {
        let mut next = position.clone();
        for (place, &extent) in next.iter_mut().zip(shape).rev() {
            *place += 1;
            if *place < extent {
                return Some(next);
            }
            *place = 0;
        }
        None
    })
}
