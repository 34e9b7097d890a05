//! Running means, and the mean of two groups of passes.

use super::Number;

/// The mean of `count` values, given their last one and the mean of all others.
pub(super) fn updated<N: Number>(mean: N, last: N, count: N) -> N {
    mean + (last - mean) / count
}

/// Makes means of the `first` passes those of `first` and `second` ones, given the means of the latter.
///
/// This starts from the mean of more passes, so that half of the difference counts at most, and of its roundings. From
/// the mean of fewer, merges could lose more than passes that are added one by one.
pub(super) fn merge<N: Number>([first, second]: [u32; 2], means: &mut [N], others: &[N]) {
    let [count, other_count] = [first, second].map(f64::from);
    let share = N::nearest(count.min(other_count) / (count + other_count));
    for (mean, &other) in means.iter_mut().zip(others) {
        *mean = match [first, second] {
            [_, 0] => *mean,
            [0, _] => other,
            _ if first < second => other + (*mean - other) * share,
            _ => *mean + (other - *mean) * share,
        };
    }
}
