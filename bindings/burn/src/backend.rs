//! The operation, for burn's backends: on tensors of Flex, and with a backward step of its own under autodiff.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};
use burn::tensor::{DType, Element, TensorData};
use bytemuck::Pod;
use dropout_kernels::{self as kernels, Address, AlphaDropout, Layer, Layout, Mode, Rate};

use crate::kind::Kind;

/// One pass of one mask. It holds the mask's address, not the mask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub(crate) kind: Kind,
    pub(crate) rate: Rate,
    pub(crate) layout: Layout,
    pub(crate) address: Address,
    pub(crate) direction: Direction,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// Backends with this operation.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait DropoutBackend: Backend {
    #[allow(clippy::large_types_passed_by_value, reason = "it stays in the graph")]
    fn dropout(x: FloatTensor<Self>, pass: Pass) -> FloatTensor<Self>;
}

impl<B: DropoutBackend, C: CheckpointStrategy> DropoutBackend for Autodiff<B, C> {
    fn dropout(x: FloatTensor<Self>, pass: Pass) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;

        impl<B: DropoutBackend> Backward<B, 1> for Step {
            type State = Pass;

            fn backward(self, ops: Ops<Pass, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let pass = Pass { direction: Direction::Backward, ..ops.state };
                unary::<B, _>(ops.parents, ops.node, grads, |grad| B::dropout(grad, pass));
            }
        }

        let (x, node) = x.into_parts();
        match Backward::<B, 1>::prepare::<C>(Step, [node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(pass, B::dropout(x, pass)),
            OpsKind::UnTracked(prep) => prep.finish(B::dropout(x, pass)),
        }
    }
}

impl DropoutBackend for Flex {
    fn dropout(x: FloatTensor<Self>, pass: Pass) -> FloatTensor<Self> {
        match x.dtype() {
            DType::F32 => pass.run::<f32>(x),
            DType::F64 => pass.run::<f64>(x),
            DType::F16 => pass.run::<burn::tensor::f16>(x),
            DType::BF16 => pass.run::<burn::tensor::bf16>(x),
            dtype => panic!("dropout of {dtype:?}: expected F32, F64, F16 or BF16"),
        }
    }
}

impl Pass {
    fn run<E: Element + Pod + kernels::Float>(self, x: FloatTensor<Flex>) -> FloatTensor<Flex> {
        match self.kind {
            Kind::Elements | Kind::Channels => self.apply::<E, _>(kernels::Dropout::new(self.rate), x),
            Kind::Alpha => self.apply::<E, _>(AlphaDropout::new(self.rate), x),
        }
    }

    fn apply<E, K>(self, layer: Layer<K>, x: FloatTensor<Flex>) -> FloatTensor<Flex>
    where
        E: Element + Pod + kernels::Element,
        K: kernels::Kind<E> + Copy,
    {
        let mut x = if x.is_contiguous() { x } else { x.to_contiguous() };
        let layer = layer.with_layout(self.layout).in_parallel();
        let (start, end) = x.layout().contiguous_offsets().expect("a contiguous tensor");
        let mode = Mode::Train(self.address);

        let (result, y) = if x.is_unique() {
            let slice = &mut x.storage_mut()[start..end];
            let result = match self.direction {
                Direction::Forward => layer.apply_in_place(mode, slice),
                Direction::Backward => layer.backward_in_place(mode, slice),
            };
            (result, x)
        } else {
            let shape = x.layout().shape().clone();
            let (x, mut y) = (&x.storage()[start..end], vec![E::zeroed(); end - start]);
            let result = match self.direction {
                Direction::Forward => layer.apply(mode, x, &mut y),
                Direction::Backward => layer.backward(mode, x, &mut y),
            };
            (result, <FloatTensor<Flex>>::from_data(TensorData::new(y, shape)))
        };
        result.unwrap_or_else(|error| panic!("{error}"));
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_place_of_a_tensor_that_nobody_else_holds() {
        let tensor = || <FloatTensor<Flex>>::from_data(TensorData::new(vec![1.0_f32; 100], [100]));
        let (rate, layout, address) = (Rate::new(0.5).unwrap(), Layout::flat(100), Address::default());
        let pass = |direction| Pass { kind: Kind::Elements, rate, layout, address, direction };
        for direction in [Direction::Forward, Direction::Backward] {
            let (x, shared) = (tensor(), tensor());
            let place = x.bytes().as_ptr();
            let y = Flex::dropout(x, pass(direction));
            assert_eq!(y.bytes().as_ptr(), place);

            let z = Flex::dropout(shared.clone(), pass(direction));
            assert_eq!(z.storage::<f32>(), y.storage::<f32>());
            assert_eq!(shared.storage::<f32>(), [1.0; 100]);
        }
    }
}
