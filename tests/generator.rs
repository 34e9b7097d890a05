//! Philox as an ordinary generator: its order, its positions, its seeds.

use dropout_kernels::philox::Philox;
use rand_core::{Rng, SeedableRng};
use testkit::oracle;

const KEY: [u32; 2] = [0x0123_4567, 0x89AB_CDEF];

/// Word n of the stream: word n mod 4 of block n div 4.
fn word(n: u128) -> u32 {
    let counter = [0, 32, 64, 96].map(|shift| u64::from(((n / 4) >> shift) as u32));
    oracle::philox4x32(counter, KEY.map(u64::from), 10)[(n % 4) as usize] as u32
}

/// The check value of the C++26 standard, [rand.predef]: the 10,000th word of a default-constructed `std::philox4x32`, whose seed is
/// 20111115.
#[test]
fn check_value_of_cpp26() {
    let mut rng = Philox::new([20_111_115, 0]);
    for _ in 1..10_000 {
        rng.next_u32();
    }
    assert_eq!(rng.next_u32(), 1_955_073_260);
}

#[test]
fn words_come_in_order() {
    let mut rng = Philox::new(KEY);
    for n in 0..100 {
        assert_eq!(rng.position(), n);
        assert_eq!(rng.next_u32(), word(n));
    }
}

/// Where each 32-bit word of the counter carries, and in the middle of blocks.
#[test]
fn any_position_can_be_set() {
    let mut rng = Philox::new(KEY);
    for start in [0, 1, 7, (1 << 34) - 2, (1 << 66) - 3, (1 << 98) - 1, 1 << 127] {
        rng.set_position(start);
        for n in start..start + 9 {
            assert_eq!(rng.position(), n);
            assert_eq!(rng.next_u32(), word(n), "word {n}");
        }
    }
}

/// In the middle of a block too.
#[test]
fn a_checkpoint_is_a_key_and_a_position() {
    let mut rng = Philox::new(KEY);
    for n in 0..9 {
        let mut resumed = Philox::new(rng.key());
        resumed.set_position(rng.position());
        assert_eq!(rng.next_u32(), word(n));
        assert_eq!(resumed.next_u32(), word(n));
    }
}

#[test]
fn the_stream_repeats_after_2_to_the_128_words() {
    let mut rng = Philox::new(KEY);
    rng.set_position(u128::MAX);
    assert_eq!(rng.next_u32(), word(u128::MAX));
    assert_eq!(rng.position(), 0);
    assert_eq!(rng.next_u32(), word(0));
}

#[test]
fn a_clone_goes_on_from_the_same_place() {
    let mut rng = Philox::new(KEY);
    rng.set_position(6);
    let mut clone = rng.clone();
    rng.next_u32();
    assert_eq!(clone.next_u32(), word(6));
    assert_eq!(clone.position(), 7);
}

/// Both in little-endian order, from any word of a block on. A last part of a word is taken from a whole one.
#[test]
fn longer_draws_are_made_of_words() {
    for start in 0..5 {
        let mut rng = Philox::new(KEY);
        rng.set_position(start);
        assert_eq!(rng.next_u64(), u64::from(word(start)) | u64::from(word(start + 1)) << 32);
        assert_eq!(rng.position(), start + 2);

        for len in 0..20 {
            rng.set_position(start);
            let mut bytes = vec![0xA5; len];
            rng.fill_bytes(&mut bytes);
            let stream: Vec<u8> = (start..).take(len.div_ceil(4)).flat_map(|n| word(n).to_le_bytes()).collect();
            assert_eq!(bytes, stream[..len]);
            assert_eq!(rng.position(), start + len.div_ceil(4) as u128);
        }
    }
}

#[test]
fn a_seed_is_the_key_in_little_endian_order() {
    let mut rng = Philox::from_seed([0x67, 0x45, 0x23, 0x01, 0xEF, 0xCD, 0xAB, 0x89]);
    assert_eq!(rng.next_u32(), word(0));
}

/// `rand_core` derives a seed of eight bytes from the integer; whatever it does, it must be this seed.
#[test]
fn an_integer_seed_is_expanded_as_rand_core_does() {
    struct Seed([u8; 8]);

    impl SeedableRng for Seed {
        type Seed = [u8; 8];

        fn from_seed(seed: Self::Seed) -> Self {
            Self(seed)
        }
    }

    let streams = [0, 1, u64::MAX].map(|seed| {
        let mut rng = Philox::seed_from_u64(seed);
        let first = [rng.next_u64(), rng.next_u64()];
        let mut same = Philox::from_seed(Seed::seed_from_u64(seed).0);
        assert_eq!(first, [same.next_u64(), same.next_u64()]);
        first
    });
    assert!(streams[0] != streams[1] && streams[1] != streams[2] && streams[0] != streams[2]);
}
