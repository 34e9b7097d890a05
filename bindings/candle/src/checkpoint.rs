//! Variables and addresses in one file.

use std::collections::HashMap;
use std::path::Path;

use candle_core::safetensors::{self, SliceSafetensors};
use candle_core::{Device, Result, Tensor, bail};
use candle_nn::VarMap;

use crate::addresses::Addresses;

/// The name of the state among those of variables.
const STATE: &str = "dropout";

impl Addresses {
    /// Writes variables, and the [state](Self::state) under the name `dropout`, to one file of safetensors. Of a run, the
    /// state of the optimizer is missing then, and the place in the data: a loader that shuffles starts anew.
    ///
    /// # Errors
    /// If a variable has the name `dropout`; those of candle.
    ///
    /// # Panics
    /// If a thread has panicked while it held the variables.
    pub fn save(&self, vars: &VarMap, file: impl AsRef<Path>) -> Result<()> {
        let vars = vars.data().lock().unwrap();
        let mut tensors: HashMap<&str, Tensor> = vars.iter().map(|(name, var)| (&**name, var.as_tensor().clone())).collect();
        if tensors.insert(STATE, self.state()?).is_some() {
            bail!("a variable named `{STATE}`: expected another name, as this is that of the state of dropout");
        }
        safetensors::save(&tensors, file)
    }

    /// Takes variables and the state from a file of [`save`](Self::save), after the same model has been built.
    ///
    /// # Errors
    /// If the file has no state, or not one of these layers: then nothing has changed. Those of
    /// [`VarMap::load`], after which some variables may have changed.
    pub fn load(&self, vars: &mut VarMap, file: impl AsRef<Path>) -> Result<()> {
        let file = file.as_ref();
        let bytes = std::fs::read(file)?;
        let before = self.state()?;
        self.restore(&SliceSafetensors::new(&bytes)?.load(STATE, &Device::Cpu)?)?;
        vars.load(file).or_else(|error| self.restore(&before).and(Err(error)))
    }
}
