//! Bytes dealt to all lanes together, from place to place. PDEP would do it lane by lane, but takes Zen and Zen 2 hundreds
//! of cycles.

use core::arch::x86_64::*;

use super::{Avx2, U64x8};
use crate::simd::wide::deal::{clear_dealt, lane_bits, splat_byte};
use crate::simd::wide::lanes::{Dealt, GROUP, WideLanes};

/// [`WideLanes::deal`], inlined where a function with the instructions would be too large to be.
#[inline(always)]
pub(super) fn deal(lanes: Avx2, bytes: [U64x8; 2], than: u8, places: [U64x8; 2], keep: [U64x8; 2]) -> Dealt {
    // SAFETY: an `Avx2` is the proof that the CPU has these instructions, which touch no memory.
    unsafe {
        let mut dealt = Dealt { keep: [[0; 2]; GROUP], open: 0, many: 0 };
        let (mut cleared, mut far) = ([keep[0]; 2], 0);
        for quarter in 0..2 {
            let (first, last) = (places[0].0[quarter], places[1].0[quarter]);
            let same = _mm256_set1_epi8(than.cast_signed());
            let sign = _mm256_set1_epi8(i8::MIN);
            let bytes = [bytes[0].0[quarter], bytes[1].0[quarter]];
            let than = _mm256_xor_si256(same, sign);
            let below = [
                _mm256_cmpgt_epi8(than, _mm256_xor_si256(bytes[0], sign)),
                _mm256_cmpgt_epi8(than, _mm256_xor_si256(bytes[1], sign)),
            ];
            let equal = [_mm256_cmpeq_epi8(bytes[0], same), _mm256_cmpeq_epi8(bytes[1], same)];

            // Eight times the numbers of places: how many bits the bytes of each half have.
            let (first_bits, last_bits) = (_mm256_slli_epi64::<3>(count_ones(first)), _mm256_slli_epi64::<3>(count_ones(last)));
            let both_bits = _mm256_add_epi64(first_bits, last_bits);
            let bits = _mm256_set1_epi64x(64);
            let after = [
                _mm256_or_si256(
                    _mm256_or_si256(
                        _mm256_srlv_epi64(below[0], first_bits),
                        _mm256_sllv_epi64(below[1], _mm256_sub_epi64(bits, first_bits)),
                    ),
                    _mm256_srlv_epi64(below[1], _mm256_sub_epi64(first_bits, bits)),
                ),
                _mm256_srlv_epi64(below[1], first_bits),
            ];
            cleared[0].0[quarter] = deposit_bytes(first, below);
            cleared[1].0[quarter] = deposit_bytes(last, after);

            let ones = _mm256_set1_epi8(-1);
            let with_byte = [
                _mm256_srlv_epi64(ones, _mm256_subs_epu16(bits, both_bits)),
                _mm256_xor_si256(_mm256_sllv_epi64(ones, _mm256_subs_epu16(both_bits, bits)), ones),
            ];
            let open = _mm256_or_si256(_mm256_and_si256(equal[0], with_byte[0]), _mm256_and_si256(equal[1], with_byte[1]));
            let settled = _mm256_cmpeq_epi64(open, _mm256_setzero_si256());
            let many = _mm256_cmpgt_epi64(both_bits, _mm256_set1_epi64x(8 * 16));
            let most = _mm256_max_epi32(first_bits, last_bits);
            let most = _mm256_cmpgt_epi64(most, _mm256_set1_epi64x(8 * MOST));
            dealt.open |= (!_mm256_movemask_pd(_mm256_castsi256_pd(settled)).cast_unsigned() as u8 & 15) << (4 * quarter);
            dealt.many |= (_mm256_movemask_pd(_mm256_castsi256_pd(many)).cast_unsigned() as u8) << (4 * quarter);
            far |= _mm256_movemask_pd(_mm256_castsi256_pd(most));
        }
        dealt.keep = lanes.interleave([keep[0] & !cleared[0], keep[1] & !cleared[1]]);
        if far != 0 {
            dealt.keep = lanes.interleave(keep);
            let [below, _] = lanes.compare_bytes(bytes, lanes.splat(splat_byte(than)));
            for (i, (keep, places)) in dealt.keep.iter_mut().zip(lanes.interleave(places)).enumerate() {
                clear_dealt(lanes, lane_bits(below, i), places, keep);
            }
        }
        dealt
    }
}

/// The most places of half a lane that are dealt to in vectors. Of 64 places with probability 1/16 one half in 700 has
/// more.
const MOST: i64 = 10;

/// The places whose byte is set, of eight or sixteen bytes that are dealt to them in order.
#[inline]
#[target_feature(enable = "avx2")]
fn deposit_bytes(mut places: __m256i, bytes: [__m256i; 2]) -> __m256i {
    // Set where a place's byte differs from that of the place before: from there on, all places are turned over.
    let changes = [
        _mm256_xor_si256(bytes[0], _mm256_slli_epi64::<8>(bytes[0])),
        _mm256_xor_si256(bytes[1], _mm256_or_si256(_mm256_slli_epi64::<8>(bytes[1]), _mm256_srli_epi64::<56>(bytes[0]))),
    ];
    let mut dealt = _mm256_setzero_si256();
    for rank in 0..MOST {
        let byte = rank % 8 * 0x0101_0101_0101_0101;
        let byte = _mm256_setr_epi64x(byte, byte + 0x0808_0808_0808_0808, byte, byte + 0x0808_0808_0808_0808);
        let change = _mm256_shuffle_epi8(changes[usize::from(rank >= 8)], byte);
        dealt = _mm256_xor_si256(dealt, _mm256_and_si256(places, change));
        places = _mm256_and_si256(places, _mm256_add_epi64(places, _mm256_set1_epi64x(-1)));
    }
    dealt
}

/// The ones of each lane (Mula's method).
#[inline]
#[target_feature(enable = "avx2")]
fn count_ones(x: __m256i) -> __m256i {
    let counts = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    let nibble = _mm256_set1_epi8(15);
    let low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, nibble));
    let high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi64::<4>(x), nibble));
    _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256())
}
