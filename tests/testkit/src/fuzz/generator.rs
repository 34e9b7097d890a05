//! Philox as an ordinary generator: any draws from any positions, against the words of its stream.

use arbitrary::Arbitrary;
use dropout_kernels::philox::{Philox, philox4x32};
use rand_core::Rng;

use crate::oracle;

#[derive(Arbitrary, Debug)]
pub struct Input {
    key: [u32; 2],
    draws: Vec<Draw>,
    counter: [u32; 4],
    rounds: u8,
}

#[derive(Arbitrary, Debug)]
enum Draw {
    From(u128),
    /// From so many words before a power of two.
    FromBefore(u8, u8),
    Word,
    TwoWords,
    Bytes(u8),
    FromClone,
}

pub fn check(Input { key, draws, counter, rounds }: &Input) {
    let block =
        |counter: [u32; 4], rounds| oracle::philox4x32(counter.map(u64::from), key.map(u64::from), rounds).map(|w| w as u32);
    let rounds = (*rounds).into();
    assert_eq!(philox4x32(*counter, *key, rounds), block(*counter, rounds));

    // Word n of the stream: word n mod 4 of block n div 4.
    let word = |n: u128| block([0, 32, 64, 96].map(|shift| ((n / 4) >> shift) as u32), 10)[(n % 4) as usize];
    let mut rng = Philox::new(*key);
    let mut position = 0_u128;
    for draw in draws {
        let mut next = || {
            let word = word(position);
            position = position.wrapping_add(1);
            word
        };
        match *draw {
            Draw::From(start) => {
                rng.set_position(start);
                position = start;
            }
            Draw::FromBefore(bit, distance) => {
                position = (1_u128 << (bit % 128)).wrapping_sub(distance.into());
                rng.set_position(position);
            }
            Draw::Word => assert_eq!(rng.next_u32(), next()),
            Draw::TwoWords => assert_eq!(rng.next_u64(), u64::from(next()) | u64::from(next()) << 32),
            Draw::Bytes(len) => {
                let mut bytes = vec![0xA5; len.into()];
                rng.fill_bytes(&mut bytes);
                // What is left of the last word is gone.
                let stream: Vec<u8> = (0..len.div_ceil(4)).flat_map(|_| next().to_le_bytes()).collect();
                assert_eq!(bytes, stream[..len.into()]);
            }
            // Or from what a checkpoint has.
            Draw::FromClone => {
                let mut resumed = Philox::new(rng.key());
                resumed.set_position(rng.position());
                assert_eq!(resumed.next_u32(), rng.clone().next_u32());
                rng = rng.clone();
            }
        }
        assert_eq!(rng.position(), position);
    }
}
