//! Calls that must err, and leave their output alone.

use dropout_kernels::{Backend, Error};

/// A call that must err: given a backend and an output to leave alone.
pub type Call<T> = fn(Backend, &mut [T]) -> Result<(), Error>;

/// Asserts the error of each call on an output of so many elements, each part of its message, and that the output is as it was.
pub fn refuse<T: Copy + PartialEq>(backend: Backend, canary: T, table: &[(usize, Call<T>, Error, [&str; 3])]) {
    for (row, (len, call, error, message)) in table.iter().enumerate() {
        let mut output = vec![canary; *len];
        assert_eq!(call(backend, &mut output), Err(*error), "row {row}");
        assert!(output.iter().all(|x| *x == canary), "row {row} wrote before {error:?}");
        assert_says(*error, message);
    }
}

/// The message names the argument, its value, and what was expected.
pub fn assert_says(error: Error, message: &[&str]) {
    let text = error.to_string();
    assert!(message.iter().all(|part| text.contains(part)), "{text:?} has not all of {message:?}");
}
