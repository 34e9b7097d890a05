//! Gives the shared library its SONAME, by which programs find it wherever it is installed.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let elf = ["android", "dragonfly", "freebsd", "linux", "netbsd", "openbsd"];
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| elf.contains(&os.as_str())) {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdropout_kernels_c.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
    }
}
