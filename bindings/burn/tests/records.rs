//! What records keep, who shares it, and where it lies.

use std::process::Command;

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::store::ModuleRecord;
use burn::tensor::{Device, IntDType, Tensor};
use dropout_kernels_burn::{Address, Addresses, Counter, Dropout, DropoutConfig, Kind};

#[derive(Module, Debug)]
struct Net {
    linear: Linear,
    dropout: Dropout,
}

impl Net {
    fn new() -> Self {
        let device = Device::flex().autodiff();
        Self { linear: LinearConfig::new(8, 8).init(&device), dropout: DropoutConfig::new(0.5).init() }
    }

    fn seeded(seed: u64) -> Self {
        Addresses::new(seed).scope(Self::new)
    }

    fn forward(&self) -> Tensor<2> {
        self.dropout.forward(self.linear.forward(Tensor::ones([16, 8], &Device::flex().autodiff())))
    }

    fn step(self) -> Self {
        let gradients = GradientsParams::from_grads(self.forward().mean().backward(), &self);
        SgdConfig::new().init().step(0.01, self, gradients)
    }

    fn next(&self) -> Address {
        self.dropout.counter.next()
    }
}

/// The same with burn's own module.
#[derive(Module, Debug)]
struct Burns {
    linear: Linear,
    dropout: burn::nn::Dropout,
}

impl Burns {
    fn new() -> Self {
        let linear = LinearConfig::new(8, 8).init(&Device::flex().autodiff());
        Self { linear, dropout: burn::nn::DropoutConfig::new(0.5).init() }
    }
}

fn step_of(seed: u64, step: u32) -> Address {
    Address { seed, layer: 0, step, offset: 0 }
}

#[test]
fn a_record_in_a_clone_leaves_the_live_model_alone() {
    let live = Net::seeded(42);
    let best = live.clone().into_record();
    let _ = [0; 5].map(|_| live.forward());
    let loaded = live.clone().load_record(best.clone()).valid();
    assert_eq!((live.next(), loaded.next()), (step_of(42, 5), step_of(42, 0)));

    // The record of another model.
    let other = live.clone().load_record(Net::seeded(7).into_record());
    assert_eq!((live.next(), other.next()), (step_of(42, 5), step_of(7, 0)));
    other.forward();
    assert_eq!((live.next(), other.next()), (step_of(42, 5), step_of(7, 1)));

    // One that says what the live model says, now.
    let same = live.clone().load_record(live.clone().into_record());
    same.forward();
    assert_eq!((live.next(), same.next()), (step_of(42, 5), step_of(42, 6)));
}

#[test]
fn what_is_not_loaded_counts_together() {
    let live = Net::seeded(42);
    let (clone, valid, forked) = (live.clone(), live.valid(), live.clone().fork(&Device::flex().autodiff()));
    let mut trained = live.clone();
    for step in 1..4 {
        trained = trained.step();
        assert_eq!([&live, &clone, &valid, &forked, &trained].map(Net::next), [step_of(42, step); 5]);
    }
    let quantized_or_cast = live.clone().freeze().unfreeze().to_device(&Device::flex().autodiff());
    quantized_or_cast.forward();
    assert_eq!(live.next(), step_of(42, 4));
}

/// Runs a test of this file again, in a process of its own.
fn in_a_process(test: &str, variable: &str, value: &str) {
    let mut run = Command::new(std::env::current_exe().unwrap());
    let output = run.args(["--exact", test, "--include-ignored"]).env(variable, value).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
}

/// A training step, a record, and a load.
fn train_and_load(seed: u64) {
    let net = Net::seeded(seed).step().step();
    let record = ModuleRecord::from_bytes(net.clone().into_record().into_bytes().unwrap()).unwrap();
    let loaded = Net::seeded(0).load_record(record);
    assert_eq!(loaded.next(), step_of(seed, 2));
    // Into the type of integers that the module has.
    assert_eq!(Net::seeded(0).load_record(net.into_record().cast_to_module_dtype()).next(), step_of(seed, 2));
}

