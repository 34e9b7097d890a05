//! Where the counter carries: the block number has 57 bits in two counter words, and vectors count several blocks at once.

use dropout_kernels::{Address, Backend, Dropout, Error, Layout, Mask, Mode, Rate};
use testkit::every_backend;
use testkit::oracle::{self, dropped};
use testkit::value::{Value, assert_same, random};

every_backend!(carries_inside_groups_and_tiles, rows_carry, the_last_decision_is_reached_and_no_other);

const P: f64 = 0.1;
const BLOCK: u64 = 128;

/// Logical indices where something could be cut short: an index of 32 bits; 2^31 and 2^32 blocks; a block number or an index with a
/// sign.
const CARRIES: [u64; 5] = [1 << 32, 1 << 38, 1 << 39, 1 << 62, 1 << 63];

/// Blocks before a carry: more than are ever counted together, so that the carry comes to every place among these.
const BEFORE: u64 = 42;

fn address(offset: u64) -> Address {
    Address { seed: 0xFEDC_BA98_7654_3210, layer: u32::MAX, step: 1, offset }
}

fn rate() -> Rate {
    Rate::new(P).unwrap()
}

fn carries_inside_groups_and_tiles(backend: Backend) {
    for carry in CARRIES {
        let first = carry - BEFORE * BLOCK;
        let decisions = 2 * (BEFORE * BLOCK) as usize;
        let keep: Vec<bool> = dropped(P, address(first), decisions).iter().map(|drop| !drop).collect();
        // In blocks and decisions: the carry comes after each number of blocks, at the start of a block and in its midst.
        for blocks in 0..BEFORE {
            for skip in [0, 1, 127] {
                let skipped = (blocks * BLOCK + skip) as usize;
                let mask = Mask::new(rate(), address(first + skipped as u64)).on(backend);
                let mut actual = vec![false; decisions - skipped];
                mask.bools(&mut actual).unwrap();
                assert_eq!(actual, keep[skipped..], "from {skipped} after {first}");
                assert_eq!(mask.keeps(0), Ok(keep[skipped]));
            }
        }
    }
}

/// Rows are runs of decisions of their own, here of 3 blocks and a bit: the carry comes within one and between two.
fn rows_carry(backend: Backend) {
    const SHAPE: [usize; 3] = [24, 2, 400];
    let layout = Layout::shared(&SHAPE, &[1]).unwrap();
    let x = random::<f32>(4, layout.elements());
    let mut y = vec![f32::NAN; x.len()];
    for carry in CARRIES {
        for before in [4800, 4799, 4700] {
            let address = address(carry - before);
            let drops = dropped(P, address, layout.decisions());
            let expected = oracle::apply(&SHAPE, &[1], &drops, &x, |x| x.times(oracle::scale(P)), 0.0);
            Dropout::new(rate()).with_layout(layout).on(backend).apply(Mode::Train(address), &x, &mut y).unwrap();
            assert_same(&y, &expected);
        }
    }
}

/// Index 2^64 - 1 is a decision like any other; there is none after it.
fn the_last_decision_is_reached_and_no_other(backend: Backend) {
    for decisions in [1, 2, 127, 128, 129, 1024, 1025, 4096, 4097, 5000] {
        let offset = u64::MAX - (decisions as u64 - 1);
        let mask = Mask::new(rate(), address(offset)).on(backend);
        let keep: Vec<bool> = dropped(P, address(offset), decisions).iter().map(|drop| !drop).collect();
        let mut actual = vec![false; decisions];
        mask.bools(&mut actual).unwrap();
        assert_eq!(actual, keep);
        assert_eq!(mask.keeps(decisions as u64 - 1), Ok(keep[decisions - 1]));

        let beyond = Error::IndexOverflow { offset, decisions: decisions as u64 + 1 };
        assert_eq!(mask.bools(&mut vec![false; decisions + 1]), Err(beyond));
        assert_eq!(mask.keeps(decisions as u64), Err(beyond));
    }
}
