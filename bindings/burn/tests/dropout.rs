//! Both passes against decisions of the mask contract, and what records keep.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::store::ModuleRecord;
use burn::tensor::{DType, Device, Tensor, TensorData};
use dropout_kernels::{Mask, Rate};
use dropout_kernels_burn::{Address, Addresses, Counter, Dropout, DropoutConfig, Kind};

const TYPES: [(DType, f64); 4] = [(DType::F64, 1e-15), (DType::F32, 3e-7), (DType::F16, 1e-3), (DType::BF16, 8e-3)];

fn device() -> Device {
    Device::flex().autodiff()
}

/// A module whose next training call has the address.
fn dropout(p: f64, kind: Kind, address: Address) -> Dropout {
    Dropout { counter: Counter::new(address), ..DropoutConfig::new(p).with_kind(kind).init() }
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// 1, 2, 3 and so on.
fn counting<const D: usize>(shape: [usize; D], dtype: DType) -> Tensor<D> {
    let len = shape.iter().product::<usize>();
    let values: Vec<f64> = (1..=u32::try_from(len).unwrap()).map(f64::from).collect();
    Tensor::from_data(TensorData::new(values, shape), (&device(), dtype))
}

fn assert_close(actual: &[f64], expected: &[f64], rounding: f64) {
    assert_eq!(actual.len(), expected.len());
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!((actual - expected).abs() <= rounding * expected.abs(), "{i}: {actual} instead of {expected}");
    }
}

/// The module on `shape`, whose elements share decisions by `map`, with the expected value and gradient of an element.
fn check<const D: usize>(p: f64, kind: Kind, shape: [usize; D], map: usize, expected: impl Fn(f64, bool) -> [f64; 2]) {
    let address = Address { seed: 42, layer: 3, step: 1000, offset: 0 };
    let mask = Mask::new(Rate::new(p).unwrap(), address);
    for (dtype, rounding) in TYPES {
        // In the input's place; to a new tensor; and of a transposed one.
        for way in 0..3 {
            let x = counting(shape, dtype);
            let x = if way == 2 { x.swap_dims(0, D - 1) } else { x }.require_grad();
            let before = values(x.clone());
            let expected: Vec<[f64; 2]> =
                (0..before.len()).map(|i| expected(before[i], mask.keeps((i / map) as u64).unwrap())).collect();
            let input = if way == 0 { x.clone() * 1.0 } else { x.clone() };
            let y = dropout(p, kind, address).forward(input);
            assert_eq!(y.dtype(), dtype);
            // The incoming gradient is the input.
            let gradients = (y.clone() * x.clone().detach()).backward();
            let [expected_y, expected_dx] = [0, 1].map(|which| expected.iter().map(|both| both[which]).collect::<Vec<_>>());
            assert_close(&values(y), &expected_y, rounding);
            assert_close(&values(x.grad(&gradients).unwrap()), &expected_dx, rounding);
            assert_eq!(values(x), before, "the input has changed");
        }
    }
}

/// The rate that the contract has for `p`: a multiple of 2^-32.
fn realised(p: f64) -> f64 {
    (p * 2_f64.powi(32)).round_ties_even() / 2_f64.powi(32)
}

fn scaled(p: f64) -> impl Fn(f64, bool) -> [f64; 2] {
    let p = realised(p);
    move |x, keep| if keep { [x / (1.0 - p); 2] } else { [0.0; 2] }
}

#[test]
fn elements() {
    for p in [0.0, 0.1, 0.5, 0.9] {
        check(p, Kind::Elements, [300], 1, scaled(p));
        check(p, Kind::Elements, [3, 5, 7, 3], 1, scaled(p));
    }
}

#[test]
fn channels() {
    check(0.3, Kind::Channels, [7, 6, 7], 7, scaled(0.3));
    check(0.3, Kind::Channels, [4, 6, 3, 4], 12, scaled(0.3));
    check(0.3, Kind::Channels, [2, 6, 2, 3, 2], 12, scaled(0.3));
}

/// Klambauer et al., "Self-normalizing neural networks", section "Dropout".
#[test]
fn alpha() {
    for p in [0.1, 0.5] {
        let (q, limit) = (1.0 - realised(p), -1.758_099_340_847_376_6);
        let a = f64::powf(q + limit * limit * q * (1.0 - q), -0.5);
        let b = -a * (1.0 - q) * limit;
        check(p, Kind::Alpha, [10, 20], 1, move |x, keep| if keep { [a * x + b, a * x] } else { [a * limit + b, 0.0] });
    }
}

