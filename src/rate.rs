//! The rate p, held as the integer threshold that every decision is compared with.

mod scale;

use core::fmt;

use crate::error::Error;

/// 2^32: the threshold of p = 1.
const RANGE: u64 = 1 << 32;

/// The probability p of *dropping*, held as the threshold `T = round(p * 2^32)`, ties to even.
///
/// A decision drops when its uniform 36-bit integer is below `16 T`, so the realised rate is exactly `T / 2^32`. p = 0
/// never drops and p = 1 always does.
///
/// All constructors are `const`, and none does floating-point arithmetic: [`new`](Self::new) compares `p` and then
/// works on its bits. For CPUs without an FPU, [`from_ratio`](Self::from_ratio) and
/// [`from_threshold`](Self::from_threshold) take no float at all.
///
/// ```
/// use dropout_kernels::Rate;
///
/// let rate = Rate::new(0.1)?;
/// assert_eq!(rate.threshold(), 429_496_730);
/// assert_eq!(rate.realised(), 429_496_730.0 / 4_294_967_296.0);
/// assert_eq!(rate, Rate::from_ratio(1, 10)?);
/// assert_eq!(Rate::new(1.5).unwrap_err().to_string(), "rate p = 1.5: expected a probability from 0 to 1");
///
/// const HALF: Rate = match Rate::new(0.5) {
///     Ok(rate) => rate,
///     Err(_) => panic!("not a probability"),
/// };
/// assert_eq!(HALF.scale(), 2.0);
///
/// // As text, the shortest decimal that is this rate.
/// assert_eq!(format!("{rate}"), "0.1");
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias("p", "probability", "drop_prob", "dropout_rate"))]
pub struct Rate {
    threshold: u64,
}

impl Rate {
    /// The rate nearest to `p`.
    ///
    /// # Errors
    /// [`Error::Rate`] if `p` is NaN, infinite, negative or above 1. (-0.0 counts as 0.)
    pub const fn new(p: f64) -> Result<Self, Error> {
        if p >= 0.0 && p <= 1.0 { Ok(Self { threshold: round_to_range(p) }) } else { Err(Error::Rate { p }) }
    }

    /// The rate nearest to `p`, widened to `f64`: the `f32` itself, not the decimal that it was written as. `0.1_f32` is
    /// 0.100000001490116, whose threshold is 429,496,736, and that of `new(0.1)` is 429,496,730. To mean the decimal,
    /// parse it as an `f64`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub const fn from_f32(p: f32) -> Result<Self, Error> {
        Self::new(p as f64)
    }

    /// The rate nearest to `numerator / denominator`, ties to even.
    ///
    /// # Errors
    /// [`Error::Ratio`] if `denominator` is 0 or less than `numerator`.
    pub const fn from_ratio(numerator: u32, denominator: u32) -> Result<Self, Error> {
        if denominator == 0 || numerator > denominator {
            return Err(Error::Ratio { numerator, denominator });
        }
        let (scaled, denominator) = ((numerator as u64) << 32, denominator as u64);
        let (floor, rest) = (scaled / denominator, scaled % denominator);
        Ok(Self { threshold: floor + round_up(floor, 2 * rest, denominator) })
    }

    /// The rate `threshold / 2^32`, exactly.
    ///
    /// # Errors
    /// [`Error::Threshold`] if `threshold` is above 2^32.
    pub const fn from_threshold(threshold: u64) -> Result<Self, Error> {
        if threshold <= RANGE { Ok(Self { threshold }) } else { Err(Error::Threshold { threshold }) }
    }

    /// The threshold T, from 0 to 2^32.
    #[must_use]
    pub const fn threshold(self) -> u64 {
        self.threshold
    }

    /// The rate that masks realise, `T / 2^32`: within 2^-33 of the p given to [`new`](Self::new).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 2^32: exact")]
    pub const fn realised(self) -> f64 {
        self.threshold as f64 / RANGE as f64
    }

    /// The probability of keeping, exactly `1 - T / 2^32`: classic dropout's factor at inference.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 2^32: exact")]
    pub const fn keep(self) -> f64 {
        (RANGE - self.threshold) as f64 / RANGE as f64
    }

    /// The threshold of keeping: `2^32 - T`.
    pub(crate) const fn keep_threshold(self) -> u64 {
        RANGE - self.threshold
    }

    /// The scale of inverted dropout, `2^32 / (2^32 - T)`: its factor for kept values in training. Infinite at p = 1,
    /// where nothing is kept.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 2^32: exact")]
    pub const fn scale(self) -> f64 {
        RANGE as f64 / (RANGE - self.threshold) as f64
    }

    /// The [scale](Self::scale), folded into a requantisation: the multiplier and the shift that stand for
    /// `multiplier * 2^(shift - 31)` times the scale. TensorFlow Lite and CMSIS-NN have such a pair for each tensor or
    /// channel (`QuantizeMultiplier`, `arm_nn_requantize`), so that quantised dropout costs no multiplication.
    ///
    /// The new multiplier has 31 bits, from 2^30 on, and is rounded to nearest. A multiplier of 0 stays 0, and at p = 1,
    /// where nothing is kept, the pair is as it was. In integers, for CPUs without an FPU.
    ///
    /// ```
    /// use dropout_kernels::Rate;
    ///
    /// // 0.75 * 2^-4, and times 2.
    /// assert_eq!(Rate::new(0.5)?.fold_scale(3 << 29, -4), (3 << 29, -3));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    #[must_use]
    pub const fn fold_scale(self, multiplier: i32, shift: i32) -> (i32, i32) {
        let keep = self.keep_threshold();
        if keep == 0 || multiplier == 0 {
            return (multiplier, shift);
        }
        // multiplier * 2^32 / keep = quotient / 2^left, and the quotient has 32 bits or more, of which 31 remain.
        let scaled = (multiplier.unsigned_abs() as u64) << 32;
        let left = scaled.leading_zeros();
        let quotient = (scaled << left) / keep;
        let surplus = 33 - quotient.leading_zeros();
        // Never 2^31: a quotient of numbers as short as these is not so close below a power of two.
        let nearest = ((quotient >> (surplus - 1)) + 1) >> 1;
        let more = surplus.cast_signed() - left.cast_signed();
        (nearest as i32 * multiplier.signum(), shift.saturating_add(more))
    }
}

