//! DropBlock: how much it drops, its settings, and threads. (Against a loop over blocks, it is in `tests/oracle`.)
#![expect(clippy::cast_precision_loss, reason = "extents and counts: exact")]

use dropout_kernels::{Address, Backend, DropBlock, PackedMask, Rate};
use testkit::blocks::Blocks;
use testkit::every_backend;

every_backend!(less_is_dropped_than_the_rate_says_by_what_overlaps, shared_channels_are_one_setting_of_many);

/// Each element is kept if none of the blocks that cover it is dropped: within five standard errors, from the spread of the maps; and with all
/// usual sizes the paper's approximation leaves it within a sixth of p.
fn less_is_dropped_than_the_rate_says_by_what_overlaps(backend: Backend) {
    const MAPS: usize = 2000;
    for (side, block) in [(7, 3), (14, 3), (14, 7), (28, 7), (56, 7), (28, 4)] {
        for p in [0.05, 0.1, 0.2] {
            let address = Address { seed: 7, layer: 1, step: 2, offset: 0 };
            let blocks = Blocks {
                samples: MAPS,
                channels: 1,
                map: vec![side; 2],
                block_size: vec![block; 2],
                channels_last: false,
                shared: false,
            };
            let drop_block = blocks.layer(Rate::new(p).unwrap()).unwrap().on(backend);
            let mut words = vec![0; drop_block.mask_words()];
            drop_block.draw(address, &mut words).unwrap();
            let elements = side * side;
            let dropped = |map: usize| {
                let kept = PackedMask::new(&words, map * elements, elements).unwrap().count_kept();
                1.0 - kept as f64 / elements as f64
            };
            let mean = (0..MAPS).map(dropped).sum::<f64>() / MAPS as f64;
            let variance = (0..MAPS).map(|map| (dropped(map) - mean).powi(2)).sum::<f64>() / (MAPS - 1) as f64;

            let gamma = blocks.gamma(p);
            let covering = |at: usize| (at.min(side - block) + 1 - (at + 1).saturating_sub(block)) as f64;
            let kept: f64 = (0..elements).map(|i| (1.0 - gamma).powf(covering(i / side) * covering(i % side))).sum();
            let expected = 1.0 - kept / elements as f64;
            let error = (variance / MAPS as f64).sqrt();
            assert!((mean - expected).abs() < 5.0 * error, "{mean} of {side} x {side} by {block} at p = {p}, not {expected}");
            assert!(expected < p && expected > p * 5.0 / 6.0, "{expected} of {side} x {side} by {block} at p = {p}");
        }
    }
}

/// Whatever is set before.
fn shared_channels_are_one_setting_of_many(backend: Backend) {
    let layer = DropBlock::nhwc(Rate::new(0.5).unwrap(), [2, 3], [2, 7, 5, 3]).unwrap();
    let expected = layer.with_shared_channels().on(backend).with_scale(3.0);
    assert_eq!(layer.on(backend).with_scale(3.0).with_shared_channels(), expected);
    assert_eq!(expected.with_shared_channels(), expected);
    #[cfg(feature = "rayon")]
    assert_eq!(layer.in_parallel().with_shared_channels(), layer.with_shared_channels().in_parallel());
}

/// Masks that are cut between maps, between 32 of them, between samples, and not at all. The scale is counted over the
/// whole, not over each thread's part.
#[cfg(feature = "rayon")]
#[test]
fn threads_change_no_bit() {
    use testkit::value::{assert_same, random};

    let of = |samples, channels, map: &[usize], channels_last, shared| Blocks {
        samples,
        channels,
        map: map.to_vec(),
        block_size: vec![7; map.len()],
        channels_last,
        shared,
    };
    for blocks in [
        of(3, 5, &[128, 160], false, false),
        of(3, 50, &[61, 63], false, false),
        of(5, 16, &[30, 20, 11], true, false),
        of(64, 2, &[5001], true, true),
        of(1, 3, &[301, 303], true, false),
    ] {
        let (drop_block, address) =
            (blocks.layer(Rate::new(0.1).unwrap()).unwrap(), Address { offset: 77, ..Address::default() });
        let (mut words, mut in_parallel) = (vec![0; drop_block.mask_words()], vec![0xA5A5_A5A5; drop_block.mask_words()]);
        drop_block.draw(address, &mut words).unwrap();
        drop_block.in_parallel().draw(address, &mut in_parallel).unwrap();
        assert_eq!(in_parallel, words);
        let (x, mask) = (random::<f32>(1, blocks.elements()), PackedMask::new(&words, 0, blocks.bits()).ok());
        let apply = |layer: DropBlock| {
            let mut y = vec![f32::NAN; x.len()];
            layer.apply(mask, &x, &mut y).unwrap();
            y
        };
        assert_same(&apply(drop_block.in_parallel()), &apply(drop_block));
    }
}
