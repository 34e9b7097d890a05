//! Trains a small network with dropout, stops halfway, and goes on from the record: `cargo run --example train`. The run
//! that was interrupted ends where one that was not does, bit for bit.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::{Device, Int, Tensor, activation::relu};
use dropout_kernels_burn::{Addresses, Dropout, DropoutConfig}; // the last two, from `burn::nn` before

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    out: Linear,
    dropout: Dropout,
}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            hidden: LinearConfig::new(2, 64).init(device),
            out: LinearConfig::new(64, 2).init(device),
            dropout: DropoutConfig::new(0.2).init(),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.out.forward(self.dropout.forward(relu(self.hidden.forward(x))))
    }

    fn train_for(mut self, steps: usize, device: &Device) -> Self {
        let (x, classes) = ring(device);
        let loss = CrossEntropyLossConfig::new().init(device);
        let mut optimizer = SgdConfig::new().init();
        for _ in 0..steps {
            let gradients = loss.forward(self.forward(x.clone()), classes.clone()).backward();
            let gradients = GradientsParams::from_grads(gradients, &self);
            self = optimizer.step(0.5, self, gradients);
        }
        self
    }

    fn accuracy(&self) -> f32 {
        let device = Device::flex();
        let (x, classes) = ring(&device);
        let guesses = self.valid().forward(x).argmax(1).flatten(0, 1);
        guesses.equal(classes).float().mean().into_scalar()
    }

    fn weights(&self) -> Vec<f32> {
        self.out.weight.val().into_data().iter().collect()
    }
}

/// Points of a 16 x 16 grid, of class 1 where they are on a ring.
fn ring(device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let axis = Tensor::<1, Int>::arange(0..16, device).float() / 8.0 - 15.0 / 16.0;
    let [x, y] = [axis.clone().reshape([16, 1]).repeat_dim(1, 16), axis.reshape([1, 16]).repeat_dim(0, 16)];
    let points = Tensor::cat(vec![x.reshape([256, 1]), y.reshape([256, 1])], 1);
    let radius = points.clone().square().sum_dim(1).flatten::<1>(0, 1);
    (points, radius.clone().greater_elem(0.2).bool_and(radius.lower_elem(0.7)).int())
}

fn main() -> Result<(), RecordError> {
    let device = Device::flex().autodiff();
    let directory = std::env::temp_dir().join(format!("dropout-kernels-{}", std::process::id()));
    std::fs::create_dir_all(&directory).map_err(|error| RecordError::Io(error.to_string()))?;
    let file = directory.join("net");

    // All that is new outside of the network: in this scope `init` takes its addresses from this source.
    let net = Addresses::new(42).scope(|| Net::new(&device)).train_for(300, &device);
    println!("after 300 steps: accuracy {:.3}, next {:?}", net.accuracy(), net.dropout.counter.next());
    net.clone().save_file(&file)?;
    let net = net.train_for(300, &device);
    println!("after 600 steps: accuracy {:.3}", net.accuracy());

    // In another process the network would have other weights and another seed, until it is loaded.
    let resumed = Addresses::new(0).scope(|| Net::new(&device)).load_record(ModuleRecord::load(&file)?).train_for(300, &device);
    println!("resumed at 300:  accuracy {:.3}, the same weights: {}", resumed.accuracy(), resumed.weights() == net.weights());
    std::fs::remove_dir_all(directory).map_err(|error| RecordError::Io(error.to_string()))
}
