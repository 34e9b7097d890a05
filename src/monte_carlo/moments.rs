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
/// A mean and a variance are right wherever they are finite numbers themselves, however far the outputs lie apart. A
/// variance above the largest finite number is infinite, and what is below the smallest one is lost.
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
    /// Whether no output so far was so large that a sum can overflow.
    is_moderate: bool,
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
        // Twice the largest moderate number, squared, for each pass.
        let most = N::MODERATE * N::nearest(4.0 * f64::from(passes));
        let is_one = |mean, m2| is_moderate(mean) && N::ZERO <= m2 && m2 <= most;
        let is_moderate = mean.iter().zip(&*m2).fold(true, |so_far, (&mean, &m2)| so_far & is_one(mean, m2));
        Ok(Self { passes, mean, m2, is_moderate })
    }

    /// Adds the output of one pass.
    ///
    /// # Errors
    /// [`Error::Length`] unless `y` is as long as the mean. Nothing is then added.
    pub fn add<E: Copy + Into<N>>(&mut self, y: &[E]) -> Result<(), Error> {
        check_length("y", self.mean.len(), y.len())?;
        self.passes = self.passes.saturating_add(1);
        let passes = N::nearest(self.passes.into());
        self.is_moderate &= y.iter().fold(true, |so_far, &y| so_far & is_moderate(y.into()));
        let elements = y.iter().map(|&y| y.into()).zip(&mut *self.mean).zip(&mut *self.m2);
        // By itself, so that it is compiled to vectors.
        if self.is_moderate {
            for ((y, mean), m2) in elements {
                (*mean, *m2) = plain(y, *mean, *m2, passes);
            }
        } else {
            for ((y, mean), m2) in elements {
                (*mean, *m2) = added(y, *mean, *m2, passes);
            }
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
            *m2 = match counts {
                // Of no passes there is no mean.
                [_, 0] => *m2,
                [0, _] => other_m2,
                _ => merged([*m2, other_m2], [mean, other_mean], weight),
            };
        }
        mean::merge(counts, self.mean, other.mean);
        self.passes = self.passes.saturating_add(other.passes);
        self.is_moderate &= other.is_moderate;
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

    /// The sum of each element's squared differences from its mean, for [`resume`](Self::resume). A sum above the largest
    /// finite number, whose variance need not be, is given as its negative, over 2^64.
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
        self.m2.iter().map(move |&m2| match m2 {
            _ if divisor == N::ZERO => N::ZERO / divisor,
            m2 if m2 < N::ZERO => (N::ZERO - m2) / divisor / N::nearest(LARGE_UNIT),
            m2 => m2 / divisor,
        })
    }
}

/// Sums above the largest finite number count 2^64, which leaves room for 2^32 variances. They have a minus sign, which no
/// other sum has.
const LARGE_UNIT: f64 = ROOT * ROOT;
const ROOT: f64 = 1.0 / 4_294_967_296.0;

/// Whether a number is one of those of which no sum of squares overflows. (Not so of NaN.)
#[inline(always)]
fn is_moderate<N: Number>(x: N) -> bool {
    x * x < N::MODERATE
}

/// The mean and the sum of squares with one more value, if nothing overflows.
#[inline(always)]
fn plain<N: Number>(y: N, mean: N, m2: N, passes: N) -> (N, N) {
    let before = y - mean;
    let mean = mean + before / passes;
    (mean, m2 + before * (y - mean))
}

/// The same of any values.
fn added<N: Number>(y: N, mean: N, m2: N, passes: N) -> (N, N) {
    let (next, sum) = plain(y, mean, m2, passes);
    if next.is_finite() && sum.is_finite() && m2 >= N::ZERO {
        return (next, sum);
    }
    let next = mean::updated(mean, y, passes);
    (next, large([m2], scaled_difference(y, mean) * scaled_difference(y, next)))
}

/// The sum of squares of two groups of passes.
fn merged<N: Number>([m2, other_m2]: [N; 2], [mean, other_mean]: [N; 2], weight: N) -> N {
    let difference = other_mean - mean;
    // In this order, no product overflows whose result would not.
    let sum = m2 + other_m2 + difference * weight * difference;
    if sum.is_finite() && m2 >= N::ZERO && other_m2 >= N::ZERO {
        return sum;
    }
    let difference = scaled_difference(other_mean, mean);
    large([m2, other_m2], difference * weight * difference)
}

/// Sums of squares plus a term that counts as large ones do, as a large sum.
#[cold]
fn large<N: Number, const SUMS: usize>(sums: [N; SUMS], term: N) -> N {
    let negative = |m2| if m2 < N::ZERO { m2 } else { N::ZERO - m2 * N::nearest(LARGE_UNIT) };
    sums.into_iter().map(negative).fold(N::ZERO - term, |total, m2| total + m2)
}

/// The magnitude of `x - mean` times [`ROOT`], so that its square counts as large sums do. Infinite if either is.
fn scaled_difference<N: Number>(x: N, mean: N) -> N {
    let root = N::nearest(ROOT);
    let difference = x * root - mean * root;
    if difference.is_nan() && !x.is_nan() && !mean.is_nan() {
        N::nearest(f64::INFINITY)
    } else if difference < N::ZERO {
        N::ZERO - difference
    } else {
        difference
    }
}
