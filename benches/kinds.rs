//! Every kind of dropout, layout and type on the fastest backend, against `scale` over as many f32 and, by the bytes that are read and
//! written, against dense dropout of f32.
//!
//! `cargo bench --bench kinds --features half` prints a table.

mod measure;

use dropout_kernels::{
    Activation, AlphaDropout, DropBlock, Dropout, Filler, Float, Fused, GaussianDropout, GaussianNoise, Integer, Kind, Layer,
    Layout, Mode, PackedMask, Part, QuantizedDropout, Rate, Select, Shape,
};
use measure::times::{Row, Times};
use measure::{Point, Slices, address, scale, train};

/// In the second-level cache, and in memory.
const SIZES: [usize; 2] = [1 << 17, 1 << 24];

const RATES: [f64; 2] = [0.1, 0.5];

/// Bytes of an element of f32 that is read and written.
const F32_BYTES: f64 = 8.0;

fn main() {
    println!("{}   a byte / dense", Row::HEADER);
    for n in SIZES {
        for p in RATES {
            Table { n, p, dense: None }.print();
        }
    }
}

struct Table {
    n: usize,
    p: f64,
    /// Nanoseconds an element of dense dropout, once they are known.
    dense: Option<f64>,
}

impl Table {
    fn print(&mut self) {
        let dropout = Dropout::new(self.rate());
        self.layer("dense", dropout);
        let n = self.n;
        // As many whole samples as there is room for.
        for (name, layout) in [
            ("nchw 32 x 32", Layout::nchw([n / 65_536, 64, 32, 32])),
            ("nchw 7 x 7", Layout::nchw([n / 3136, 64, 7, 7])),
            ("nhwc 64", Layout::nhwc([n / 65_536, 32, 32, 64])),
            ("nhwc 3", Layout::nhwc([n / 3072, 32, 32, 3])),
            ("sample", Layout::sample(&[n / 4096, 4096])),
            ("locked", Layout::locked(&[n / 4096, 4096])),
            ("nchw 2 x 2", Layout::nchw([n / 256, 64, 2, 2])),
            ("nchw 1 x 2", Layout::nchw([n / 128, 64, 1, 2])),
            ("axes 1, 3 of 2 x 2 x 2", Layout::shared(&[n / 8, 2, 2, 2], &[1, 3])),
            ("rows 1000 of 1024", Layout::rows(n / 1024, 1000, 1024)),
            ("rows 15 of 16", Layout::rows(n / 16, 15, 16)),
            ("rows 3 of 4", Layout::rows(n / 4, 3, 4)),
            ("columns 512 of 4096", columns(n, 512, 4096)),
            ("columns 64 of 256", columns(n, 64, 256)),
            ("columns 16 of 256", columns(n, 16, 256)),
            ("transposed", Layout::strided(&[512, n / 512], &[1, 512])),
        ] {
            let layout = layout.unwrap();
            self.tensor(name, dropout.with_layout(layout), layout.elements());
        }
        self.stored(dropout);
        self.recording(dropout);
        self.layer("alpha", AlphaDropout::new(self.rate()));
        self.layer("gaussian", GaussianDropout::new(self.rate()));
        self.layer("noise", GaussianNoise::new(0.1).unwrap());
        self.added(dropout);
        self.select();
        let maps = n / 1024;
        self.drop_block("drop_block nchw", &DropBlock::nchw(self.rate(), [7, 7], [1, maps, 32, 32]).unwrap());
        self.drop_block("drop_block nhwc", &DropBlock::nhwc(self.rate(), [7, 7], [maps / 64, 32, 32, 64]).unwrap());
        self.fused();
        self.typed("f64", dropout, 1.0_f64);
        #[cfg(feature = "half")]
        {
            self.typed("f16", dropout, half::f16::ONE);
            self.typed("bf16", dropout, half::bf16::ONE);
        }
        self.quantized("i8", 1_i8, 3);
        self.quantized("u8", 1_u8, 3);
    }

    fn rate(&self) -> Rate {
        Rate::new(self.p).unwrap()
    }

    fn row(&mut self, op: &str, dtype: &'static str, bytes: f64, times: Times) {
        let a_byte = times.operation / bytes;
        let dense = *self.dense.get_or_insert(a_byte);
        let point = Point { op: op.into(), backend: "auto".into(), dtype, n: self.n, p: self.p };
        println!("{}{:>17.2}", Row { point, times }, a_byte / dense);
    }

    fn layer<K: Kind<f32>>(&mut self, op: &str, layer: Layer<K>) {
        self.tensor(op, layer, self.n);
    }

    fn tensor<K: Kind<f32>, L: Shape>(&mut self, op: &str, layer: Layer<K, L>, elements: usize) {
        let mut slices = Slices::new(elements);
        let run = |slices: &mut Slices, step| layer.apply(train(step), &slices.x, &mut slices.y).unwrap();
        run(&mut slices, 0);
        assert!(slices.y.iter().any(|y| y.to_bits() != 1.0_f32.to_bits()), "{op} did nothing");
        let times = Times::measure(&mut slices, run, scale);
        self.row(op, "f32", F32_BYTES, times);
    }

    fn stored(&mut self, dropout: Dropout) {
        let mut slices = Slices::new(self.n);
        let mut words = vec![0; self.n / 32];
        dropout_kernels::Mask::new(self.rate(), address(0)).words(self.n, &mut words).unwrap();
        let mask = PackedMask::new(&words, 0, self.n).unwrap();
        let run = |slices: &mut Slices, _| dropout.apply(Mode::Stored(mask), &slices.x, &mut slices.y).unwrap();
        let times = Times::measure(&mut slices, run, scale);
        self.row("stored mask", "f32", F32_BYTES, times);
    }

