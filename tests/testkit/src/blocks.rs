//! The decisions of DropBlock, block by block.
#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "extents and thresholds: exact")]

use dropout_kernels::Address;

use crate::{case, oracle};

/// The elements that some dropped block covers.
pub fn drops([n, c, h, w]: [usize; 4], block: usize, p: f64, address: Address) -> Vec<bool> {
    let mut dropped = vec![false; n * c * h * w];
    if dropped.is_empty() {
        return dropped;
    }
    let (block_h, block_w) = (block.min(h), block.min(w));
    let (rows, columns) = (h - block_h + 1, w - block_w + 1);
    let gamma = gamma(p, [h, w], [block_h, block_w]);
    let mut decisions = case::drops(gamma, address, n * c * rows * columns).into_iter();
    for map in 0..n * c {
        for row in 0..rows {
            for column in 0..columns {
                if decisions.next().unwrap() {
                    for y in row..row + block_h {
                        for x in column..column + block_w {
                            dropped[(map * h + y) * w + x] = true;
                        }
                    }
                }
            }
        }
    }
    dropped
}

/// The paper's formula, for the rate that masks realise.
pub fn gamma(p: f64, [h, w]: [usize; 2], [block_h, block_w]: [usize; 2]) -> f64 {
    let p = oracle::threshold(p) as f64 / 4_294_967_296.0;
    let (blocks, corners) = (block_h * block_w, (h - block_h + 1) * (w - block_w + 1));
    if p == 1.0 { 1.0 } else { p * ((h * w) as f64 / (blocks * corners) as f64) }
}
