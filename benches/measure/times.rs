//! A time that repeats, even on a machine that has other things to do.
#![expect(clippy::cast_precision_loss, reason = "lengths below 2^53 are exact")]

use std::fmt;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use super::{Point, Slices};

/// Short enough for some samples to run undisturbed. A single call may take longer.
const SAMPLE: Duration = Duration::from_micros(50);

const SAMPLES_TO_WARM_UP: u32 = 40;

/// Before each sample, to put back in the cache what the task before displaced. After one call the third-level cache has not
/// settled yet.
const CALLS_TO_WARM_CACHE: u32 = 3;

/// All samples of one row, unless the fewest rounds take longer.
const ROUNDS: Duration = Duration::from_millis(80);

const FEWEST_ROUNDS: u32 = 11;

/// Tensors of at least as many elements fit no cache, and take so long that no call runs undisturbed.
const LARGE: usize = 1 << 22;

/// Gives seconds.
pub type Clock = fn() -> f64;

pub fn wall_time() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

/// How long this thread has had a CPU. Other processes do not count, but reading it takes a microsecond.
fn thread_time() -> f64 {
    ThreadTime::now().as_duration().as_secs_f64()
}

/// Nanoseconds an element.
pub struct Times {
    pub operation: f64,
    pub floor: f64,
    pub memcpy: f64,
}

impl Times {
    /// For an operation on this thread alone.
    pub fn measure(slices: &mut Slices, operation: impl FnMut(&mut Slices, u32), floor: fn(&mut Slices, f32)) -> Self {
        let clock = if slices.x.len() < LARGE { wall_time } else { thread_time };
        Self::measure_by(clock, slices, operation, floor)
    }

    /// Lets an operation, its floor and memcpy take turns, and takes the shortest sample of each. On two CPUs that ten processes
    /// competed for, the ratios of these minima repeated better than those of any higher quantile and than the median of each
    /// round's ratios.
    pub fn measure_by(
        clock: Clock,
        slices: &mut Slices,
        mut operation: impl FnMut(&mut Slices, u32),
        floor: fn(&mut Slices, f32),
    ) -> Self {
        let mut step = 0;
        let mut tasks: [&mut dyn FnMut(&mut Slices); 3] = [
            // Each call is a training step of its own, so that no branch learns a mask.
            &mut |slices| {
                step += 1;
                operation(slices, step);
            },
            // Times 1, or what is scaled in place again and again would leave the range of floats.
            &mut |slices| floor(slices, black_box(1.0)),
            &mut |slices| slices.y.copy_from_slice(&slices.x),
        ];
        let calls = tasks.each_mut().map(|task| {
            let (start, mut calls) = (Instant::now(), 0);
            while start.elapsed() < SAMPLE * SAMPLES_TO_WARM_UP {
                task(black_box(slices));
                calls += 1;
            }
            calls / SAMPLES_TO_WARM_UP + 1
        });
        let mut shortest = [f64::INFINITY; 3];
        let (start, mut rounds) = (Instant::now(), 0);
        while start.elapsed() < ROUNDS || rounds < FEWEST_ROUNDS {
            for ((task, &calls), shortest) in tasks.iter_mut().zip(&calls).zip(&mut shortest) {
                if slices.x.len() < LARGE {
                    (0..CALLS_TO_WARM_CACHE).for_each(|_| task(slices));
                }
                let start = clock();
                for _ in 0..calls {
                    task(black_box(slices));
                }
                *shortest = shortest.min((clock() - start) / f64::from(calls));
            }
            rounds += 1;
        }
        let [operation, floor, memcpy] = shortest.map(|seconds| seconds * 1e9 / slices.x.len() as f64);
        Self { operation, floor, memcpy }
    }
}

/// One line of the results.
pub struct Row {
    pub point: Point,
    pub times: Times,
}

impl Row {
    pub const HEADER: &str = "op                    backend   type         n    p   ns/element   / floor  / memcpy";

    pub fn ratio_to_floor(&self) -> f64 {
        self.times.operation / self.times.floor
    }

    pub fn ratio_to_memcpy(&self) -> f64 {
        self.times.operation / self.times.memcpy
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (ns, floor, memcpy) = (self.times.operation, self.ratio_to_floor(), self.ratio_to_memcpy());
        write!(f, "{}  {ns:>11.4}  {floor:>8.2}  {memcpy:>8.2}", self.point)
    }
}
