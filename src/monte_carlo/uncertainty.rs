//! Entropies.

use super::{Number, mean};
use crate::error::{Error, check_length};

/// How uncertain a classifier is of each sample, and why, from the class probabilities p of the passes: row-major
/// tensors, samples x classes. All entropies are in nats.
///
/// | | formula | high where |
/// |---|---|---|
/// | [`predictive_entropy`](Self::predictive_entropy) | `H[mean p]` | the prediction is uncertain, for whatever reason |
/// | [`expected_entropy`](Self::expected_entropy) | `mean H[p]` | each pass is uncertain: the sample is ambiguous |
/// | [`mutual_information`](Self::mutual_information) | `H[mean p] - mean H[p]` | passes disagree: the network has not learnt this |
///
/// The last is the score of BALD (Houlsby, Huszár, Ghahramani and Lengyel, "Bayesian active learning for classification
/// and preference learning", 2011; with dropout, Gal, Islam and Ghahramani, "Deep Bayesian active learning with image
/// data", ICML 2017). As a difference it has the absolute error of the entropies, in `f32` about 1e-6 with 100 passes
/// and ten classes. It is never negative, and exactly 0 where all passes agree.
///
/// Probabilities are not normalised. A negative one makes the entropies of its sample NaN. Before the first pass
/// everything is 0.
///
/// ```
/// use core::f32::consts::LN_2;
/// use dropout_kernels::monte_carlo::Uncertainty;
///
/// // Each pass is certain of the first sample, but they disagree. For the second, each pass gives even odds.
/// let (mut mean, mut expected_entropy) = ([0.0_f32; 4], [0.0; 2]);
/// let mut uncertainty = Uncertainty::new(2, &mut mean, &mut expected_entropy)?;
/// uncertainty.add(&[1.0_f32, 0.0, 0.5, 0.5])?;
/// uncertainty.add(&[0.0_f32, 1.0, 0.5, 0.5])?;
/// assert_eq!(uncertainty.mean(), [0.5; 4]);
/// assert!(uncertainty.predictive_entropy().eq([LN_2, LN_2]));
/// assert_eq!(uncertainty.expected_entropy(), [0.0, LN_2]);
/// assert!(uncertainty.mutual_information().eq([LN_2, 0.0]));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Uncertainty<'a, N = f32> {
    passes: u32,
    classes: usize,
    mean: &'a mut [N],
    expected_entropy: &'a mut [N],
}

impl<'a, N: Number> Uncertainty<'a, N> {
    /// The uncertainty after no passes yet. `mean` has `classes` values a sample, `expected_entropy` has one.
    ///
    /// # Errors
    /// [`Error::Length`] unless `mean` is `classes` times as long as `expected_entropy`; [`Error::ShapeOverflow`] if
    /// that length does not fit `usize`.
    pub fn new(classes: usize, mean: &'a mut [N], expected_entropy: &'a mut [N]) -> Result<Self, Error> {
        Self::resume(0, classes, mean, expected_entropy)
    }

    /// The uncertainty after passes that were summarised before, here or on another machine: what
    /// [`passes`](Self::passes), [`mean`](Self::mean) and [`expected_entropy`](Self::expected_entropy) gave then. After
    /// no passes, what the slices hold does not matter.
    ///
    /// # Errors
    /// [`Error::Length`] unless `mean` is `classes` times as long as `expected_entropy`; [`Error::ShapeOverflow`] if
    /// that length does not fit `usize`.
    pub fn resume(passes: u32, classes: usize, mean: &'a mut [N], expected_entropy: &'a mut [N]) -> Result<Self, Error> {
        let expected = classes.checked_mul(expected_entropy.len()).ok_or(Error::ShapeOverflow)?;
        check_length("mean", expected, mean.len())?;
        if passes == 0 {
            mean.fill(N::ZERO);
            expected_entropy.fill(N::ZERO);
        }
        Ok(Self { passes, classes, mean, expected_entropy })
    }

    /// Adds the class probabilities of one pass.
    ///
    /// # Errors
    /// [`Error::Length`] unless `probabilities` is as long as the mean. Nothing is then added.
    pub fn add<E: Copy + Into<N>>(&mut self, probabilities: &[E]) -> Result<(), Error> {
        check_length("probabilities", self.mean.len(), probabilities.len())?;
        self.passes = self.passes.saturating_add(1);
        let passes = N::nearest(self.passes.into());
        for (mean, &p) in self.mean.iter_mut().zip(probabilities) {
            *mean = mean::updated(*mean, p.into(), passes);
        }
        let entropies = entropies(self.expected_entropy.len(), self.classes, probabilities);
        for (mean, entropy) in self.expected_entropy.iter_mut().zip(entropies) {
            *mean = mean::updated(*mean, entropy, passes);
        }
        Ok(())
    }

