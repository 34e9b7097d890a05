//! Trains a small network with dropout, stops halfway, and goes on from the checkpoint: `cargo run --example train`.
//! The run that was interrupted ends where one that was not does, bit for bit.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{Linear, Optimizer, SGD, VarBuilder, VarMap, linear, loss};
use dropout_kernels_candle::{Addresses, Dropout}; // the one line that `use candle_nn::Dropout` becomes

struct Net {
    hidden: Linear,
    out: Linear,
    dropout: Dropout,
}

impl Net {
    fn new(vars: &VarBuilder) -> Result<Self> {
        Ok(Self { hidden: linear(2, 64, vars.pp("hidden"))?, out: linear(64, 2, vars.pp("out"))?, dropout: Dropout::new(0.2) })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = x.apply(&self.hidden)?.relu()?;
        self.dropout.forward(&x, train)?.apply(&self.out)
    }
}

/// A network, and all that a checkpoint of it holds.
struct Run {
    net: Net,
    vars: VarMap,
    addresses: Addresses,
}

impl Run {
    fn new(seed: u64) -> Result<Self> {
        let (vars, addresses) = (VarMap::new(), Addresses::new(seed));
        let builder = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        // All that is new outside of the network: in this scope `Dropout::new` takes its addresses from this source.
        let net = addresses.scope(|| Net::new(&builder))?;
        Ok(Self { net, vars, addresses })
    }

    fn train(&self, steps: usize) -> Result<()> {
        let (x, classes) = ring()?;
        let mut optimizer = SGD::new(self.vars.all_vars(), 0.5)?;
        (0..steps).try_for_each(|_| optimizer.backward_step(&loss::cross_entropy(&self.net.forward(&x, true)?, &classes)?))
    }

    fn accuracy(&self) -> Result<f32> {
        let (x, classes) = ring()?;
        let right = self.net.forward(&x, false)?.argmax(D::Minus1)?.eq(&classes)?;
        right.to_dtype(DType::F32)?.mean_all()?.to_scalar()
    }

    fn weights(&self) -> Result<Vec<f32>> {
        self.net.out.weight().flatten_all()?.to_vec1()
    }
}

/// Points of a 16 x 16 grid, of class 1 where they are on a ring.
fn ring() -> Result<(Tensor, Tensor)> {
    let axis = Tensor::arange(0_f32, 16.0, &Device::Cpu)?.affine(1.0 / 8.0, -15.0 / 16.0)?;
    let points = Tensor::stack(&Tensor::meshgrid(&[&axis, &axis], false)?, 2)?.reshape((256, 2))?;
    let radius = points.sqr()?.sum(1)?;
    Ok((points, (radius.gt(0.2)?.to_dtype(DType::U32)? * radius.lt(0.7)?.to_dtype(DType::U32)?)?))
}

fn main() -> Result<()> {
    let file = std::env::temp_dir().join(format!("dropout-kernels-{}.safetensors", std::process::id()));

    let whole = Run::new(42)?;
    whole.train(300)?;
    whole.addresses.save(&whole.vars, &file)?;
    println!("after 300 steps: accuracy {:.3}, addresses {}", whole.accuracy()?, whole.addresses.state()?);
    whole.train(300)?;
    println!("after 600 steps: accuracy {:.3}", whole.accuracy()?);

    let mut resumed = Run::new(0)?; // what else a new process would have
    resumed.addresses.load(&mut resumed.vars, &file)?;
    resumed.train(300)?;
    println!(
        "resumed at 300:  accuracy {:.3}, the same weights: {}",
        resumed.accuracy()?,
        resumed.weights()? == whole.weights()?
    );
    std::fs::remove_file(file)?;
    Ok(())
}
