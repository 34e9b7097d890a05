//! Gives the shared library its SONAME, by which programs find it wherever it is installed.

const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");
const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let elf = ["android", "dragonfly", "freebsd", "linux", "netbsd", "openbsd"];
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| elf.contains(&os.as_str())) {
        // Before 1.0, programs have to be compiled again when the second number is new.
        let abi = if MAJOR == "0" { format!("0.{MINOR}") } else { MAJOR.to_string() };
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdropout_kernels_c.so.{abi}");
    }
}
