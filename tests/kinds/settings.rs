//! What a layer says of itself.

use dropout_kernels::{Address, AlphaDropout, Backend, Dropout, Layout, Mask, QuantizedDropout, Rate, Scaling};

#[test]
fn settings_can_be_read() {
    let (rate, layout) = (Rate::new(0.5).unwrap(), Layout::nchw([2, 3, 4, 5]).unwrap());
    let dropout = Dropout::new(rate);
    assert_eq!((dropout.rate(), dropout.scaling(), dropout.layout()), (rate, Scaling::Inverted, None));
    assert_eq!(dropout.backend(), Backend::detect());
    let other = dropout.with_scaling(Scaling::Classic).with_layout(layout);
    assert_eq!((other.scaling(), other.layout()), (Scaling::Classic, Some(&layout)));
    for backend in Backend::all() {
        assert_eq!(other.on(backend).backend(), backend);
    }
    assert_eq!(QuantizedDropout::new(rate, -7_i8).zero_point(), -7);
    let shown = format!("{dropout:?}");
    assert!(shown.contains("factor: 2.0") && shown.contains("Inverted"), "{shown}");
}

#[test]
fn a_layer_gives_its_mask() {
    let (rate, address) = (Rate::new(0.3).unwrap(), Address { seed: 42, layer: 1, step: 2, offset: 3 });
    let words = |mask: Mask| {
        let mut words = [0; 4];
        mask.words(128, &mut words).unwrap();
        words
    };
    let expected = words(Mask::new(rate, address));
    assert_eq!(words(Dropout::new(rate).mask(address)), expected);
    assert_eq!(words(AlphaDropout::new(rate).mask(address)), expected);
    assert_eq!(words(QuantizedDropout::new(rate, 0_u8).mask(address)), expected);
}
