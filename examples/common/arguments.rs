//! The command lines of the examples.

use std::error::Error;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use dropout_kernels::Rate;
use pico_args::Keys;

/// What is left of a command line. Each option has a default.
pub struct Arguments(pico_args::Arguments);

/// The `main` of an example: prints `help` if that is asked for, else calls `run` with the options that `parse` has read. It ends an
/// error in words, not in Rust's debug notation as if `main` returned it.
pub fn main<T>(
    help: &str,
    parse: impl FnOnce(&mut Arguments) -> Result<T, Box<dyn Error>>,
    run: impl FnOnce(&T) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let mut arguments = Arguments(pico_args::Arguments::from_env());
    if arguments.flag(["-h", "--help"]) {
        println!("{help}");
        return ExitCode::SUCCESS;
    }
    match parse(&mut arguments).and_then(|options| arguments.finish().and_then(|()| run(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    pub fn flag(&mut self, name: impl Into<Keys>) -> bool {
        self.0.contains(name)
    }

    pub fn value<T: FromStr<Err: Display>>(&mut self, name: impl Into<Keys>, default: T) -> Result<T, Box<dyn Error>> {
        Ok(self.0.opt_value_from_str(name)?.unwrap_or(default))
    }

    pub fn rate(&mut self, name: impl Into<Keys>, default: f64) -> Result<Rate, Box<dyn Error>> {
        Ok(Rate::new(self.value(name, default)?)?)
    }

    /// Numbers with commas between them. The default is none.
    pub fn list(&mut self, name: impl Into<Keys>) -> Result<Vec<usize>, Box<dyn Error>> {
        let numbers = |list: &str| list.split(',').map(str::parse).collect::<Result<_, _>>();
        Ok(self.0.opt_value_from_fn(name, numbers)?.unwrap_or_default())
    }

    /// The file that a picture goes to. The default is a file of the build directory.
    pub fn output(&mut self, default: &str) -> Result<PathBuf, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the examples lie in no directory")?;
        let output = self.0.opt_value_from_os_str(["-o", "--output"], |file| Ok::<_, String>(PathBuf::from(file)))?;
        Ok(output.unwrap_or_else(|| root.join("target").join(default)))
    }

    /// An argument without a name: to be read after all that have one.
    pub fn positional<T>(&mut self, name: &str, read: fn(&str) -> Result<T, String>) -> Result<T, Box<dyn Error>> {
        Ok(self.0.opt_free_from_fn(read)?.ok_or_else(|| format!("missing {name}: see --help"))?)
    }

    fn finish(self) -> Result<(), Box<dyn Error>> {
        match self.0.finish().first() {
            None => Ok(()),
            Some(unknown) => Err(format!("unexpected argument {}: see --help", unknown.display()).into()),
        }
    }
}
