//! What every kind of layer makes of the same inputs, as one committed hash a row: outputs do not change within 1.x.
//!
//! Masks are held to an evaluation of their own in `tests/contract/vectors.rs`, and values to oracles in other tests. This one says nothing of
//! what is right; it notices what is different, on any CPU. A test that fails prints the table that it computed. Rows may be added; one that
//! changes is a breaking change.

use std::any::type_name;
use std::collections::BTreeMap;

use dropout_kernels::{
    Activation, Address, AlphaDropout, Backend, DropBlock, Dropout, Error, Filler, Float, Fused, GaussianDropout, GaussianNoise,
    Integer, Kind, Layer, Layout, Mask, Mode, PackedMask, QuantizedDropout, Rate, Scaling, Select,
};
use testkit::every_backend;
use testkit::value::Bits;

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

/// More decisions than a tile has; extents that no vector or word divides. And how many columns a bias has.
fn layouts() -> [(&'static str, Layout, usize); 6] {
    [
        ("flat", Layout::flat(5000), 10),
        ("nchw", Layout::nchw([2, 37, 3, 5]).unwrap(), 5),
        ("nhwc", Layout::nhwc([2, 3, 5, 37]).unwrap(), 37),
        ("locked", Layout::locked(&[3, 401]).unwrap(), 401),
        ("sample", Layout::sample(&[150, 7]).unwrap(), 7),
        ("rows", Layout::rows(9, 67, 100).unwrap(), 67),
    ]
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo).
struct Fnv(u64);

impl Fnv {
    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// In little-endian order.
    fn tensor<E: Bits>(&mut self, elements: &[E]) {
        for element in elements {
            self.update(&element.bits().to_le_bytes()[..size_of::<E>()]);
        }
    }
}

/// Makes values of 32 bits.
type Value<E> = fn(u32) -> E;

/// As many values, others for each stream.
fn values<E>(value: Value<E>, stream: u32, len: usize) -> Vec<E> {
    let bits = |i: u32| (i + 1).wrapping_mul(0x9E37_79B1) ^ stream.wrapping_mul(0x85EB_CA6B);
    (0_u32..).take(len).map(|i| value(bits(i))).collect()
}

/// Between -8 and 8, sometimes -0.0 or subnormal.
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
    rows: BTreeMap<String, u64>,
}

fn outputs_are_those_of_the_table(backend: Backend) {
    let mut digest = Digest { backend, rows: BTreeMap::new() };
    digest.row("mask", |fnv, rate, address| {
        for word in words(rate, address, backend, 5000) {
            fnv.update(&word.to_le_bytes());
        }
    });
    digest.of_floats(|bits| float(bits) as f32);
    digest.of_floats(float);
    #[cfg(feature = "half")]
    {
        digest.of_floats(|bits| half::f16::from_f64(float(bits)));
        digest.of_floats(|bits| half::bf16::from_f64(float(bits)));
    }
    digest.of_integers(|bits| (bits >> 24) as i8, -3);
    digest.of_integers(|bits| (bits >> 24) as u8, 130);
    digest.of_integers(|bits| (bits >> 16) as i16, 1000);
    digest.fused();
    digest.shapes_of_drop_block();

    let row = |(name, hash)| format!("{hash:016x} {name}");
    let rows: Vec<String> = digest.rows.into_iter().map(row).collect();
    let mut table: Vec<&str> = TABLE.lines().filter(|row| cfg!(feature = "half") || !row[16..].contains("f16")).collect();
    table.sort_unstable_by_key(|row| &row[17..]);
    assert!(rows == table, "the table is now\n{}", rows.join("\n"));
}

/// As the table has it.
fn name<E>() -> &'static str {
    type_name::<E>().rsplit(':').next().unwrap()
}

impl Digest {
    /// A row: the hash of what `hash` does at every rate and address.
    fn row(&mut self, name: &str, hash: impl Fn(&mut Fnv, Rate, Address)) {
        let mut fnv = Fnv(0xCBF2_9CE4_8422_2325);
        for p in RATES {
            for address in ADDRESSES {
                hash(&mut fnv, Rate::new(p).unwrap(), address);
            }
        }
        self.rows.insert(name.into(), fnv.0);
    }

    fn of_floats<E: Bits + Float>(&mut self, value: Value<E>) {
        self.layers("dropout, inverted", value, Dropout::new, true);
        self.layers("dropout, classic", value, |rate| Dropout::new(rate).with_scaling(Scaling::Classic), true);
        self.layers("alpha dropout", value, AlphaDropout::new, true);
        self.layers("Gaussian dropout", value, GaussianDropout::new, false);
        // The rate is taken for a standard deviation.
        self.layers("Gaussian noise", value, |rate| GaussianNoise::new(rate.realised() as f32).unwrap(), false);
        for size in [1, 2, 7] {
            let layer = |rate| DropBlock::nchw(rate, [size; 2], [2, 3, 9, 23]);
            self.drop_block(&format!("DropBlock of {size}, {}", name::<E>()), value, layer, 2 * 3 * 9 * 23, true);
        }
        self.choices(value);
        self.gradients(value);
    }

    fn of_integers<E: Bits + Integer>(&mut self, value: Value<E>, zero_point: E) {
        let layer = move |rate| QuantizedDropout::new(rate, zero_point);
        self.layers("quantised dropout, mask only", value, layer, true);
        self.layers("quantised dropout, fixed point", value, move |rate| layer(rate).with_fixed_point_scale(), true);
        self.choices(value);
    }

