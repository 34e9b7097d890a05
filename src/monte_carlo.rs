//! Uncertainty from Monte-Carlo dropout: T forward passes with dropout on at inference, each with a mask of its own
//! (Gal and Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in deep learning", ICML 2016).
//!
//! A pass is [`Mode::Train`](crate::Mode::Train) with its number as the [`step`](crate::Address::step); every other layer of the
//! network stays in evaluation. What the passes put out is added to one of two summaries as it comes, and no pass is stored:
//! [`Moments`] has the mean and the variance of outputs of any kind, [`Uncertainty`] the entropies of class probabilities.
//! Both work in slices of the caller's, which may hold anything at first and hold the summary in the end.
//!
//! Where dropout stands in front of the last layers only, all that lies before it puts out the same in every pass: run that trunk
//! once, and only the head T times. The results are the same, bit for bit.
//!
//! Where one layer's input is too large for the cache and T masks are wanted of it, go through it by windows: each window's T passes
//! before the next, with the window's start as the [`offset`](crate::Address::offset). The input is then read from memory once; the masks are
//! the same, as a mask does not depend on how a tensor is cut. It pays where memory is the limit: four passes over 16M floats by windows
//! of 32k took 0.85 times as long as one after another at p = 0.5, and 1.03 times as long at p = 0.1.
//!
//! # Precision
//! All arithmetic is in `f32`. The mean of T passes is within `(T / 2 + 5) * 2^-24` of the largest magnitude among them, as a part
//! of that magnitude, while the mean of T random passes strays from its limit by a `sqrt(T)`-th of their deviation: with a hundred
//! passes, 3 millionths against a tenth. Sums in `f64` would double the memory and have no hardware on a microcontroller.
//! No result depends on the CPU: operations are ordered as written, and the logarithm is libm's.
//!
//! Nothing here panics. A value that is NaN, infinite, or further than `f32::MAX` from the mean leaves the element or the sample that
//! it belongs to NaN or infinite, and no other.

use crate::error::{Error, check_length};

/// The mean and the variance of each element over the passes, by Welford's recurrence ("Note on a method for calculating corrected
/// sums of squares and products", Technometrics 4, 1962; Knuth, "The Art of Computer Programming", volume 2, section 4.2.2).
///
/// Unlike the mean of the squares less the square of the mean, this does not cancel where the values are large and close together:
/// the relative error of a variance is about `T * 2^-24` times the ratio of the largest magnitude to the deviation.
///
/// Before the first pass the means are 0. A variance that the passes do not define is NaN: either kind of none, the sample variance
/// of one.
///
/// ```
/// use dropout_kernels::monte_carlo::Moments;
///
/// let (mut mean, mut m2) = ([0.0; 2], [0.0; 2]);
/// let mut moments = Moments::new(&mut mean, &mut m2)?;
/// for y in [[1.0, 5.0], [3.0, 5.0]] {
///     moments.add(&y)?;
/// }
/// assert_eq!(moments.mean(), [2.0, 5.0]);
/// assert!(moments.population_variance().eq([1.0, 0.0]));
/// assert!(moments.sample_variance().eq([2.0, 0.0]));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Moments<'a> {
    passes: u32,
    mean: &'a mut [f32],
    /// The sum of the squared differences from the mean, the name that the recurrence goes by.
    m2: &'a mut [f32],
}

impl<'a> Moments<'a> {
    /// The moments of no passes so far, in slices that are as long as what a pass puts out.
    ///
    /// # Errors
    /// [`Error::Length`] unless `m2` is as long as `mean`.
    pub fn new(mean: &'a mut [f32], m2: &'a mut [f32]) -> Result<Self, Error> {
        check_length("m2", mean.len(), m2.len())?;
        mean.fill(0.0);
        m2.fill(0.0);
        Ok(Self { passes: 0, mean, m2 })
    }

    /// Adds the output of one pass.
    ///
    /// # Errors
    /// [`Error::Length`] unless `y` is as long as the mean. Nothing is then added.
    pub fn add(&mut self, y: &[f32]) -> Result<(), Error> {
        check_length("y", self.mean.len(), y.len())?;
        self.passes = self.passes.saturating_add(1);
        let passes = to_f32(self.passes);
        for ((&y, mean), m2) in y.iter().zip(&mut *self.mean).zip(&mut *self.m2) {
            let before = y - *mean;
            *mean = updated(*mean, y, passes);
            *m2 += before * (y - *mean);
        }
        Ok(())
    }

    /// T, the number of passes added.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The mean of each element.
    #[must_use]
    pub const fn mean(&self) -> &[f32] {
        self.mean
    }

    /// The variance of the passes themselves, which divides by T. It is the paper's predictive variance without the noise of the
    /// observations, which is no matter of the passes.
    #[must_use]
    pub fn population_variance(&self) -> impl ExactSizeIterator<Item = f32> {
        self.m2_over(self.passes)
    }

    /// The unbiased estimate of the variance of all possible passes, which divides by T - 1.
    #[must_use]
    pub fn sample_variance(&self) -> impl ExactSizeIterator<Item = f32> {
        self.m2_over(self.passes.saturating_sub(1))
    }

    fn m2_over(&self, divisor: u32) -> impl ExactSizeIterator<Item = f32> {
        let divisor = to_f32(divisor);
        self.m2.iter().map(move |m2| m2 / divisor)
    }
}

