//! The version, for the preprocessor and for programs that look at the library that they found.

/// The first number of the version.
pub const DK_VERSION_MAJOR: u32 = 0;
/// The second one. Before 1.0 it is new when programs have to be compiled again.
pub const DK_VERSION_MINOR: u32 = 1;
/// The third one.
pub const DK_VERSION_PATCH: u32 = 0;

/// The version in one number, to be compared: 0x000100 is 0.1.0.
pub const DK_VERSION: u32 = (DK_VERSION_MAJOR << 16) | (DK_VERSION_MINOR << 8) | DK_VERSION_PATCH;

// cbindgen writes numbers, not what Cargo says.
const _: () = assert!(same(env!("CARGO_PKG_VERSION_MAJOR"), DK_VERSION_MAJOR));
const _: () = assert!(same(env!("CARGO_PKG_VERSION_MINOR"), DK_VERSION_MINOR));
const _: () = assert!(same(env!("CARGO_PKG_VERSION_PATCH"), DK_VERSION_PATCH));

const fn same(decimal: &str, number: u32) -> bool {
    matches!(u32::from_str_radix(decimal, 10), Ok(parsed) if parsed == number)
}

/// The `DK_VERSION` of the library, which is that of the header if both were installed together.
#[unsafe(no_mangle)]
pub extern "C" fn dk_version() -> u32 {
    DK_VERSION
}