    /// A kind of layer in each layout and mode, both passes. Outputs begin as what they are not: rows leave what lies between them as it was.
    fn layers<E: Bits, K: Kind<E>>(
        &mut self,
        kind: &str,
        value: Value<E>,
        layer: impl Fn(Rate) -> Layer<K>,
        can_be_stored: bool,
    ) {
        let backend = self.backend;
        for (layout_name, layout, _) in layouts() {
            let [x, grad_y] = [1, 2].map(|stream| values(value, stream, layout.elements()));
            self.row(&format!("{kind}, {}, {layout_name}", name::<E>()), |fnv, rate, address| {
                // Of another address, and not from a word's first bit on.
                let words = words(rate, Address { step: !address.step, ..address }, backend, layout.decisions() + 5);
                let stored = Mode::Stored(PackedMask::new(&words, 5, layout.decisions()).unwrap());
                let layer = layer(rate).with_layout(layout).on(backend);
                for mode in [Mode::Train(address), Mode::Eval].into_iter().chain(can_be_stored.then_some(stored)) {
                    let [mut y, mut grad_x] = [grad_y.clone(), x.clone()];
                    layer.apply(mode, &x, &mut y).unwrap();
                    layer.backward(mode, &grad_y, &mut grad_x).unwrap();
                    fnv.tensor(&y);
                    fnv.tensor(&grad_x);
                }
            });
        }
    }

    /// Choices and their expectation, in and out of place.
    fn choices<E: Bits>(&mut self, value: Value<E>) {
        let backend = self.backend;
        for (layout_name, layout, _) in layouts() {
            let [kept, dropped, before] = [1, 2, 3].map(|stream| values(value, stream, layout.elements()));
            self.row(&format!("select, {}, {layout_name}", name::<E>()), |fnv, rate, address| {
                for (select, mode) in choices_of(Select::new(rate).with_layout(layout).on(backend), address) {
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
    fn gradients<E: Bits + Float>(&mut self, value: Value<E>) {
        let backend = self.backend;
        for (layout_name, layout, _) in layouts() {
            let [grad_y, before] = [1, 2].map(|stream| values(value, stream, layout.elements()));
            self.row(&format!("gradients of select, {}, {layout_name}", name::<E>()), |fnv, rate, address| {
                for (select, mode) in choices_of(Select::new(rate).with_layout(layout).on(backend), address) {
                    let [mut grad_kept, mut grad_dropped] = [before.clone(), before.clone()];
                    select.backward(mode, &grad_y, &mut grad_kept, Some(&mut grad_dropped)).unwrap();
                    fnv.tensor(&grad_kept);
                    fnv.tensor(&grad_dropped);
                }
            });
            self.row(&format!("gradient added, {}, {layout_name}", name::<E>()), |fnv, rate, address| {
                for mode in [Mode::Train(address), Mode::Eval] {
                    let mut grad_x = before.clone();
                    Dropout::new(rate).with_layout(layout).on(backend).backward_add(mode, &grad_y, &mut grad_x).unwrap();
                    fnv.tensor(&grad_x);
                }
            });
        }
    }

    /// Channels last, one and three axes, and patches shared by the channels.
    fn shapes_of_drop_block(&mut self) {
        type New = fn(Rate) -> Result<DropBlock, Error>;
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
            self.drop_block(&format!("DropBlock, {name}"), |bits| float(bits) as f32, layer, elements, false);
        }
    }

    fn drop_block<E: Bits + Float>(
        &mut self,
        name: &str,
        value: Value<E>,
        layer: impl Fn(Rate) -> Result<DropBlock, Error>,
        len: usize,
        evaluates: bool,
    ) {
        let (backend, [x, grad_y]) = (self.backend, [1, 2].map(|stream| values(value, stream, len)));
        self.row(name, |fnv, rate, address| {
            let layer = layer(rate).unwrap().on(backend);
            let mut words = vec![0; layer.mask_words()];
            let mask = layer.draw(address, &mut words).unwrap();
            for mask in [Some(mask)].into_iter().chain(evaluates.then_some(None)) {
                let [mut y, mut grad_x] = [grad_y.clone(), x.clone()];
                layer.apply(mask, &x, &mut y).unwrap();
                layer.backward(mask, &grad_y, &mut grad_x).unwrap();
                fnv.tensor(&y);
                fnv.tensor(&grad_x);
            }
        });
    }

    fn fused(&mut self) {
        let (backend, value): (_, Value<f32>) = (self.backend, |bits| float(bits) as f32);
        for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
            for (layout_name, layout, columns) in layouts() {
                let [x, residual, grad_y] = [1, 2, 3].map(|stream| values(value, stream, layout.elements()));
                let bias = values(value, 4, columns);
                self.row(&format!("fused {activation:?}, {layout_name}"), |fnv, rate, address| {
                    let fused = Fused::new(Dropout::new(rate).with_layout(layout).on(backend), activation).with_bias(&bias);
                    for mode in [Mode::Train(address), Mode::Eval] {
                        let [mut y, mut grad_x, mut grad_bias] = [residual.clone(), grad_y.clone(), vec![0.0; columns]];
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

/// Training, evaluation and the expectation.
fn choices_of(select: Select<Layout>, address: Address) -> [(Select<Layout>, Mode<'static>); 3] {
    [(select, Mode::Train(address)), (select, Mode::Eval), (select.with_expectation(), Mode::Eval)]
}

fn words(rate: Rate, address: Address, backend: Backend, decisions: usize) -> Vec<u32> {
    let mut words = vec![0; decisions.div_ceil(32)];
    Mask::new(rate, address).on(backend).words(decisions, &mut words).unwrap();
    words
}
