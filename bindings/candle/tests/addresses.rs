//! Who counts: layers, calls, scopes, checkpoints.

mod common;

use std::collections::HashMap;

use candle_core::{DType, Device, ModuleT, Result, Tensor};
use candle_nn::{Linear, Optimizer, SGD, VarBuilder, VarMap, linear, loss};
use common::values;
use dropout_kernels_candle::{Address, Addresses, AlphaDropout, Dropout, Dropout2d};

fn ones() -> Tensor {
    Tensor::ones(1000, DType::F32, &Device::Cpu).unwrap()
}

#[test]
fn each_layer_and_each_call_has_its_own_address() -> Result<()> {
    let addresses = Addresses::new(42);
    let layers = addresses.scope(|| [Dropout::new(0.5), Dropout::new(0.5)]);
    let copy = layers[1].clone();
    for step in 0..3 {
        for (layer, dropout) in (0..).zip(&layers) {
            // Evaluation, and calls at a given address, do not count.
            dropout.forward(&ones(), false)?;
            let expected = dropout.forward_at(&ones(), Address { seed: 42, layer, step: 2 * step, offset: 0 })?;
            assert_eq!(values(&dropout.forward(&ones(), true)?), values(&expected));
            // A second call in the same training step. A clone is the same layer.
            let again = if layer == 1 { &copy } else { dropout };
            let expected = dropout.forward_at(&ones(), Address { seed: 42, layer, step: 2 * step + 1, offset: 0 })?;
            assert_eq!(values(&again.forward(&ones(), true)?), values(&expected));
        }
    }
    // Calls, kind and rate.
    let half = 0.5_f32.to_bits();
    assert_eq!(addresses.state()?.to_vec1::<u32>()?, [42, 0, 6, 0, half, 6, 0, half]);
    Ok(())
}

/// As a model's `forward` may make them.
#[test]
fn a_layer_that_is_gone_leaves_its_number_and_its_count() -> Result<()> {
    let addresses = Addresses::new(42);
    let expected = Dropout::new(0.5);
    addresses.scope(|| {
        let kept = Dropout::new(0.1);
        for step in 0..1000 {
            let made = Dropout::new(0.5);
            let copy = made.clone();
            drop(made);
            let y = copy.forward(&ones(), true)?;
            assert_eq!(values(&y), values(&expected.forward_at(&ones(), Address { seed: 42, layer: 1, step, offset: 0 })?));
        }
        assert_eq!(addresses.state()?.elem_count(), 2 + 3 * 2);
        assert_eq!((kept.layer(), AlphaDropout::new(0.5).layer()), (0, 1));
        // Which goes on where the run is resumed: a new process has not made it yet.
        let resumed = Addresses::new(0);
        let _kept = Dropout::new_in(0.1, &resumed);
        resumed.restore(&addresses.state()?)?;
        let again = Dropout::new_in(0.5, &resumed);
        assert_eq!(again.count()?, Address { seed: 42, layer: 1, step: 1000, offset: 0 });
        Ok(())
    })
}

#[test]
fn monte_carlo_passes_count_nothing() -> Result<()> {
    let addresses = Addresses::new(42);
    let layers = addresses.scope(|| [Dropout::new(0.5), Dropout::new(0.5)]);
    let of = |seed, layer, step| {
        Ok::<_, candle_core::Error>(values(&layers[0].forward_at(&ones(), Address { seed, layer, step, offset: 0 })?))
    };
    let next = |layer: u32| Ok::<_, candle_core::Error>(values(&layers[layer as usize].forward(&ones(), true)?));
    next(1)?;
    Addresses::monte_carlo(7, || {
        for step in 0..3 {
            assert_eq!((next(0)?, next(1)?), (of(7, 0, step)?, of(7, 1, step)?));
        }
        assert_eq!(Addresses::monte_carlo(8, || next(1))?, of(8, 1, 0)?);
        assert_eq!(next(1)?, of(7, 1, 3)?);
        Ok::<_, candle_core::Error>(())
    })?;
    assert_eq!((next(0)?, next(1)?), (of(42, 0, 0)?, of(42, 1, 1)?));
    Ok(())
}

