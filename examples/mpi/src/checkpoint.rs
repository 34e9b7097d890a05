//! A file of all that a run goes on from. Of dropout there are two numbers in it: the seed and the step.

use std::error::Error;
use std::fs;
use std::path::Path;

use common::data::{CLASSES, PIXELS};
use common::linear::{Linear, Parameters, Trainable};
use ndarray::{Array1, Array2};

use crate::model::{Model, Step};

/// Writes the file beside an older one, and then takes its place, so that there is a whole one at any time.
pub fn save(file: &Path, next: Step, model: &Model) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    bytes.extend(next.seed.to_le_bytes());
    bytes.extend(next.number.to_le_bytes());
    for Linear { trainable: Trainable { parameters, velocity } } in [&model.hidden, &model.output] {
        for Parameters { weights, bias } in [parameters, velocity] {
            bytes.extend(weights.iter().chain(bias).flat_map(|x| x.to_le_bytes()));
        }
    }
    let new = file.with_extension("new");
    let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, file));
    written.map_err(|error| format!("{}: {error}", file.display()).into())
}

/// What [`save`] has written, of a network with as many units in its hidden layer.
pub fn load(file: &Path, width: usize) -> Result<(Step, Model), Box<dyn Error>> {
    let bytes = fs::read(file)?;
    let floats = |inputs: usize, outputs: usize| 2 * (inputs + 1) * outputs;
    let expected = 12 + 4 * (floats(PIXELS, width) + floats(width, CLASSES));
    if bytes.len() != expected {
        return Err(format!("{}: {} bytes, expected {expected}", file.display(), bytes.len()).into());
    }
    let mut bytes = bytes.into_iter();
    let step = Step { seed: u64::from_le_bytes(take(&mut bytes)), number: u32::from_le_bytes(take(&mut bytes)) };
    let mut parameters = |inputs, outputs| Parameters {
        weights: Array2::from_shape_simple_fn((inputs, outputs), || f32::from_le_bytes(take(&mut bytes))),
        bias: Array1::from_shape_simple_fn(outputs, || f32::from_le_bytes(take(&mut bytes))),
    };
    let [hidden, output] = [(PIXELS, width), (width, CLASSES)].map(|(inputs, outputs)| Linear {
        trainable: Trainable { parameters: parameters(inputs, outputs), velocity: parameters(inputs, outputs) },
    });
    Ok((step, Model { hidden, output }))
}

/// The next bytes of a file that is long enough.
fn take<const N: usize>(bytes: &mut impl Iterator<Item = u8>) -> [u8; N] {
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}