    /// Adds all passes of another summary. If either has no passes, the result is exactly the other.
    ///
    /// ```
    /// use core::f32::consts::LN_2;
    /// use dropout_kernels::monte_carlo::Uncertainty;
    ///
    /// let (mut mean, mut expected_entropy) = ([0.0_f32; 2], [0.0; 1]);
    /// let mut uncertainty = Uncertainty::new(2, &mut mean, &mut expected_entropy)?;
    /// uncertainty.add(&[1.0_f32, 0.0])?;
    ///
    /// let (mut mean, mut expected_entropy) = ([0.0, 1.0], [0.0]); // from another thread, after one pass
    /// uncertainty.merge(&Uncertainty::resume(1, 2, &mut mean, &mut expected_entropy)?)?;
    /// assert_eq!((uncertainty.passes(), uncertainty.mean()), (2, &[0.5, 0.5][..]));
    /// assert!(uncertainty.mutual_information().eq([LN_2]));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless `other` has as many samples and classes: the length is that of the mean or of the
    /// expected entropy, whichever differs first. Nothing is then added.
    pub fn merge(&mut self, other: &Uncertainty<'_, N>) -> Result<(), Error> {
        check_length("other", self.mean.len(), other.mean.len())?;
        check_length("other", self.expected_entropy.len(), other.expected_entropy.len())?;
        let counts = [self.passes, other.passes];
        mean::merge(counts, self.mean, other.mean);
        mean::merge(counts, self.expected_entropy, other.expected_entropy);
        self.passes = self.passes.saturating_add(other.passes);
        Ok(())
    }

    /// T, the number of passes added.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The mean probabilities, samples x classes: the prediction of Monte-Carlo dropout.
    #[must_use]
    pub const fn mean(&self) -> &[N] {
        self.mean
    }

    /// The entropy of each sample's mean probabilities.
    #[must_use]
    pub fn predictive_entropy(&self) -> impl ExactSizeIterator<Item = N> {
        entropies(self.expected_entropy.len(), self.classes, &*self.mean)
    }

    /// The mean over passes of the entropy of each sample's probabilities.
    #[must_use]
    pub const fn expected_entropy(&self) -> &[N] {
        self.expected_entropy
    }

    /// The mutual information of each sample's class and the dropout mask: the predictive entropy minus the expected
    /// one.
    #[must_use]
    pub fn mutual_information(&self) -> impl ExactSizeIterator<Item = N> {
        // Rounding can make it negative, which mutual information never is. Entropies that are equal can be infinite, which
        // those of probabilities never are. Not `f32::max`, which would turn NaN into 0.
        let information = |(total, &expected): (N, &N)| if total <= expected { N::ZERO } else { total - expected };
        self.predictive_entropy().zip(&*self.expected_entropy).map(information)
    }
}

/// The entropy `-sum p ln p` of one distribution, in nats, where `0 ln 0` is 0.
///
/// It is 0 for a certain class and `ln K` for K equally likely ones. The largest errors that a search over random
/// distributions in `f32` met are 1.9 units in the last place for two classes, 3.3 for ten and 115 for a thousand,
/// whose terms are added one after the other.
#[must_use]
pub fn entropy<N: Number>(probabilities: &[N]) -> N {
    widened_entropy(probabilities)
}

fn widened_entropy<N: Number, E: Copy + Into<N>>(probabilities: &[E]) -> N {
    let probabilities = probabilities.iter().map(|&p| p.into());
    probabilities.fold(N::ZERO, |entropy, p| if p == N::ZERO { entropy } else { entropy - p * p.ln() })
}

/// The entropy of each row of probabilities, one row per sample.
// Not `chunks_exact(classes)`: that panics for 0 classes, where every row is empty.
fn entropies<N: Number, E: Copy + Into<N>>(
    samples: usize,
    classes: usize,
    probabilities: &[E],
) -> impl ExactSizeIterator<Item = N> {
    debug_assert_eq!(probabilities.len(), samples * classes);
    let row = move |i| probabilities.get(i * classes..(i + 1) * classes).unwrap_or_default();
    (0..samples).map(move |i| widened_entropy(row(i)))
}