/// burn makes a device that this build does not have the default one, which panics where it is asked for.
#[test]
fn the_default_device_is_not_touched() {
    if std::env::var_os("BURN_DEVICE").is_none() {
        return in_a_process("the_default_device_is_not_touched", "BURN_DEVICE", "wgpu");
    }
    std::panic::catch_unwind(Device::default).unwrap_err();
    train_and_load(42);
}

/// Every word of the seed has its highest bit.
#[test]
fn any_type_of_integers() {
    const TYPES: [IntDType; 8] =
        [IntDType::I64, IntDType::I32, IntDType::I16, IntDType::I8, IntDType::U64, IntDType::U32, IntDType::U16, IntDType::U8];
    let Ok(which) = std::env::var("INTEGERS") else {
        return (0..TYPES.len()).for_each(|which| in_a_process("any_type_of_integers", "INTEGERS", &which.to_string()));
    };
    Device::flex().configure(TYPES[which.parse::<usize>().unwrap()]).unwrap();
    train_and_load(0xFEDC_BA98_F654_3210);
}

/// Without a seed, a module has nothing to record.
#[test]
fn records_of_burns_own_module() {
    let (burns, ours) = (Burns::new(), Net::new());
    let before = ours.next();
    let loaded = ours.clone().load_record(burns.clone().into_record());
    assert_eq!(loaded.next(), before);
    assert_eq!(loaded.linear.weight.val().into_data(), burns.linear.weight.val().into_data());
    let loaded = burns.load_record(Net::new().into_record());
    assert_eq!(loaded.dropout.prob.to_bits(), 0.5_f64.to_bits());

    // With one, burn wants to be told that a record lacks it, or that nobody is there to take it.
    let seeded = Net::seeded(42).step();
    let record = Burns::new().into_record();
    let error = seeded.clone().try_load_record(record.clone()).unwrap_err().to_string();
    assert!(error.contains(r#"Missing tensors: ["dropout.counter"]"#), "{error}");
    assert_eq!(seeded.clone().load_record(record.allow_partial(true)).next(), step_of(42, 1));
    let error = Burns::new().try_load_record(seeded.clone().into_record()).unwrap_err().to_string();
    assert!(error.contains(r#"Unused tensors: ["dropout.counter"]"#), "{error}");
    let _ = Burns::new().load_record(seeded.into_record().allow_unused(true));
}

#[test]
fn configurations_of_burns_own_module() {
    let burns = burn::nn::DropoutConfig::new(0.25).to_string();
    let ours = DropoutConfig::load_binary(burns.as_bytes()).unwrap();
    assert_eq!((ours.prob.to_bits(), ours.kind), (0.25_f64.to_bits(), Kind::Elements));
    for kind in [Kind::Elements, Kind::Channels, Kind::Alpha] {
        let ours = DropoutConfig::new(0.25).with_kind(kind);
        assert_eq!(DropoutConfig::load_binary(ours.to_string().as_bytes()).unwrap().kind, kind);
        assert_eq!(burn::nn::DropoutConfig::load_binary(ours.to_string().as_bytes()).unwrap().to_string(), burns);
    }
}

#[test]
fn one_line_as_burns_own() {
    let (burns, ours) = (burn::nn::DropoutConfig::new(0.5), DropoutConfig::new(0.5));
    assert_eq!(ours.init().to_string(), burns.init().to_string());
    assert_eq!(ours.init().freeze().to_string(), burns.init().freeze().to_string());
    let channels = ours.with_kind(Kind::Channels).init();
    assert_eq!(channels.to_string(), "Dropout {prob: 0.5, kind: Channels}");
}

#[test]
fn a_counter_that_is_made_by_hand_is_recorded() {
    let mut net = Net::new();
    net.dropout.counter = Counter::new(step_of(1, 9));
    assert_eq!(Net::seeded(0).load_record(net.into_record()).next(), step_of(1, 9));
}
