//! CPU time of a whole training step of a small transformer without dropout, with `candle_nn::Dropout`, and with this crate's:
//! `cargo run --release --example step`.

use std::time::{Duration, Instant};

use candle_core::{D, DType, Device, ModuleT, Result, Tensor};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, ops::softmax};
use cpu_time::ThreadTime;

const BATCH: usize = 8;
const TOKENS: usize = 32;
const WIDTH: usize = 128;
const HEADS: usize = 4;
const BLOCKS: usize = 2;
const P: f32 = 0.1;

/// A block with its four dropouts: of attention weights, of what attention adds, of the hidden layer, of what it adds.
struct Block {
    qkv: Linear,
    out: Linear,
    up: Linear,
    down: Linear,
    dropouts: [Box<dyn ModuleT>; 4],
}

impl Block {
    fn new(vars: &VarBuilder, make: &dyn Fn() -> Box<dyn ModuleT>) -> Result<Self> {
        Ok(Self {
            qkv: linear(WIDTH, 3 * WIDTH, vars.pp("qkv"))?,
            out: linear(WIDTH, WIDTH, vars.pp("out"))?,
            up: linear(WIDTH, 4 * WIDTH, vars.pp("up"))?,
            down: linear(4 * WIDTH, WIDTH, vars.pp("down"))?,
            dropouts: [make(), make(), make(), make()],
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [weights, attended, hidden, added] = &self.dropouts;
        let heads = norm(x)?.apply(&self.qkv)?.reshape((BATCH, TOKENS, 3, HEADS, WIDTH / HEADS))?.permute((2, 0, 3, 1, 4))?;
        let head = |i: usize| heads.get(i)?.contiguous();
        let scores = (head(0)?.matmul(&head(1)?.t()?)? / 32_f64.sqrt())?;
        let attention = weights.forward_t(&softmax(&scores, D::Minus1)?, true)?.matmul(&head(2)?)?;
        let attention = attention.transpose(1, 2)?.reshape((BATCH, TOKENS, WIDTH))?.apply(&self.out)?;
        let x = (x + attended.forward_t(&attention, true)?)?;
        let y = hidden.forward_t(&norm(&x)?.apply(&self.up)?.gelu()?, true)?.apply(&self.down)?;
        x + added.forward_t(&y, true)?
    }
}

fn norm(x: &Tensor) -> Result<Tensor> {
    let x = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    x.broadcast_div(&(x.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?)
}

struct Identity;

impl ModuleT for Identity {
    fn forward_t(&self, xs: &Tensor, _train: bool) -> Result<Tensor> {
        Ok(xs.clone())
    }
}

/// A network, and its training step.
struct Run {
    blocks: Vec<Block>,
    optimizer: AdamW,
}

impl Run {
    fn new(make: &dyn Fn() -> Box<dyn ModuleT>) -> Result<Self> {
        let vars = VarMap::new();
        let builder = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let blocks = (0..BLOCKS).map(|i| Block::new(&builder.pp(i), make)).collect::<Result<_>>()?;
        Ok(Self { blocks, optimizer: AdamW::new(vars.all_vars(), ParamsAdamW::default())? })
    }

    fn step(&mut self, x: &Tensor) -> Result<f32> {
        let y = self.blocks.iter().try_fold(x.clone(), |x, block| block.forward(&x))?;
        let loss = (y - x)?.sqr()?.mean_all()?;
        self.optimizer.backward_step(&loss)?;
        loss.to_scalar()
    }
}

fn main() -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().map_err(candle_core::Error::wrap)?;
    let x = Tensor::randn(0_f32, 1.0, (BATCH, TOKENS, WIDTH), &Device::Cpu)?;
    let mut runs = [
        ("no dropout", Run::new(&|| Box::new(Identity))?),
        ("candle-nn", Run::new(&|| Box::new(candle_nn::Dropout::new(P)))?),
        ("here", Run::new(&|| Box::new(dropout_kernels_candle::Dropout::new(P)))?),
    ];
    // In turns, the shortest of each.
    let mut shortest = [Duration::MAX; 3];
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        for ((_, run), shortest) in runs.iter_mut().zip(&mut shortest) {
            let start = ThreadTime::now();
            assert!(run.step(&x)?.is_finite());
            *shortest = start.elapsed().min(*shortest);
        }
    }
    println!("a step of {BLOCKS} blocks, {BATCH} x {TOKENS} tokens of {WIDTH}, p = {P}, one thread");
    for ((name, _), shortest) in runs.iter().zip(shortest) {
        println!("{name:<12} {:>6.2} ms", shortest.as_secs_f64() * 1e3);
    }
    Ok(())
}