impl Rate {
    /// The decimal with the fewest digits of which [`new`](Self::new) makes this rate. Ten always do: thresholds are 2.3e-10 apart.
    #[expect(clippy::cast_precision_loss, reason = "at most 10^10: exact")]
    pub(crate) fn decimal(self) -> f64 {
        let mut decimals = (0..=10).map(|digits| {
            let power = 10_u64.pow(digits);
            let nearest = (u128::from(self.threshold) * u128::from(power) + u128::from(RANGE / 2)) >> 32;
            nearest as f64 / power as f64
        });
        decimals.find(|&p| Self::new(p) == Ok(self)).unwrap_or(self.realised())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}

/// As [`new`](Rate::new).
impl TryFrom<f64> for Rate {
    type Error = Error;

    fn try_from(p: f64) -> Result<Self, Error> {
        Self::new(p)
    }
}

/// As [`from_f32`](Rate::from_f32).
impl TryFrom<f32> for Rate {
    type Error = Error;

    fn try_from(p: f32) -> Result<Self, Error> {
        Self::from_f32(p)
    }
}

/// `p * 2^32` rounded to nearest, ties to even, for 0 <= p <= 1. In integers, so that it is exact and needs no FPU.
const fn round_to_range(p: f64) -> u64 {
    const MANTISSA_BITS: u64 = 52;
    const BIAS: u64 = 1023;
    let exponent = p.to_bits() >> MANTISSA_BITS & 0x7FF;
    let mantissa = p.to_bits() & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS;
    // p = mantissa * 2^(exponent - BIAS - 52), so p * 2^32 = mantissa >> shift. The shift is 20 for p = 1 and more
    // below.
    let shift = BIAS + MANTISSA_BITS - 32 - exponent;
    if shift > MANTISSA_BITS + 1 {
        return 0; // p * 2^32 < 1/2. Zero and subnormals, which have no implicit bit, end here too.
    }
    let (floor, rest) = (mantissa >> shift, mantissa & ((1 << shift) - 1));
    floor + round_up(floor, 2 * rest, 1 << shift)
}

/// 1 if `floor` plus the fraction `(twice / 2) / denominator` rounds up, to nearest with ties to even; 0 otherwise.
const fn round_up(floor: u64, twice: u64, denominator: u64) -> u64 {
    (twice > denominator || twice == denominator && floor % 2 == 1) as u64
}