/// How unsure a classifier is of each of N samples, and why, from the class probabilities p of the passes, tensors of N x classes.
/// All entropies are in nats.
///
/// | | formula | is high where |
/// |---|---|---|
/// | [`predictive_entropy`](Self::predictive_entropy) | `H[mean p]` | the prediction is unsure, for whatever reason |
/// | [`expected_entropy`](Self::expected_entropy) | `mean H[p]` | each pass is unsure: the sample is ambiguous |
/// | [`mutual_information`](Self::mutual_information) | `H[mean p] - mean H[p]` | the passes disagree: the network has not learnt this |
///
/// The last is the score of BALD (Houlsby, Huszár, Ghahramani and Lengyel, "Bayesian active learning for classification and
/// preference learning", 2011; with dropout, Gal, Islam and Ghahramani, "Deep Bayesian active learning with image data", ICML 2017).
/// Being a difference, it has the absolute error of the entropies: some `10^-6` with a hundred passes and ten classes. It is 0
/// exactly where all passes agree, and never negative.
///
/// Probabilities are taken as they come: one that is negative makes the entropies of its sample NaN, and none is normalised.
/// Before the first pass everything is 0.
///
/// ```
/// use core::f32::consts::LN_2;
/// use dropout_kernels::monte_carlo::Uncertainty;
///
/// // Of the first sample each pass is certain, but they disagree; the second is a coin to every pass.
/// let (mut mean, mut expected_entropy) = ([0.0; 4], [0.0; 2]);
/// let mut uncertainty = Uncertainty::new(2, &mut mean, &mut expected_entropy)?;
/// uncertainty.add(&[1.0, 0.0, 0.5, 0.5])?;
/// uncertainty.add(&[0.0, 1.0, 0.5, 0.5])?;
/// assert_eq!(uncertainty.mean(), [0.5; 4]);
/// assert!(uncertainty.predictive_entropy().eq([LN_2, LN_2]));
/// assert_eq!(uncertainty.expected_entropy(), [0.0, LN_2]);
/// assert!(uncertainty.mutual_information().eq([LN_2, 0.0]));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Uncertainty<'a> {
    passes: u32,
    classes: usize,
    mean: &'a mut [f32],
    expected_entropy: &'a mut [f32],
}

impl<'a> Uncertainty<'a> {
    /// The uncertainty after no passes so far: N x `classes` values for the mean probabilities, N for the expected entropies.
    ///
    /// # Errors
    /// [`Error::Length`] unless `mean` has `classes` values for each of `expected_entropy`; [`Error::ShapeOverflow`] if so many do
    /// not fit `usize`.
    pub fn new(classes: usize, mean: &'a mut [f32], expected_entropy: &'a mut [f32]) -> Result<Self, Error> {
        let expected = classes.checked_mul(expected_entropy.len()).ok_or(Error::ShapeOverflow)?;
        check_length("mean", expected, mean.len())?;
        mean.fill(0.0);
        expected_entropy.fill(0.0);
        Ok(Self { passes: 0, classes, mean, expected_entropy })
    }

    /// Adds the class probabilities of one pass.
    ///
    /// # Errors
    /// [`Error::Length`] unless `probabilities` is as long as the mean. Nothing is then added.
    pub fn add(&mut self, probabilities: &[f32]) -> Result<(), Error> {
        check_length("probabilities", self.mean.len(), probabilities.len())?;
        self.passes = self.passes.saturating_add(1);
        let passes = to_f32(self.passes);
        for (mean, &p) in self.mean.iter_mut().zip(probabilities) {
            *mean = updated(*mean, p, passes);
        }
        let entropies = entropies(self.expected_entropy.len(), self.classes, probabilities);
        for (mean, entropy) in self.expected_entropy.iter_mut().zip(entropies) {
            *mean = updated(*mean, entropy, passes);
        }
        Ok(())
    }

    /// T, the number of passes added.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The mean probabilities, N x classes: what Monte-Carlo dropout predicts.
    #[must_use]
    pub const fn mean(&self) -> &[f32] {
        self.mean
    }

    /// For each sample, the entropy of its mean probabilities.
    #[must_use]
    pub fn predictive_entropy(&self) -> impl ExactSizeIterator<Item = f32> {
        entropies(self.expected_entropy.len(), self.classes, self.mean)
    }

    /// For each sample, the mean over the passes of the entropy of its probabilities.
    #[must_use]
    pub const fn expected_entropy(&self) -> &[f32] {
        self.expected_entropy
    }

    /// For each sample, the mutual information of its class and the dropout mask: the predictive less the expected entropy.
    #[must_use]
    pub fn mutual_information(&self) -> impl ExactSizeIterator<Item = f32> {
        let differences = self.predictive_entropy().zip(&*self.expected_entropy).map(|(total, expected)| total - expected);
        // Rounding can make it negative, which no mutual information is. (`f32::max` would make a 0 of NaN.)
        differences.map(|information| if information < 0.0 { 0.0 } else { information })
    }
}

/// The entropy `-sum p ln p` of one distribution, in nats, where `0 ln 0` is 0.
///
/// It is 0 for a certain class and `ln K` for K classes that are all as likely.
#[must_use]
pub fn entropy(probabilities: &[f32]) -> f32 {
    probabilities.iter().fold(0.0, |entropy, &p| if p == 0.0 { entropy } else { entropy - p * libm::logf(p) })
}

/// The entropy of each sample, by row of its probabilities.
// Not by chunks, of which there are none without classes.
fn entropies(samples: usize, classes: usize, probabilities: &[f32]) -> impl ExactSizeIterator<Item = f32> {
    let row = move |i| probabilities.get(i * classes..(i + 1) * classes).unwrap_or_default();
    (0..samples).map(move |i| entropy(row(i)))
}

/// The mean of so many values, from that of all but the last and the last.
fn updated(mean: f32, last: f32, count: f32) -> f32 {
    mean + (last - mean) / count
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^24, when a further pass is lost in the rounding of the mean")]
fn to_f32(count: u32) -> f32 {
    count as f32
}
