//! Means and variances.

use super::{Number, mean};
use crate::error::{Error, check_length};

/// The mean and variance of each element over the passes, by Welford's recurrence ("Note on a method for calculating
/// corrected sums of squares and products", Technometrics 4, 1962; Knuth, "The Art of Computer Programming", volume 2,
/// section 4.2.2).
///
/// Unlike `mean(y^2) - mean(y)^2`, this does not cancel for large values that lie close together: the relative error of
/// a variance is about `T * u` times the ratio of the largest magnitude to the standard deviation, with the u of the
/// [module](super#precision).
///
/// Before the first pass the means are 0. Undefined variances are NaN: both of them before the first pass, the sample
/// variance before the second.
///
/// ```
/// use dropout_kernels::monte_carlo::Moments;
///
/// let (mut mean, mut m2) = ([0.0_f32; 2], [0.0; 2]);
/// let mut moments = Moments::new(&mut mean, &mut m2)?;
/// for y in [[1.0_f32, 5.0], [3.0, 5.0]] {
///     moments.add(&y)?;
/// }
/// assert_eq!(moments.mean(), [2.0, 5.0]);
/// assert!(moments.population_variance().eq([1.0, 0.0]));
/// assert!(moments.sample_variance().eq([2.0, 0.0]));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Moments<'a, N = f32> {
    passes: u32,
    mean: &'a mut [N],
    /// The sum of squared differences from the mean, by its usual name in this recurrence.
    m2: &'a mut [N],
}

impl<'a, N: Number> Moments<'a, N> {
    /// The moments of no passes yet. Both slices are as long as the output of a pass.
    ///
    /// # Errors
    /// [`Error::Length`] unless `m2` is as long as `mean`.
    pub fn new(mean: &'a mut [N], m2: &'a mut [N]) -> Result<Self, Error> {
        Self::resume(0, mean, m2)
    }

    /// The moments of passes that were summarised before, here or on another machine: what [`passes`](Self::passes),
    /// [`mean`](Self::mean) and [`m2`](Self::m2) gave then. Of no passes, what the slices hold does not matter.
    ///
    /// ```
    /// use dropout_kernels::monte_carlo::Moments;
    ///
    /// let (mut mean, mut m2) = ([2.0, 5.0], [2.0, 0.0]); // of two passes: 1 and 3, 5 and 5
    /// let mut moments = Moments::resume(2, &mut mean, &mut m2)?;
    /// moments.add(&[5.0, 5.0])?;
    /// assert_eq!(moments.mean(), [3.0, 5.0]);
    /// assert!(moments.sample_variance().eq([4.0, 0.0]));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless `m2` is as long as `mean`.
    pub fn resume(passes: u32, mean: &'a mut [N], m2: &'a mut [N]) -> Result<Self, Error> {
        check_length("m2", mean.len(), m2.len())?;
        if passes == 0 {
            mean.fill(N::ZERO);
            m2.fill(N::ZERO);
        }
        Ok(Self { passes, mean, m2 })
    }

    /// Adds the output of one pass.
    ///
    /// # Errors
    /// [`Error::Length`] unless `y` is as long as the mean. Nothing is then added.
    pub fn add<E: Copy + Into<N>>(&mut self, y: &[E]) -> Result<(), Error> {
        check_length("y", self.mean.len(), y.len())?;
        self.passes = self.passes.saturating_add(1);
        let passes = N::nearest(self.passes.into());
        for ((&y, mean), m2) in y.iter().zip(&mut *self.mean).zip(&mut *self.m2) {
            let y = y.into();
            let before = y - *mean;
            *mean = mean::updated(*mean, y, passes);
            *m2 = *m2 + before * (y - *mean);
        }
        Ok(())
    }

    /// Adds all passes of another summary (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    /// computing sample variances", 1979). If either has no passes, the result is exactly the other.
    ///
    /// ```
    /// use dropout_kernels::monte_carlo::Moments;
    ///
    /// let (mut mean, mut m2) = ([0.0_f32; 2], [0.0; 2]);
    /// let mut moments = Moments::new(&mut mean, &mut m2)?;
    /// moments.add(&[1.0_f32, 5.0])?;
    ///
    /// let (mut mean, mut m2) = ([4.0, 5.0], [2.0, 0.0]); // from another thread, of two passes: 3 and 5, 5 and 5
    /// moments.merge(&Moments::resume(2, &mut mean, &mut m2)?)?;
    /// assert_eq!((moments.passes(), moments.mean()), (3, &[3.0, 5.0][..]));
    /// assert!(moments.sample_variance().eq([4.0, 0.0]));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless `other` has as many elements. Nothing is then added.
    pub fn merge(&mut self, other: &Moments<'_, N>) -> Result<(), Error> {
        check_length("other", self.mean.len(), other.mean.len())?;
        let counts = [self.passes, other.passes];
        let [count, other_count] = counts.map(f64::from);
        let weight = N::nearest(count * other_count / (count + other_count));
        let means = self.mean.iter().zip(&*other.mean);
        for ((m2, &other_m2), (&mean, &other_mean)) in self.m2.iter_mut().zip(&*other.m2).zip(means) {
            *m2 = *m2 + other_m2;
            // Of no passes there is no mean, and a zero weight would make an infinite difference NaN.
            if !counts.contains(&0) {
                let difference = other_mean - mean;
                // In this order, no product overflows whose result would not.
                *m2 = *m2 + difference * weight * difference;
            }
        }
        mean::merge(counts, self.mean, other.mean);
        self.passes = self.passes.saturating_add(other.passes);
        Ok(())
    }

    /// T, the number of passes added.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The mean of each element.
    #[must_use]
    pub const fn mean(&self) -> &[N] {
        self.mean
    }

    /// The sum of each element's squared differences from its mean, for [`resume`](Self::resume).
    #[must_use]
    pub const fn m2(&self) -> &[N] {
        self.m2
    }

    /// The population variance, which divides by T: the paper's predictive variance without its second term, the noise
    /// of observations, which does not depend on the passes.
    #[must_use]
    pub fn population_variance(&self) -> impl ExactSizeIterator<Item = N> {
        self.m2_over(self.passes)
    }

    /// The sample variance, which divides by T - 1: the unbiased estimate of the variance over all masks.
    #[must_use]
    pub fn sample_variance(&self) -> impl ExactSizeIterator<Item = N> {
        self.m2_over(self.passes.saturating_sub(1))
    }

    fn m2_over(&self, divisor: u32) -> impl ExactSizeIterator<Item = N> {
        let divisor = N::nearest(divisor.into());
        self.m2.iter().map(move |&m2| m2 / divisor)
    }
}
