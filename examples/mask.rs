//! Prints a mask as a string of K(eep) and D(rop): `mask SEED LAYER STEP P FIRST COUNT`.
//!
//! Numbers are decimal or, after `0x`, hexadecimal.

use std::process::ExitCode;

use dropout_kernels::{Address, Mask, Rate};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match mask(&arguments) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}\nusage: mask SEED LAYER STEP P FIRST COUNT");
            ExitCode::FAILURE
        }
    }
}

fn mask(arguments: &[String]) -> Result<String, String> {
    let [seed, layer, step, p, first, count] = arguments else {
        return Err(format!("expected 6 arguments, got {}", arguments.len()));
    };
    let rate = Rate::new(p.parse().map_err(|error| format!("P {p}: {error}"))?).map_err(|error| error.to_string())?;
    let address = Address {
        seed: integer("SEED", seed)?,
        layer: integer("LAYER", layer)?,
        step: integer("STEP", step)?,
        offset: integer("FIRST", first)?,
    };
    let mut keep = vec![false; integer("COUNT", count)?];
    Mask::new(rate, address).bools(&mut keep).map_err(|error| error.to_string())?;
    Ok(keep.iter().map(|&keep| if keep { 'K' } else { 'D' }).collect())
}

fn integer<T: TryFrom<u64>>(name: &str, text: &str) -> Result<T, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let value = parsed.map_err(|error| format!("{name} {text}: {error}"))?;
    T::try_from(value).map_err(|_| format!("{name} {text}: too large"))
}
