//! Work on threads: cut in two, and the halves again, as long as that pays.

/// Elements, decisions or bits below which a part is not worth handing to another thread: some ten microseconds of work.
pub(crate) const GRAIN: usize = 1 << 17;

/// The threads that work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// The calling one.
    One,
    /// Those of rayon's pool.
    #[cfg(feature = "rayon")]
    All,
}

impl Threads {
    /// Runs `part` on the whole or, on all threads, on those parts that `halves` gives back as they were. By pointers, as a
    /// copy of what rayon needs for each kernel would be a fifth of the library.
    #[cfg_attr(not(feature = "rayon"), expect(unused_variables, reason = "one thread has the whole"))]
    pub(crate) fn run<T: Send>(self, whole: T, halves: &(dyn Fn(T) -> Result<[T; 2], T> + Sync), part: &(dyn Fn(T) + Sync)) {
        match self {
            Self::One => part(whole),
            #[cfg(feature = "rayon")]
            Self::All => match halves(whole) {
                Ok([first, second]) => {
                    rayon::join(|| self.run(first, halves, part), || self.run(second, halves, part));
                }
                Err(whole) => part(whole),
            },
        }
    }
}
