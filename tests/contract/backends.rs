//! The list of backends that every other test goes through.

use std::collections::HashSet;

use dropout_kernels::{Address, Backend, Dropout, Mask, Rate};

#[test]
fn the_list_has_each_backend_once_and_the_detected_one() {
    let all: Vec<Backend> = Backend::all().collect();
    assert!(all.contains(&Backend::detect()));
    assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len());
    let names: HashSet<&str> = all.iter().map(|backend| backend.name()).collect();
    assert_eq!(all.len(), names.len());
    assert!(!names.contains(""));
    assert!(all.iter().all(|backend| backend.to_string() == backend.name()));
}

/// Backends give the same bits, so that only equality tells whether the choice of one was heard.
#[test]
fn a_chosen_backend_is_part_of_a_layer_and_of_a_mask() {
    let rate = Rate::new(0.5).unwrap();
    let (dropout, mask) = (Dropout::new(rate), Mask::new(rate, Address::default()));
    let chosen: HashSet<String> = Backend::all().map(|backend| format!("{:?}", dropout.on(backend))).collect();
    assert_eq!(chosen.len(), Backend::all().count());
    assert!(Backend::all().all(|backend| dropout.on(backend) != dropout && mask.on(backend) != mask));
    assert!(Backend::all().all(|backend| dropout.on(backend).rate() == rate));
}
