//! The same on a host, where nothing is counted.

use dropout_kernels::Error;
use firmware::monte_carlo::{Counter, Phase};

use crate::run;

struct Nothing;

impl Counter for Nothing {
    fn end_of(&mut self, _: Phase) {}
}

pub fn main() -> Result<(), Error> {
    for report in run(&mut Nothing)? {
        println!("{report}");
    }
    Ok(())
}
