//! The fuzz targets' checks, with the oracles of the library's own tests.

pub mod checks;
#[path = "../../tests/common/mod.rs"]
pub mod common;