#[test]
fn scopes_nest_and_end() {
    let (outer, inner) = (Addresses::new(1), Addresses::new(2));
    outer.scope(|| {
        let first = Dropout::new(0.5);
        assert_eq!(first.layer(), 0);
        assert_eq!(inner.scope(|| AlphaDropout::new(0.5)).layer(), 0);
        let panicked = std::panic::catch_unwind(|| inner.scope(|| panic!("in a scope")));
        panicked.unwrap_err();
        assert_eq!(Dropout::new(0.5).layer(), 1);
    });
    // Outside each has a source of its own, and a seed that others do not have.
    let [one, other] = [Dropout::new(0.5), Dropout::new(0.5)];
    assert_eq!((one.layer(), other.layer()), (0, 0));
    let seed = |dropout: &Dropout| dropout.addresses().state().unwrap().to_vec1::<u32>().unwrap()[..2].to_vec();
    assert_ne!(seed(&one), seed(&other));
}

#[test]
fn refuses_states_of_other_models() -> Result<()> {
    let addresses = Addresses::new(42);
    let dropout = Dropout::new_in(0.5, &addresses);
    let half = 0.5_f32.to_bits();
    let two_layers = [1, 2, 3, 0, half, 3, 0, half];
    for state in [&[1_u32, 2][..], &two_layers, &two_layers[..4], &[]] {
        addresses.restore(&Tensor::new(state, &Device::Cpu)?).unwrap_err();
        addresses.restore_counts(&Tensor::new(state, &Device::Cpu)?).unwrap_err();
    }
    addresses.restore(&Tensor::new(&[1_f32, 2.0, 3.0, 0.0, 0.0], &Device::Cpu)?).unwrap_err();
    assert_eq!(addresses.state()?.to_vec1::<u32>()?, [42, 0, 0, 0, half]);
    addresses.restore_counts(&Tensor::new(&[1_u32, 2, 3, 0, half], &Device::Cpu)?)?;
    assert_eq!(dropout.count()?, Address { seed: 42, layer: 0, step: 3, offset: 0 });
    addresses.restore(&Tensor::new(&[1_u32, 2, u32::MAX, 0, half], &Device::Cpu)?)?;
    let error = dropout.forward(&ones(), true).unwrap_err().to_string();
    assert!(error.starts_with("layer 0 has had all of its 2^32 - 1 training calls"), "{error}");
    Ok(())
}

#[test]
fn refuses_layers_that_have_changed_places() -> Result<()> {
    let state = |make: fn()| {
        let addresses = Addresses::new(0);
        addresses.scope(make);
        addresses
    };
    // Leaked: layers that stay.
    let forget = |layers: [Dropout; 2]| std::mem::forget(layers);
    let one = Addresses::new(1);
    one.scope(|| forget([Dropout::new(0.1), Dropout::new(0.5)]));
    let other = Addresses::new(2);
    other.scope(|| forget([Dropout::new(0.5), Dropout::new(0.1)]));
    let error = other.restore(&one.state()?).unwrap_err().to_string();
    assert!(
        error.starts_with("layer 0 of the state is dropout with drop_p = 0.1: expected dropout with drop_p = 0.5"),
        "{error}"
    );
    let kinds = state(|| std::mem::forget((Dropout2d::new(0.1), Dropout::new(0.5))));
    let error = kinds.restore(&one.state()?).unwrap_err().to_string();
    assert!(error.contains("expected dropout2d with drop_p = 0.1"), "{error}");
    let fewer = state(|| std::mem::forget(Dropout::new(0.1)));
    let error = fewer.restore(&one.state()?).unwrap_err().to_string();
    assert!(error.starts_with("layer 1 of the state is dropout with drop_p = 0.5: expected none"), "{error}");
    Ok(())
}

struct Net {
    layers: [Linear; 2],
    dropouts: [Dropout; 2],
}

impl Net {
    fn new(vars: &VarBuilder) -> Result<Self> {
        let layers = [linear(8, 32, vars.pp("hidden"))?, linear(32, 1, vars.pp("out"))?];
        Ok(Self { layers, dropouts: [Dropout::new(0.1), Dropout::new(0.5)] })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.dropouts[0].forward_t(x, true)?.apply(&self.layers[0])?.relu()?;
        // Twice in one step.
        let x = (self.dropouts[1].forward_t(&x, true)? + self.dropouts[1].forward_t(&x, true)?)?;
        x.apply(&self.layers[1])
    }
}

