//! Published vectors of the generator, and vectors of masks and noise from an evaluation of the contract in Python.

use dropout_kernels::philox::{ROUNDS, philox4x32};
use dropout_kernels::{Address, Backend, Dropout, GaussianDropout, Mask, Mode, Rate};
use serde_json::Value;
use testkit::every_backend;
use testkit::normal::normal;
use testkit::oracle::{dropped, noise, philox4x32 as philox4x32_of_the_oracle, uniforms};
use testkit::value::ones;

every_backend!(masks_equal_the_reference, noise_equals_the_reference);

/// Rounds, counter, key, and the words that come of them.
type KnownAnswer = (u32, [u32; 4], [u32; 2], [u32; 4]);

/// All those of philox4x32 that Random123 publishes (D. E. Shaw Research, `tests/kat_vectors`).
const KNOWN_ANSWERS: [KnownAnswer; 6] = [
    (7, [0; 4], [0; 2], [0x5F6F_B709, 0x0D89_3F64, 0x4F12_1F81, 0x4F73_0A48]),
    (7, [u32::MAX; 4], [u32::MAX; 2], [0x5207_DDC2, 0x4516_5E59, 0x4D8E_E751, 0x8C52_F662]),
    (7, PI_COUNTER, PI_KEY, [0x4DFC_CABA, 0x190A_87F0, 0xC473_62BA, 0xB6B5_242A]),
    (10, [0; 4], [0; 2], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
    (10, [u32::MAX; 4], [u32::MAX; 2], [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
    (10, PI_COUNTER, PI_KEY, [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]),
];

/// The digits of pi.
const PI_COUNTER: [u32; 4] = [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344];
const PI_KEY: [u32; 2] = [0xA409_3822, 0x299F_31D0];

/// The oracle is held to the same answers: it must not be wrong in the library's way.
#[test]
fn known_answers_of_random123() {
    for (rounds, counter, key, words) in KNOWN_ANSWERS {
        assert_eq!(philox4x32(counter, key, rounds), words, "{rounds} rounds of {counter:08x?} with key {key:08x?}");
        assert_eq!(philox4x32_of_the_oracle(counter.map(u64::from), key.map(u64::from), rounds), words.map(u64::from));
    }
    assert_eq!(ROUNDS, 10);
}

/// The vectors that the program printed.
fn vectors(of: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../data/mask_vectors.json")).unwrap();
    vectors[of].as_array().unwrap().clone()
}

fn address(vector: &Value) -> Address {
    let integer = |name: &str| vector[name].as_u64().unwrap();
    Address {
        seed: integer("seed"),
        layer: integer("layer").try_into().unwrap(),
        step: integer("step").try_into().unwrap(),
        offset: integer("first"),
    }
}

fn masks_equal_the_reference(backend: Backend) {
    let vectors = vectors("masks");
    assert_eq!(vectors.len(), 34);
    for vector in vectors {
        let integer = |name: &str| vector[name].as_u64().unwrap();
        let keep: Vec<bool> = vector["keep"].as_str().unwrap().bytes().map(|keep| keep == b'1').collect();
        let p = vector["p"].as_f64().unwrap();
        let address = address(&vector);
        let rate = Rate::new(p).unwrap();
        assert_eq!(rate.threshold(), integer("threshold"), "p = {p}");
        assert_eq!(keep.len() as u64, integer("count"));

        let mask = Mask::new(rate, address).on(backend);
        let mut bools = vec![false; keep.len()];
        mask.bools(&mut bools).unwrap();
        assert_eq!(bools, keep, "bools at p = {p}, {address:?}");

        let mut words = vec![0; keep.len().div_ceil(32)];
        mask.words(keep.len(), &mut words).unwrap();
        let mut y = ones(keep.len());
        Dropout::new(rate).on(backend).apply_in_place(Mode::Train(address), &mut y).unwrap();
        for (i, &keep) in keep.iter().enumerate() {
            assert_eq!(mask.keeps(i as u64), Ok(keep), "decision {i} at p = {p}, {address:?}");
            assert_eq!(words[i / 32] >> (i % 32) & 1 == 1, keep, "word bit {i} at p = {p}, {address:?}");
            assert_eq!(y[i] != 0.0, keep, "value {i} at p = {p}, {address:?}");
        }
    }
}

/// At the highest rate sigma is 2^16, so that next to it the 1 hides the least of the normal.
fn noise_equals_the_reference(backend: Backend) {
    let vectors = vectors("noise");
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let uniforms: Vec<u32> = vector["uniforms"].as_array().unwrap().iter().map(|u| u.as_u64().unwrap() as u32).collect();
        let mut x = ones(uniforms.len());
        let layer = GaussianDropout::new(Rate::from_threshold(u32::MAX.into()).unwrap()).on(backend);
        layer.apply_in_place(Mode::Train(address(&vector)), &mut x).unwrap();
        let expected: Vec<f32> = uniforms.iter().map(|&u| 65536.0 * normal(u)).map(|deviation| 1.0 + deviation).collect();
        assert_eq!(x, expected, "{vector}");
    }
}

/// The oracle is held to the vectors too.
#[test]
fn the_oracle_equals_the_reference() {
    for vector in vectors("masks") {
        let address = address(&vector);
        let drops = dropped(vector["p"].as_f64().unwrap(), address, vector["count"].as_u64().unwrap() as usize);
        assert!(drops.iter().map(|drop| if *drop { '0' } else { '1' }).eq(vector["keep"].as_str().unwrap().chars()), "{vector}");
    }
    for vector in vectors("noise") {
        let expected = vector["uniforms"].as_array().unwrap();
        let address = address(&vector);
        assert!(
            uniforms(noise, address, expected.len()).into_iter().eq(expected.iter().map(|u| u.as_u64().unwrap())),
            "{vector}"
        );
    }
}
