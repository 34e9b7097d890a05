//! Running means, and the mean of two groups of passes.

use super::Number;

/// The mean of `count` values, given their last one and the mean of all others.
pub(super) fn updated<N: Number>(mean: N, last: N, count: N) -> N {
    moved(mean, last, |difference| difference / count)
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
            _ if first < second => moved(other, *mean, |difference| difference * share),
            _ => moved(*mean, other, |difference| difference * share),
        };
    }
}

/// A mean that moves to another value by `part` of the difference: half of it at most, or from no passes all of it.
fn moved<N: Number>(mean: N, to: N, part: impl Fn(N) -> N) -> N {
    let moved = mean + part(to - mean);
    if moved.is_finite() { moved } else { moved_far(mean, to, part) }
}

/// The same if it is not finite, or the difference is not.
#[cold]
fn moved_far<N: Number>(mean: N, to: N, part: impl Fn(N) -> N) -> N {
    let half = N::nearest(0.5);
    match [mean, to].map(N::is_finite) {
        [true, true] => mean + part(to * half - mean * half) / half,
        _ if to.is_nan() => to,
        [true, false] => to,
        [false, _] => mean,
    }
}
