//! Outputs as memory that need not be initialised.
#![expect(unsafe_code, reason = "the way back to elements")]

use std::mem::MaybeUninit;

/// Gives a call the output as memory. What the call does not write stays as it is.
pub fn as_memory<T: Copy, R>(output: &mut [T], call: impl FnOnce(&mut [MaybeUninit<T>]) -> R) -> R {
    let mut memory: Vec<_> = output.iter().copied().map(MaybeUninit::new).collect();
    let result = call(&mut memory);
    for (output, memory) in output.iter_mut().zip(memory) {
        // SAFETY: initialised above.
        *output = unsafe { memory.assume_init() };
    }
    result
}