/// A run, with all that a checkpoint has to hold.
struct Run {
    vars: VarMap,
    addresses: Addresses,
    net: Net,
}

impl Run {
    fn new(seed: u64) -> Result<Self> {
        let (vars, addresses) = (VarMap::new(), Addresses::new(seed));
        let builder = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let net = addresses.scope(|| Net::new(&builder))?;
        Ok(Self { vars, addresses, net })
    }

    fn train(&self, steps: usize) -> Result<()> {
        let x = Tensor::arange(0_f32, 128.0, &Device::Cpu)?.reshape((16, 8))?.sin()?;
        let y = x.sum_keepdim(1)?;
        let mut optimizer = SGD::new(self.vars.all_vars(), 0.01)?;
        (0..steps).try_for_each(|_| optimizer.backward_step(&loss::mse(&self.net.forward(&x)?, &y)?))
    }

    fn checkpoint(&self) -> Result<HashMap<String, Tensor>> {
        let vars = self.vars.data().lock().unwrap();
        let mut tensors: HashMap<_, _> =
            vars.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor().copy().unwrap())).collect();
        tensors.insert("dropout".into(), self.addresses.state()?);
        Ok(tensors)
    }
}

#[test]
fn a_resumed_run_ends_as_one_that_was_not_interrupted() -> Result<()> {
    let file = std::env::temp_dir().join(format!("dropout-kernels-candle-{}.safetensors", std::process::id()));
    let first = Run::new(42)?;
    first.train(10)?;
    first.addresses.save(&first.vars, &file)?;
    first.train(10)?;

    let resume = |with_addresses: bool| {
        let mut resumed = Run::new(0)?; // with other variables and another seed
        if with_addresses {
            resumed.addresses.load(&mut resumed.vars, &file)?;
        } else {
            resumed.vars.load(&file)?;
        }
        resumed.train(10)?;
        resumed.checkpoint()
    };
    let (end, resumed, without) = (first.checkpoint()?, resume(true)?, resume(false)?);
    std::fs::remove_file(file)?;
    assert_eq!(end["dropout"].to_vec1::<u32>()?, [42, 0, 20, 0, 0.1_f32.to_bits(), 40, 0, 0.5_f32.to_bits()]);
    assert_eq!(end.len(), 5);
    for (name, tensor) in &end {
        assert_eq!(values(&resumed[name]), values(tensor), "{name}");
        assert_ne!(values(&without[name]), values(tensor), "{name}: the test would not see other masks");
    }
    Ok(())
}

#[test]
fn a_checkpoint_of_another_model_changes_nothing() -> Result<()> {
    let file = std::env::temp_dir().join(format!("dropout-kernels-candle-other-{}.safetensors", std::process::id()));
    let mut run = Run::new(42)?;
    run.train(3)?;
    let before = run.checkpoint()?;
    // One without a state, one with layers that are others, and one with other variables.
    run.vars.save(&file)?;
    run.addresses.load(&mut run.vars, &file).unwrap_err();
    let others = Addresses::new(1);
    let _dropout = Dropout::new_in(0.5, &others);
    others.save(&run.vars, &file)?;
    run.addresses.load(&mut run.vars, &file).unwrap_err();
    let same_layers = Addresses::new(1);
    let _dropouts = same_layers.scope(|| [Dropout::new(0.1), Dropout::new(0.5)]);
    same_layers.save(&VarMap::new(), &file)?;
    run.addresses.load(&mut run.vars, &file).unwrap_err();
    for (name, tensor) in &run.checkpoint()? {
        assert_eq!(values(tensor), values(&before[name]), "{name}");
    }

    let vars = VarMap::new();
    vars.get(1, "dropout", candle_nn::init::ZERO, DType::F32, &Device::Cpu)?;
    let error = run.addresses.save(&vars, &file).unwrap_err().to_string();
    assert!(error.starts_with("a variable named `dropout`"), "{error}");
    std::fs::remove_file(file)?;
    Ok(())
}