#[test]
fn each_call_has_its_own_address() {
    let addresses = Addresses::new(u64::MAX - 7);
    let layers = addresses.scope(|| [DropoutConfig::new(0.5).init(), DropoutConfig::new(0.5).init()]);
    for step in 0..3 {
        for (layer, module) in (0..).zip(&layers) {
            let address = Address { seed: u64::MAX - 7, layer, step, offset: 0 };
            assert_eq!(module.counter.next(), address);
            let expected = values(dropout(0.5, Kind::Elements, address).forward(counting([200], DType::F32)));
            // A clone counts with the module.
            assert_eq!(values(module.clone().forward(counting([200], DType::F32))), expected);
            // Evaluation does not count: without autodiff, frozen, or in a module that is valid.
            let plain = Tensor::<1>::ones([200], &Device::flex());
            assert_eq!(values(module.forward(plain)), [1.0; 200]);
            let x = Tensor::<1>::ones([200], &device());
            assert_eq!(values(module.clone().freeze().forward(x.clone())), [1.0; 200]);
            assert_eq!(values(module.valid().forward(x)), [1.0; 200]);
        }
    }
    let seeds = [0, 1].map(|_| DropoutConfig::new(0.5).init().counter.next().seed);
    assert_ne!(seeds[0], seeds[1], "outside of all scopes");
}

#[test]
fn at_a_given_address() {
    let address = Address { seed: 5, layer: 6, step: 7, offset: 8 };
    let module = DropoutConfig::new(0.5).init();
    let before = module.counter.next();
    let expected = values(dropout(0.5, Kind::Elements, address).forward(counting([300], DType::F32)));
    let plain = Tensor::<1>::from_data(counting([300], DType::F32).into_data(), &Device::flex());
    for x in [counting([300], DType::F32), plain] {
        assert_eq!(values(module.forward_at(x.clone(), address)), expected);
        assert_eq!(values(module.valid().forward_at(x, address)), expected);
    }
    assert_eq!(module.counter.next(), before);
}

/// Boxes of a tensor, each with the expected elements and gradients of the whole.
fn check_parts<const D: usize>(kind: Kind, whole: [usize; D], boxes: &[([usize; D], [usize; D])]) {
    let address = Address { seed: 42, layer: 3, step: 1000, offset: 5 };
    let module = DropoutConfig::new(0.4).with_kind(kind).init();
    let cut = |x: &Tensor<D>, start: [usize; D], shape: [usize; D]| {
        (0..D).fold(x.clone(), |x, axis| x.narrow(axis, start[axis], shape[axis]))
    };
    let x = counting(whole, DType::F32).require_grad();
    let y = module.forward_at(x.clone(), address);
    let dx = x.grad(&(y.clone() * x.clone().detach()).backward()).unwrap();
    for &(start, shape) in boxes {
        let part = cut(&x, start, shape).detach().require_grad();
        let z = module.forward_part(part.clone(), address, whole, start);
        assert_eq!(values(z.clone()), values(cut(&y, start, shape)));
        let gradients = (z * part.clone().detach()).backward();
        assert_eq!(
            values(part.grad(&gradients).unwrap()),
            values((0..D).fold(dx.clone(), |dx, axis| dx.narrow(axis, start[axis], shape[axis])))
        );
    }
}

#[test]
fn parts_of_a_tensor() {
    check_parts(Kind::Elements, [8, 30], &[([0, 0], [3, 30]), ([3, 0], [5, 30]), ([2, 7], [4, 11])]);
    check_parts(Kind::Alpha, [8, 30], &[([3, 0], [5, 30]), ([2, 7], [4, 11])]);
    check_parts(Kind::Channels, [4, 6, 3, 5], &[([2, 0, 0, 0], [2, 6, 3, 5]), ([1, 2, 1, 0], [2, 3, 2, 5])]);
}

#[test]
#[should_panic(expected = "a part of 3 from 6 on along axis 0")]
fn refuses_parts_outside_of_the_whole() {
    let _ = DropoutConfig::new(0.5).init().forward_part(counting([3, 4], DType::F32), Address::default(), [8, 4], [6, 0]);
}

#[test]
fn monte_carlo_passes_count_nothing() {
    let modules = Addresses::new(42).scope(|| [DropoutConfig::new(0.5).init(), DropoutConfig::new(0.5).init()]);
    let x = || Tensor::<1>::ones([200], &Device::flex());
    let of = |seed, layer, step| {
        values(modules[0].forward_at(x(), Address { seed, layer: u32::try_from(layer).unwrap(), step, offset: 0 }))
    };
    Addresses::monte_carlo(7, || {
        for step in 0..3 {
            for (layer, module) in modules.iter().enumerate() {
                // Without autodiff, frozen, valid: a network as it is used for inference.
                for (call, module) in [module.clone(), module.clone().freeze(), module.valid()].iter().enumerate() {
                    assert_eq!(values(module.forward(x())), of(7, layer, 3 * step + u32::try_from(call).unwrap()));
                }
            }
        }
        Addresses::monte_carlo(8, || assert_eq!(values(modules[0].forward(x())), of(8, 0, 0)));
        assert_eq!(values(modules[1].forward(x())), of(7, 1, 9));
    });
    assert_eq!(modules.map(|module| module.counter.next().step), [0, 0]);
}

