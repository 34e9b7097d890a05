//! The mask: that it is the contract's, on every backend, wherever it is cut; and what it is made of, rates and the generator.

mod backends;
mod carries;
mod ends;
mod exhaustive;
mod generator;
mod rate;
mod statistics;
mod vectors;
