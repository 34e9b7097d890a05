//! What every kind of layer makes of the same inputs, as one committed hash a row: outputs do not change within 1.x.
//!
//! Masks are held to an evaluation of their own in `vectors.rs`, and values to oracles in other tests. This one says nothing of what is
//! right; it notices what is different, on any CPU. A test that fails prints the table that it computed. Rows may be added; one that
//! changes is a breaking change.

use std::fmt::Write;
use testkit::every_backend;
use testkit::passes::Passes;

use dropout_kernels::{
    Activation, Address, AlphaDropout, Backend, DropBlock, Dropout, Element, Error, Filler, Float, Fused, GaussianDropout,
    GaussianNoise, Integer, Kind, Layer, Layout, Mask, Mode, PackedMask, QuantizedDropout, Rate, Scaling, Select,
};

every_backend!(outputs_are_those_of_the_table);

const TABLE: &str = include_str!("../data/digest.txt");

/// Both ends, one rate of a single bit plane, and rates whose decisions tie.
const RATES: [f64; 5] = [0.0, 0.1, 0.5, 0.7, 1.0];

/// Every word of the counter and the key, the carry into the counter's second word, and nearly the last index.
const ADDRESSES: [Address; 4] = [
    Address { seed: 0, layer: 0, step: 0, offset: 0 },
    Address { seed: 0x0123_4567_89AB_CDEF, layer: 3, step: 1000, offset: 77 },
    Address { seed: 1 << 63, layer: u32::MAX, step: 7, offset: (1 << 39) - 50 },
    Address { seed: u64::MAX, layer: 1 << 31, step: u32::MAX, offset: u64::MAX - 6000 },
];

/// More decisions than a tile has; extents that no vector or word divides.
fn layouts() -> [(&'static str, Layout); 6] {
    [
        ("flat", Layout::flat(5000)),
        ("nchw", Layout::nchw([2, 37, 3, 5]).unwrap()),
        ("nhwc", Layout::nhwc([2, 3, 5, 37]).unwrap()),
        ("locked", Layout::locked(&[3, 401]).unwrap()),
        ("sample", Layout::sample(&[150, 7]).unwrap()),
        ("rows", Layout::rows(9, 67, 100).unwrap()),
    ]
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo).
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn tensor<E: Tensor>(&mut self, elements: &[E]) {
        for element in elements {
            self.update(element.bytes().as_ref());
        }
    }
}

/// A type of element whose tensors can be made and hashed.
trait Tensor: Element + Copy {
    const NAME: &'static str;

    /// Of any 32 bits, a value that is finite.
    fn value(bits: u32) -> Self;
    /// In little-endian order.
    fn bytes(self) -> impl AsRef<[u8]>;

    /// As many values, others for each stream: floats between -8 and 8, some of them -0.0 or subnormal.
    fn values(stream: u32, len: usize) -> Vec<Self> {
        (0_u32..).take(len).map(|i| Self::value((i + 1).wrapping_mul(0x9E37_79B1) ^ stream.wrapping_mul(0x85EB_CA6B))).collect()
    }
}

macro_rules! tensors {
    ($($type:ty, $name:literal, $bits:ident => $value:expr;)+) => {
        $(impl Tensor for $type {
            const NAME: &'static str = $name;

            fn value($bits: u32) -> Self {
                $value
            }

            fn bytes(self) -> impl AsRef<[u8]> {
                self.to_le_bytes()
            }
        })+
    };
}

tensors! {
    f32, "f32", bits => float(bits) as Self;
    f64, "f64", bits => float(bits);
    i8, "i8", bits => (bits >> 24) as Self;
    u8, "u8", bits => (bits >> 24) as Self;
    i16, "i16", bits => (bits >> 16) as Self;
}

#[cfg(feature = "half")]
tensors! {
    half::f16, "f16", bits => Self::from_f64(float(bits));
    half::bf16, "bf16", bits => Self::from_f64(float(bits));
}

fn float(bits: u32) -> f64 {
    match bits % 32 {
        0 => -0.0,
        1 => 1e-40, // subnormal in f32 and bf16
        2 => 1e-6,  // subnormal in f16
        _ => f64::from(bits.cast_signed()) / f64::from(1 << 28),
    }
}

/// The rows of the table, and who computes them.
struct Digest {
    backend: Backend,
    rows: String,
}

fn outputs_are_those_of_the_table(backend: Backend) {
    let mut digest = Digest { backend, rows: String::new() };
    digest.masks();
    digest.floats::<f32>();
    digest.floats::<f64>();
    #[cfg(feature = "half")]
    {
        digest.floats::<half::f16>();
        digest.floats::<half::bf16>();
    }
    digest.integers::<i8>(-3);
    digest.integers::<u8>(130);
    digest.integers::<i16>(1000);
    digest.fused();
    digest.noise::<f32>();
    digest.noise::<f64>();
    digest.choices::<f32>();
    digest.choices::<f64>();
    digest.choices::<i8>();
    digest.choices::<u8>();
    digest.choices::<i16>();
    digest.gradients::<f32>();
    digest.gradients::<f64>();
    #[cfg(feature = "half")]
    {
        digest.noise::<half::f16>();
        digest.noise::<half::bf16>();
        digest.choices::<half::f16>();
        digest.choices::<half::bf16>();
        digest.gradients::<half::f16>();
        digest.gradients::<half::bf16>();
    }
    digest.shapes_of_drop_block();

    let compiled = |row: &&str| cfg!(feature = "half") || !row[16..].contains("f16"); // after the hash
    assert!(digest.rows.lines().eq(TABLE.lines().filter(compiled)), "the table is now\n{}", digest.rows);
}

