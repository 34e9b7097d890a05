//! CPU time of a whole training step of a small transformer without dropout, with burn's own module, and with this crate's:
//! `cargo run --release --example step`. burn's blocks have modules of
//! burn's own in fields of that type, so this is also how to write blocks with another: attention and two layers.

use std::time::{Duration, Instant};

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Distribution, Tensor};
use cpu_time::ThreadTime;

const BATCH: usize = 8;
const TOKENS: usize = 32;
const WIDTH: usize = 128;
const HEADS: usize = 4;
const BLOCKS: usize = 2;
const P: f64 = 0.1;

/// What is compared. A network of one's own would have the module alone.
#[derive(Module, Debug)]
enum Dropout {
    Theirs(burn::nn::Dropout),
    Here(dropout_kernels_burn::Dropout),
}

impl Dropout {
    fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Theirs(dropout) => dropout.forward(x),
            Self::Here(dropout) => dropout.forward(x),
        }
    }
}

#[derive(Module, Debug)]
struct Block {
    norms: [LayerNorm; 2],
    qkv: Linear,
    out: Linear,
    up: Linear,
    down: Linear,
    /// Of attention weights, of what attention adds, of the hidden layer, of what it adds.
    dropouts: [Dropout; 4],
}

impl Block {
    fn new(make: &dyn Fn() -> Dropout, device: &Device) -> Self {
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        Self {
            norms: [0; 2].map(|_| LayerNormConfig::new(WIDTH).init(device)),
            qkv: linear(WIDTH, 3 * WIDTH),
            out: linear(WIDTH, WIDTH),
            up: linear(WIDTH, 4 * WIDTH),
            down: linear(4 * WIDTH, WIDTH),
            dropouts: [0; 4].map(|_| make()),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [weights, attended, hidden, added] = &self.dropouts;
        let heads = self.qkv.forward(self.norms[0].forward(x.clone())).reshape([BATCH, TOKENS, 3 * HEADS, WIDTH / HEADS]);
        let [q, k, v] = [0, 1, 2].map(|i| heads.clone().narrow(2, i * HEADS, HEADS).swap_dims(1, 2));
        let scores = q.matmul(k.transpose()) / (WIDTH as f64 / HEADS as f64).sqrt();
        let attention = weights.forward(softmax(scores, 3)).matmul(v);
        let attention = self.out.forward(attention.swap_dims(1, 2).reshape([BATCH, TOKENS, WIDTH]));
        let x = x + attended.forward(attention);
        let y = hidden.forward(gelu(self.up.forward(self.norms[1].forward(x.clone()))));
        x + added.forward(self.down.forward(y))
    }
}

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    let device = Device::flex().autodiff();
    let x = Tensor::<3>::random([BATCH, TOKENS, WIDTH], Distribution::Default, &device);
    let theirs = burn::nn::DropoutConfig::new(P);
    let here = dropout_kernels_burn::DropoutConfig::new(P);
    let makes: [(&str, &dyn Fn() -> Dropout); 3] = [
        ("no dropout", &|| Dropout::Theirs(burn::nn::DropoutConfig::new(0.0).init())), // which returns its input
        ("burn's own", &|| Dropout::Theirs(theirs.init())),
        ("here", &|| Dropout::Here(here.init())),
    ];
    let mut runs = makes.map(|(_, make)| {
        let blocks: Vec<Block> = (0..BLOCKS).map(|_| Block::new(make, &device)).collect();
        (Some(blocks), AdamConfig::new().init(), Duration::MAX)
    });
    // In turns, the shortest of each.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        for (blocks, optimizer, shortest) in &mut runs {
            let start = ThreadTime::now();
            let network = blocks.take().unwrap();
            let y = network.iter().fold(x.clone(), |x, block| block.forward(x));
            let gradients = GradientsParams::from_grads((y - x.clone()).square().mean().backward(), &network);
            *blocks = Some(optimizer.step(1e-3, network, gradients));
            *shortest = start.elapsed().min(*shortest);
        }
    }
    println!("a step of {BLOCKS} blocks, {BATCH} x {TOKENS} tokens of {WIDTH}, p = {P}, one thread");
    for ((name, _), (_, _, shortest)) in makes.iter().zip(runs) {
        println!("{name:<12} {:>6.2} ms", shortest.as_secs_f64() * 1e3);
    }
}
