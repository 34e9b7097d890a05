//! Philox as an ordinary generator: its published check value, and its seeds. (Its stream and positions are in `tests/oracle`.)

use dropout_kernels::philox::Philox;
use rand_core::{Rng, SeedableRng};

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
fn a_seed_is_the_key_in_little_endian_order() {
    let mut rng = Philox::from_seed([0x67, 0x45, 0x23, 0x01, 0xEF, 0xCD, 0xAB, 0x89]);
    assert_eq!(rng.next_u32(), Philox::new([0x0123_4567, 0x89AB_CDEF]).next_u32());
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