/// Two places of one network have one layer, and never one mask.
#[test]
fn clones_within_a_network_stay_one_layer_when_it_is_loaded() {
    let module = Addresses::new(42).scope(|| DropoutConfig::new(0.5).init());
    let net = [module.clone(), module];
    let _ = net[0].counter.count();
    let steps = |net: &[Dropout; 2]| [&net[0], &net[1], &net[0]].map(|module| module.counter.count().step);
    let copies = [0, 1].map(|_| net.clone().load_record(net.clone().into_record()));
    let reseeded = Addresses::reseed(net.clone(), 43);
    assert_eq!([&copies[0], &copies[1], &reseeded, &net].map(steps), [[1, 2, 3]; 4]);
    assert_eq!(reseeded.map(|module| module.counter.next().seed), [43; 2]);
}

/// Dropout of burn's own kind, where the kernels do not reach.
#[test]
fn other_devices() {
    #[expect(deprecated, reason = "it is another")]
    let device = Device::ndarray().autodiff();
    let module = DropoutConfig::new(0.5).init();
    let x = Tensor::<1>::ones([1000], &device).require_grad();
    let y = module.forward(x.clone());
    let gradient = values(x.grad(&y.backward()).unwrap());
    let y = values(y);
    let drops = y.iter().filter(|&&y| y == 0.0).count();
    let expected: Vec<f64> = y.iter().map(|&y| if y == 0.0 { 0.0 } else { 2.0 }).collect();
    assert!((400..600).contains(&drops) && y == expected, "{drops} drops of 1000");
    assert_eq!(y, gradient);
    assert_eq!(module.counter.next().step, 0);
}

#[test]
#[should_panic(expected = "dropout by an address on Device<")]
fn refuses_addresses_on_other_devices() {
    #[expect(deprecated, reason = "it is another")]
    let x = Tensor::<1>::ones([10], &Device::ndarray());
    let _ = DropoutConfig::new(0.5).init().forward_at(x, Address::default());
}

#[test]
#[should_panic(expected = "rate p = 1.5: expected a probability from 0 to 1")]
fn refuses_rates_that_are_not_probabilities() {
    let _ = DropoutConfig::new(1.5).init();
}

#[test]
#[should_panic(expected = "dropout of the channels of 2 axes")]
fn refuses_channels_without_maps() {
    let _ = DropoutConfig::new(0.5).with_kind(Kind::Channels).init().forward(counting([2, 3], DType::F32));
}

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    out: Linear,
    dropout: Dropout,
}

impl Net {
    fn new(seed: u64) -> Self {
        Addresses::new(seed).scope(|| Self {
            hidden: LinearConfig::new(8, 32).init(&device()),
            out: LinearConfig::new(32, 1).init(&device()),
            dropout: DropoutConfig::new(0.5).init(),
        })
    }

    fn train(mut self, steps: usize) -> Self {
        let x = counting([16, 8], DType::F32).sin();
        let mut optimizer = SgdConfig::new().init();
        for _ in 0..steps {
            let hidden = self.hidden.forward(x.clone()).tanh();
            // Twice in one step.
            let hidden = self.dropout.forward(hidden.clone()) + self.dropout.forward(hidden);
            let loss = (self.out.forward(hidden) - x.clone().sum_dim(1)).square().mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &self);
            self = optimizer.step(0.01, self, gradients);
        }
        self
    }

    fn weights(&self) -> Vec<f64> {
        [values(self.hidden.weight.val()), values(self.out.weight.val())].concat()
    }
}

#[test]
fn a_resumed_run_ends_as_one_that_was_not_interrupted() {
    let directory = std::env::temp_dir().join(format!("dropout-kernels-burn-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let file = directory.join("net");
    let first = Net::new(42).train(10);
    first.clone().into_record().save(&file).unwrap();
    let first = first.train(10);

    let resume = || {
        let net = Net::new(0).load_record(ModuleRecord::load(&file).unwrap());
        assert_eq!(net.dropout.counter.next(), Address { seed: 42, layer: 0, step: 20, offset: 0 });
        net
    };
    let resumed = resume().train(10);
    assert_eq!(resumed.weights(), first.weights());
    let mut other = resume();
    other.dropout.counter = Counter::new(Address::default());
    assert_ne!(other.train(10).weights(), first.weights(), "the test would not see other masks");
    std::fs::remove_dir_all(directory).unwrap();
}