    fn recording(&mut self, dropout: Dropout) {
        let mut slices = Slices::new(self.n);
        let mut words = vec![0; self.n / 32];
        let run = |slices: &mut Slices, step| {
            dropout.apply_recording(address(step), &slices.x, &mut slices.y, &mut words).unwrap();
        };
        let times = Times::measure(&mut slices, run, scale);
        self.row("recorded mask", "f32", F32_BYTES, times);
    }

    fn added(&mut self, dropout: Dropout) {
        let mut slices = Slices::new(self.n);
        let run = |slices: &mut Slices, step| dropout.backward_add(train(step), &slices.x, &mut slices.y).unwrap();
        let times = Times::measure(&mut slices, run, scale);
        self.row("added gradient", "f32", F32_BYTES + 4.0, times);
    }

    fn select(&mut self) {
        let mut slices = Slices::new(self.n);
        let (select, dropped) = (Select::new(self.rate()), vec![0.0; self.n]);
        let run =
            |slices: &mut Slices, step| select.apply(train(step), &slices.x, Filler::Tensor(&dropped), &mut slices.y).unwrap();
        let times = Times::measure(&mut slices, run, scale);
        self.row("select", "f32", F32_BYTES + 4.0, times);
    }

    /// Blocks of 7 x 7, as in the paper: the mask drawn, counted and applied.
    fn drop_block(&mut self, op: &str, drop_block: &DropBlock) {
        let mut slices = Slices::new(self.n);
        let mut words = vec![0; drop_block.mask_words()];
        let run = |slices: &mut Slices, step| {
            let mask = drop_block.draw(address(step), &mut words).unwrap();
            drop_block.apply(Some(mask), &slices.x, &mut slices.y).unwrap();
        };
        let times = Times::measure(&mut slices, run, scale);
        self.row(op, "f32", F32_BYTES, times);
    }

    /// Bias, dropout and residual, the end of a transformer's block, and bias, GELU and dropout, the middle of its perceptron: in one pass
    /// and in three.
    fn fused(&mut self) {
        const BIAS: [f32; 64] = [0.5; 64];
        let dropout = Dropout::new(self.rate());
        let mut slices = Slices::new(self.n);
        let residual = vec![0.0; self.n];

        let fused = Fused::new(dropout, Activation::Identity).with_bias(&BIAS);
        let run = |slices: &mut Slices, step| fused.apply(train(step), &slices.x, Some(&residual), &mut slices.y).unwrap();
        let times = Times::measure(&mut slices, run, scale);
        self.row("fused residual", "f32", F32_BYTES + 4.0, times);
        let run = |slices: &mut Slices, step| {
            add_bias(slices, &BIAS);
            dropout.apply_in_place(train(step), &mut slices.y).unwrap();
            slices.y.iter_mut().zip(&residual).for_each(|(y, residual)| *y += residual);
        };
        let times = Times::measure(&mut slices, run, scale);
        self.row("  its chain", "f32", F32_BYTES + 4.0, times);

        let fused = Fused::new(dropout, Activation::Gelu).with_bias(&BIAS);
        let run = |slices: &mut Slices, step| fused.apply(train(step), &slices.x, None, &mut slices.y).unwrap();
        let times = Times::measure(&mut slices, run, scale);
        self.row("fused GELU", "f32", F32_BYTES, times);
        let gelu = Fused::new(dropout, Activation::Gelu);
        let run = |slices: &mut Slices, step| {
            add_bias(slices, &BIAS);
            gelu.apply_in_place(Mode::Eval, &mut slices.y, None).unwrap();
            dropout.apply_in_place(train(step), &mut slices.y).unwrap();
        };
        let times = Times::measure(&mut slices, run, scale);
        self.row("  its chain", "f32", F32_BYTES, times);
    }

    fn typed<E: Float>(&mut self, dtype: &'static str, dropout: Dropout, one: E) {
        let (x, mut y) = (vec![one; self.n], vec![one; self.n]);
        let run = |_: &mut Slices, step| dropout.apply(train(step), &x, &mut y).unwrap();
        let times = Times::measure(&mut Slices::new(self.n), run, scale);
        self.row("dense", dtype, 2.0 * f64::from(size_of::<E>() as u32), times);
    }

    fn quantized<E: Integer>(&mut self, dtype: &'static str, one: E, zero_point: E) {
        let (x, mut y) = (vec![one; self.n], vec![one; self.n]);
        let alone = QuantizedDropout::new(self.rate(), zero_point);
        for (op, dropout) in [("quantised", alone), ("quantised, scaled", alone.with_fixed_point_scale())] {
            let run = |_: &mut Slices, step| dropout.apply(train(step), &x, &mut y).unwrap();
            let times = Times::measure(&mut Slices::new(self.n), run, scale);
            self.row(op, dtype, 2.0 * f64::from(size_of::<E>() as u32), times);
        }
    }
}

/// Columns of a wider matrix, as a rank holds them, side by side.
fn columns(elements: usize, columns: usize, of: usize) -> Result<Layout, dropout_kernels::Error> {
    let rows = elements / columns;
    Layout::part(Part { whole: &[rows, of], start: &[0, of / 2], shape: &[rows, columns], ..Part::default() })
}

fn add_bias(slices: &mut Slices, bias: &[f32; 64]) {
    for (y, x) in slices.y.as_chunks_mut::<64>().0.iter_mut().zip(slices.x.as_chunks::<64>().0) {
        for ((y, x), bias) in y.iter_mut().zip(x).zip(bias) {
            *y = x + bias;
        }
    }
}
