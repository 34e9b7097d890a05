//! The committed header is the one that the sources make. `UPDATE_HEADER=1 cargo test` writes it.

use std::{env, fs};

#[test]
fn the_header_is_current() {
    let package = env!("CARGO_MANIFEST_DIR");
    let mut made = Vec::new();
    cbindgen::generate(package).expect("the sources are read").write(&mut made);
    let path = format!("{package}/include/dropout_kernels.h");
    if env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &made).expect("the header is written");
    }
    let committed = fs::read(&path).expect("there is a header");
    assert!(made == committed, "bindings/c/include/dropout_kernels.h is not current: UPDATE_HEADER=1 cargo test");
}