impl Digest {
    /// A row: the hash of what `hash` does at every rate and address.
    fn row(&mut self, name: &str, hash: impl Fn(&mut Fnv, Rate, Address)) {
        let mut fnv = Fnv::new();
        for p in RATES {
            for address in ADDRESSES {
                hash(&mut fnv, Rate::new(p).unwrap(), address);
            }
        }
        writeln!(self.rows, "{:016x} {name}", fnv.0).unwrap();
    }

    fn masks(&mut self) {
        let backend = self.backend;
        self.row("mask", |fnv, rate, address| {
            for word in words(rate, address, backend, 5000) {
                fnv.update(&word.to_le_bytes());
            }
        });
    }

    fn floats<E: Float + Tensor>(&mut self) {
        let classic = |rate| Dropout::new(rate).with_scaling(Scaling::Classic);
        self.layers::<E, _>("dropout, inverted", Dropout::new, true);
        self.layers::<E, _>("dropout, classic", classic, true);
        self.layers::<E, _>("alpha dropout", AlphaDropout::new, true);
        self.layers::<E, _>("Gaussian dropout", GaussianDropout::new, false);
        for size in [1, 2, 7] {
            let (backend, shape) = (self.backend, [2, 3, 9, 23]);
            self.row(&format!("DropBlock of {size}, {}", E::NAME), |fnv, rate, address| {
                let layer = DropBlock::nchw(rate, [size; 2], shape).unwrap().on(backend);
                let mut words = vec![0; layer.mask_words()];
                let mask = layer.draw(address, &mut words).unwrap();
                passes::<E>(fnv, &[(layer, Some(mask)), (layer, None)], shape.iter().product());
            });
        }
    }

    fn integers<E: Integer + Tensor>(&mut self, zero_point: E) {
        let scaled = |rate| QuantizedDropout::new(rate, zero_point).with_fixed_point_scale();
        self.layers::<E, _>("quantised dropout, mask only", |rate| QuantizedDropout::new(rate, zero_point), true);
        self.layers::<E, _>("quantised dropout, fixed point", scaled, true);
    }

    /// A kind of layer in each layout and mode.
    fn layers<E: Tensor, K: Kind<E>>(&mut self, name: &str, layer: impl Fn(Rate) -> Layer<K>, can_be_stored: bool) {
        let backend = self.backend;
        for (layout_name, layout) in layouts() {
            self.row(&format!("{name}, {}, {layout_name}", E::NAME), |fnv, rate, address| {
                // Of another address, and not from a word's first bit on.
                let words = words(rate, Address { step: !address.step, ..address }, backend, layout.decisions() + 5);
                let stored = Mode::Stored(PackedMask::new(&words, 5, layout.decisions()).unwrap());
                let modes = [Mode::Train(address), Mode::Eval, stored];
                let modes = if can_be_stored { &modes[..] } else { &modes[..2] };
                let layer = layer(rate).with_layout(layout).on(backend);
                let layers: Vec<_> = modes.iter().map(|&mode| (layer, mode)).collect();
                passes::<E>(fnv, &layers, layout.elements());
            });
        }
    }

    fn noise<E: Float + Tensor>(&mut self) {
        // The rate is taken for a standard deviation.
        let noise = |rate: Rate| GaussianNoise::new(rate.realised() as f32).unwrap();
        self.layers::<E, _>("Gaussian noise", noise, false);
    }

    /// Choices and their expectation, in and out of place.
    fn choices<E: Tensor>(&mut self) {
        let backend = self.backend;
        for (layout_name, layout) in layouts() {
            self.row(&format!("select, {}, {layout_name}", E::NAME), |fnv, rate, address| {
                let select = Select::new(rate).with_layout(layout).on(backend);
                let [kept, dropped, before] = [1, 2, 3].map(|stream| E::values(stream, layout.elements()));
                for (select, mode) in choices_of(select, address) {
                    let [mut y, mut in_place] = [before.clone(), kept.clone()];
                    select.apply(mode, &kept, Filler::Tensor(&dropped), &mut y).unwrap();
                    select.apply_in_place(mode, &mut in_place, Filler::Tensor(&dropped)).unwrap();
                    fnv.tensor(&y);
                    fnv.tensor(&in_place);
                }
            });
        }
    }

