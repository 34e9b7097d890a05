//! Uncertainty from Monte-Carlo dropout: T forward passes at inference with dropout on, each with a mask of its own
//! (Gal and Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in deep learning", ICML
//! 2016).
//!
//! In each pass, run dropout layers with [`Mode::Train`](crate::Mode::Train) and the number of the pass as the
//! [`step`](crate::Address::step), and everything else in evaluation. Add the output of each pass to a summary; no pass
//! is stored. [`Moments`] gives the mean and variance of any outputs, [`Uncertainty`] the entropies of class
//! probabilities. Both work in slices of the caller's, whose initial contents do not matter.
//!
//! If only the last layers of a network have dropout, the layers before them give the same output in every pass: run
//! those once and the rest T times, for the same results bit for bit.
//!
//! If the input of a layer does not fit the cache, apply all T masks to one window of it before the next, with the
//! window's start as the [`offset`](crate::Address::offset). The masks are the same, and the input is read from memory
//! once. This pays where memory is the limit, which it is at rates that need few random bits.
//!
//! # Precision
//! All arithmetic is in `f32`. The relative error of the mean of T passes is at most `(T / 2 + 5) * 2^-24`, relative to
//! the largest magnitude among them. The sampling error is far larger: the standard deviation of the passes divided by
//! `sqrt(T)`. For 100 passes that is 3e-6 of the magnitude against a tenth of the deviation. Sums in `f64` would double
//! the memory, and microcontrollers have no hardware for them. No result depends on the CPU: the order of operations is
//! fixed, and the logarithm is libm's.
//!
//! Nothing here panics. A value that is NaN, infinite, or further than `f32::MAX` from the mean makes the results of
//! its own element or sample NaN or infinite, and affects no others.

use crate::error::{Error, check_length};

/// The mean and variance of each element over the passes, by Welford's recurrence ("Note on a method for calculating
/// corrected sums of squares and products", Technometrics 4, 1962; Knuth, "The Art of Computer Programming", volume 2,
/// section 4.2.2).
///
/// Unlike `mean(y^2) - mean(y)^2`, this does not cancel for large values that lie close together: the relative error of
/// a variance is about `T * 2^-24` times the ratio of the largest magnitude to the standard deviation.
///
/// Before the first pass the means are 0. Undefined variances are NaN: both of them before the first pass, the sample
/// variance before the second.
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
    /// The sum of squared differences from the mean, by its usual name in this recurrence.
    m2: &'a mut [f32],
}

impl<'a> Moments<'a> {
    /// The moments of no passes yet. Both slices are as long as the output of a pass.
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

    /// The population variance, which divides by T: the paper's predictive variance without its second term, the noise
    /// of observations, which does not depend on the passes.
    #[must_use]
    pub fn population_variance(&self) -> impl ExactSizeIterator<Item = f32> {
        self.m2_over(self.passes)
    }

    /// The sample variance, which divides by T - 1: the unbiased estimate of the variance over all masks.
    #[must_use]
    pub fn sample_variance(&self) -> impl ExactSizeIterator<Item = f32> {
        self.m2_over(self.passes.saturating_sub(1))
    }

    fn m2_over(&self, divisor: u32) -> impl ExactSizeIterator<Item = f32> {
        let divisor = to_f32(divisor);
        self.m2.iter().map(move |m2| m2 / divisor)
    }
}

/// How uncertain a classifier is of each of N samples, and why, from the class probabilities p of the passes: row-major
/// tensors, N x classes. All entropies are in nats.
///
/// | | formula | high where |
/// |---|---|---|
/// | [`predictive_entropy`](Self::predictive_entropy) | `H[mean p]` | the prediction is uncertain, for whatever reason |
/// | [`expected_entropy`](Self::expected_entropy) | `mean H[p]` | each pass is uncertain: the sample is ambiguous |
/// | [`mutual_information`](Self::mutual_information) | `H[mean p] - mean H[p]` | passes disagree: the network has not learnt this |
///
/// The last is the score of BALD (Houlsby, Huszár, Ghahramani and Lengyel, "Bayesian active learning for classification
/// and preference learning", 2011; with dropout, Gal, Islam and Ghahramani, "Deep Bayesian active learning with image
/// data", ICML 2017). As a difference it has the absolute error of the entropies, about 1e-6 with 100 passes and ten
/// classes. It is never negative, and exactly 0 where all passes agree.
///
/// Probabilities are not normalised. A negative one makes the entropies of its sample NaN. Before the first pass
/// everything is 0.
///
/// ```
/// use core::f32::consts::LN_2;
/// use dropout_kernels::monte_carlo::Uncertainty;
///
/// // Each pass is certain of the first sample, but they disagree. For the second, each pass gives even odds.
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
    /// The uncertainty after no passes yet. `mean` has N x `classes` values, `expected_entropy` has N.
    ///
    /// # Errors
    /// [`Error::Length`] unless `mean` is `classes` times as long as `expected_entropy`; [`Error::ShapeOverflow`] if
    /// that length does not fit `usize`.
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

    /// The mean probabilities, N x classes: the prediction of Monte-Carlo dropout.
    #[must_use]
    pub const fn mean(&self) -> &[f32] {
        self.mean
    }

    /// The entropy of each sample's mean probabilities.
    #[must_use]
    pub fn predictive_entropy(&self) -> impl ExactSizeIterator<Item = f32> {
        entropies(self.expected_entropy.len(), self.classes, self.mean)
    }

    /// The mean over passes of the entropy of each sample's probabilities.
    #[must_use]
    pub const fn expected_entropy(&self) -> &[f32] {
        self.expected_entropy
    }

    /// The mutual information of each sample's class and the dropout mask: the predictive entropy minus the expected
    /// one.
    #[must_use]
    pub fn mutual_information(&self) -> impl ExactSizeIterator<Item = f32> {
        let differences = self.predictive_entropy().zip(&*self.expected_entropy).map(|(total, expected)| total - expected);
        // Rounding can make it negative, which mutual information never is. Not `f32::max`, which would turn NaN into
        // 0.
        differences.map(|information| if information < 0.0 { 0.0 } else { information })
    }
}

/// The entropy `-sum p ln p` of one distribution, in nats, where `0 ln 0` is 0.
///
/// It is 0 for a certain class and `ln K` for K equally likely ones. The largest errors that a search over random
/// distributions met are 1.9 units in the last place for two classes, 3.3 for ten and 115 for a thousand, whose terms
/// are added one after the other.
#[must_use]
pub fn entropy(probabilities: &[f32]) -> f32 {
    probabilities.iter().fold(0.0, |entropy, &p| if p == 0.0 { entropy } else { entropy - p * libm::logf(p) })
}

/// The entropy of each row of probabilities, one row per sample.
// Not `chunks_exact(classes)`: that panics for 0 classes, where every row is empty.
fn entropies(samples: usize, classes: usize, probabilities: &[f32]) -> impl ExactSizeIterator<Item = f32> {
    debug_assert_eq!(probabilities.len(), samples * classes);
    let row = move |i| probabilities.get(i * classes..(i + 1) * classes).unwrap_or_default();
    (0..samples).map(move |i| entropy(row(i)))
}

/// The mean of `count` values, given their last one and the mean of all others.
fn updated(mean: f32, last: f32, count: f32) -> f32 {
    mean + (last - mean) / count
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^24, when a further pass is lost in the rounding of the mean")]
fn to_f32(count: u32) -> f32 {
    count as f32
}