    /// Gradients of choices, and gradients that are added.
    fn gradients<E: Float + Tensor>(&mut self) {
        let backend = self.backend;
        for (layout_name, layout) in layouts() {
            self.row(&format!("gradients of select, {}, {layout_name}", E::NAME), |fnv, rate, address| {
                let select = Select::new(rate).with_layout(layout).on(backend);
                let [grad_y, before] = [1, 2].map(|stream| E::values(stream, layout.elements()));
                for (select, mode) in choices_of(select, address) {
                    let [mut grad_kept, mut grad_dropped] = [before.clone(), before.clone()];
                    select.backward(mode, &grad_y, &mut grad_kept, Some(&mut grad_dropped)).unwrap();
                    fnv.tensor(&grad_kept);
                    fnv.tensor(&grad_dropped);
                }
            });
            self.row(&format!("gradient added, {}, {layout_name}", E::NAME), |fnv, rate, address| {
                let dropout = Dropout::new(rate).with_layout(layout).on(backend);
                let [grad_y, before] = [1, 2].map(|stream| E::values(stream, layout.elements()));
                for mode in [Mode::Train(address), Mode::Eval] {
                    let mut grad_x = before.clone();
                    dropout.backward_add(mode, &grad_y, &mut grad_x).unwrap();
                    fnv.tensor(&grad_x);
                }
            });
        }
    }

    /// Channels last, one and three axes, and patches shared by the channels.
    fn shapes_of_drop_block(&mut self) {
        type New = fn(Rate) -> Result<DropBlock, Error>;

        let backend = self.backend;
        let shapes: [(&str, New, usize); 6] = [
            ("ncl", |rate| DropBlock::ncl(rate, [5], [3, 4, 97]), 3 * 4 * 97),
            ("nlc", |rate| DropBlock::nlc(rate, [5], [3, 97, 4]), 3 * 97 * 4),
            ("nhwc", |rate| DropBlock::nhwc(rate, [2, 5], [2, 9, 23, 3]), 2 * 9 * 23 * 3),
            ("ncdhw", |rate| DropBlock::ncdhw(rate, [2, 3, 4], [2, 3, 5, 6, 7]), 2 * 3 * 5 * 6 * 7),
            ("ndhwc", |rate| DropBlock::ndhwc(rate, [2, 3, 4], [2, 5, 6, 7, 3]), 2 * 3 * 5 * 6 * 7),
            (
                "nchw, shared by channels",
                |rate| DropBlock::nchw(rate, [3, 2], [2, 3, 9, 23]).map(DropBlock::with_shared_channels),
                2 * 3 * 9 * 23,
            ),
        ];
        for (name, layer, elements) in shapes {
            self.row(&format!("DropBlock, {name}"), |fnv, rate, address| {
                let layer = layer(rate).unwrap().on(backend);
                let mut words = vec![0; layer.mask_words()];
                let mask = layer.draw(address, &mut words).unwrap();
                passes::<f32>(fnv, &[(layer, Some(mask))], elements);
            });
        }
    }

    fn fused(&mut self) {
        let backend = self.backend;
        for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
            for (layout_name, layout) in layouts() {
                self.row(&format!("fused {activation:?}, {layout_name}"), |fnv, rate, address| {
                    let len = layout.elements();
                    let [x, residual, grad_y] = [1, 2, 3].map(|stream| f32::values(stream, len));
                    let columns = match layout_name {
                        "flat" => 10,
                        "nchw" => 5,
                        "nhwc" => 37,
                        "locked" => 401,
                        "sample" => 7,
                        _ => 67,
                    };
                    let bias = f32::values(4, columns);
                    let fused = Fused::new(Dropout::new(rate).with_layout(layout).on(backend), activation).with_bias(&bias);
                    for mode in [Mode::Train(address), Mode::Eval] {
                        let [mut y, mut grad_x] = [residual.clone(), grad_y.clone()];
                        let mut grad_bias = vec![0.0; columns];
                        fused.apply(mode, &x, Some(&residual), &mut y).unwrap();
                        fused.backward(mode, &x, &grad_y, &mut grad_x, Some(&mut grad_bias)).unwrap();
                        for tensor in [y, grad_x, grad_bias] {
                            fnv.tensor(&tensor);
                        }
                    }
                });
            }
        }
    }
}

/// Both passes in each mode. Outputs begin as what they are not: rows leave what lies between them as it was.
fn passes<E: Tensor>(fnv: &mut Fnv, layers: &[impl Passes<E>], len: usize) {
    let (x, grad_y) = (E::values(1, len), E::values(2, len));
    for layer in layers {
        let mut y = grad_y.clone();
        layer.apply(&x, &mut y).unwrap();
        fnv.tensor(&y);
        let mut grad_x = x.clone();
        layer.backward(&grad_y, &mut grad_x).unwrap();
        fnv.tensor(&grad_x);
    }
}

/// Training, evaluation and the expectation.
fn choices_of(select: Select<Layout>, address: Address) -> [(Select<Layout>, Mode<'static>); 3] {
    [(select, Mode::Train(address)), (select, Mode::Eval), (select.with_expectation(), Mode::Eval)]
}

fn words(rate: Rate, address: Address, backend: Backend, decisions: usize) -> Vec<u32> {
    let mut words = vec![0; decisions.div_ceil(32)];
    Mask::new(rate, address).on(backend).words(decisions, &mut words).unwrap();
    words
}
