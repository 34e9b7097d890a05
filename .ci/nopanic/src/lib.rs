//! The public functions of the library as the exports of a firmware image. `.ci/run` asserts that no panic can be reached from them.
//!
//! What is missing is missing for a reason: an error's `Display` and every `Debug` end in core's own formatting of floats, which can
//! panic, and `Backend::all` and `Backend::name` are for tests.
#![no_std]

use core::convert::Infallible;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use dropout_kernels::monte_carlo::{Moments, Uncertainty, entropy};
use dropout_kernels::philox::{Philox, philox4x32};
use dropout_kernels::{
    Activation, Address, AlphaDropout, DropBlock, Dropout, Element, Error, Filler, Fused, GaussianDropout, GaussianNoise, Kind,
    Layer, Layout, Mask, Mode, PackedMask, Part, QuantizedDropout, Rate, Scaling, Select, Shape,
};
use half::{bf16, f16};
use rand_core::TryRng;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

macro_rules! export {
    ($(fn $name:ident $(<$life:lifetime>)? ($($argument:ident: $type:ty),*) -> $output:ty = $body:expr;)*) => {
        $(#[unsafe(no_mangle)]
        pub fn $name $(<$life>)? ($($argument: $type),*) -> $output {
            $body
        })*
    };
}

export! {
    fn rate_new(p: f64) -> Result<Rate, Error> = Rate::new(p);
    fn rate_from_f32(p: f32) -> Result<Rate, Error> = Rate::from_f32(p);
    fn rate_from_ratio(numerator: u32, denominator: u32) -> Result<Rate, Error> = Rate::from_ratio(numerator, denominator);
    fn rate_from_threshold(threshold: u64) -> Result<Rate, Error> = Rate::from_threshold(threshold);
    fn rate_realised(rate: Rate) -> f64 = rate.realised();
    fn rate_keep(rate: Rate) -> f64 = rate.keep();
    fn rate_scale(rate: Rate) -> f64 = rate.scale();
    fn rate_fold_scale(rate: Rate, multiplier: i32, shift: i32) -> (i32, i32) = rate.fold_scale(multiplier, shift);

    fn layout_dense(shape: &[usize]) -> Result<Layout, Error> = Layout::dense(shape);
    fn layout_cl(shape: [usize; 2]) -> Result<Layout, Error> = Layout::cl(shape);
    fn layout_lc(shape: [usize; 2]) -> Result<Layout, Error> = Layout::lc(shape);
    fn layout_ncl(shape: [usize; 3]) -> Result<Layout, Error> = Layout::ncl(shape);
    fn layout_nlc(shape: [usize; 3]) -> Result<Layout, Error> = Layout::nlc(shape);
    fn layout_chw(shape: [usize; 3]) -> Result<Layout, Error> = Layout::chw(shape);
    fn layout_hwc(shape: [usize; 3]) -> Result<Layout, Error> = Layout::hwc(shape);
    fn layout_nchw(shape: [usize; 4]) -> Result<Layout, Error> = Layout::nchw(shape);
    fn layout_nhwc(shape: [usize; 4]) -> Result<Layout, Error> = Layout::nhwc(shape);
    fn layout_cdhw(shape: [usize; 4]) -> Result<Layout, Error> = Layout::cdhw(shape);
    fn layout_dhwc(shape: [usize; 4]) -> Result<Layout, Error> = Layout::dhwc(shape);
    fn layout_ncdhw(shape: [usize; 5]) -> Result<Layout, Error> = Layout::ncdhw(shape);
    fn layout_ndhwc(shape: [usize; 5]) -> Result<Layout, Error> = Layout::ndhwc(shape);
    fn layout_sample(shape: &[usize]) -> Result<Layout, Error> = Layout::sample(shape);
    fn layout_locked(shape: &[usize]) -> Result<Layout, Error> = Layout::locked(shape);
    fn layout_rows(rows: usize, columns: usize, stride: usize) -> Result<Layout, Error> = Layout::rows(rows, columns, stride);
    fn layout_shared(shape: &[usize], axes: &[usize]) -> Result<Layout, Error> = Layout::shared(shape, axes);
    fn layout_strided(shape: &[usize], strides: &[usize]) -> Result<Layout, Error> = Layout::strided(shape, strides);
    fn layout_part(part: Part<'_>) -> Result<Layout, Error> = Layout::part(part);
    fn layout_decisions(layout: &Layout) -> usize = layout.decisions();

    fn mask_keeps(rate: Rate, address: Address, index: u64) -> Result<bool, Error> = Mask::new(rate, address).keeps(index);
    fn mask_words(rate: Rate, address: Address, decisions: usize, words: &mut [u32]) -> Result<(), Error> =
        Mask::new(rate, address).words(decisions, words);
    fn mask_bools(rate: Rate, address: Address, keep: &mut [bool]) -> Result<(), Error> = Mask::new(rate, address).bools(keep);

    fn dropout_flat(rate: Rate, scaling: Scaling) -> Dropout = Dropout::new(rate).with_scaling(scaling);
    fn dropout_of(rate: Rate, layout: Layout) -> Dropout<Layout> = Dropout::new(rate).with_layout(layout);
    fn dropout_apply(dropout: &Dropout, mode: Mode, x: &[f32], y: &mut [f32]) -> Result<(), Error> = dropout.apply(mode, x, y);
    fn dropout_apply_uninit(dropout: &Dropout, mode: Mode, x: &[f32], y: &mut [MaybeUninit<f32>]) -> Result<(), Error> =
        dropout.apply_uninit(mode, x, y);
    fn dropout_backward_uninit(dropout: &Dropout, mode: Mode, grad_y: &[f32], grad_x: &mut [MaybeUninit<f32>]) -> Result<(), Error> =
        dropout.backward_uninit(mode, grad_y, grad_x);
    fn dropout_apply_on_layout(dropout: &Dropout<Layout>, mode: Mode, x: &[f32], y: &mut [f32]) -> Result<(), Error> = dropout.apply(mode, x, y);
    fn dropout_apply_in_place(dropout: &Dropout, mode: Mode, x: &mut [f32]) -> Result<(), Error> = dropout.apply_in_place(mode, x);
    fn dropout_backward(dropout: &Dropout, mode: Mode, grad_y: &[f32], grad_x: &mut [f32]) -> Result<(), Error> =
        dropout.backward(mode, grad_y, grad_x);
    fn dropout_backward_in_place(dropout: &Dropout, mode: Mode, grad: &mut [f32]) -> Result<(), Error> =
        dropout.backward_in_place(mode, grad);

    fn dropout_backward_add(dropout: &Dropout, mode: Mode, grad_y: &[f32], grad_x: &mut [f32]) -> Result<(), Error> =
        dropout.backward_add(mode, grad_y, grad_x);

    fn select_of(rate: Rate, layout: Layout) -> Select<Layout> = Select::new(rate).with_expectation().with_layout(layout);
    fn select_apply(select: &Select<Layout>, mode: Mode, kept: &[f32], filler: Filler<f32>, y: &mut [f32]) -> Result<(), Error> =
        select.apply(mode, kept, filler, y);
    fn select_i8_in_place(select: &Select<Layout>, mode: Mode, kept: &mut [i8], filler: Filler<i8>) -> Result<(), Error> =
        select.apply_in_place(mode, kept, filler);
    fn select_backward(
        select: &Select<Layout>,
        mode: Mode,
        grad_y: &[f32],
        grad_kept: &mut [f32],
        grad_dropped: &mut [f32]
    ) -> Result<(), Error> = select.backward(mode, grad_y, grad_kept, Some(grad_dropped));

    fn noise_of(deviation: f32) -> Result<GaussianNoise, Error> = GaussianNoise::new(deviation);
    fn noise_apply(noise: &GaussianNoise, mode: Mode, x: &[f32], y: &mut [f32]) -> Result<(), Error> = noise.apply(mode, x, y);
    fn noise_backward_add(noise: &GaussianNoise, mode: Mode, grad_y: &[f64], grad_x: &mut [f64]) -> Result<(), Error> =
        noise.backward_add(mode, grad_y, grad_x);

    fn drop_block_ncl(rate: Rate, block_size: [usize; 1], shape: [usize; 3]) -> Result<DropBlock, Error> = DropBlock::ncl(rate, block_size, shape);
    fn drop_block_nchw(rate: Rate, block_size: [usize; 2], shape: [usize; 4]) -> Result<DropBlock, Error> = DropBlock::nchw(rate, block_size, shape);
    fn drop_block_ncdhw(rate: Rate, block_size: [usize; 3], shape: [usize; 5]) -> Result<DropBlock, Error> = DropBlock::ncdhw(rate, block_size, shape);
    fn drop_block_nlc(rate: Rate, block_size: [usize; 1], shape: [usize; 3]) -> Result<DropBlock, Error> = DropBlock::nlc(rate, block_size, shape);
    fn drop_block_nhwc(rate: Rate, block_size: [usize; 2], shape: [usize; 4]) -> Result<DropBlock, Error> = DropBlock::nhwc(rate, block_size, shape);
    fn drop_block_ndhwc(rate: Rate, block_size: [usize; 3], shape: [usize; 5]) -> Result<DropBlock, Error> = DropBlock::ndhwc(rate, block_size, shape);
    fn drop_block_shared(drop_block: DropBlock) -> DropBlock = drop_block.with_shared_channels();
    fn drop_block_draw<'a>(drop_block: &DropBlock, address: Address, words: &'a mut [u32]) -> Result<PackedMask<'a>, Error> =
        drop_block.draw(address, words);
    fn drop_block_apply(drop_block: &DropBlock, mask: Option<PackedMask>, x: &[f32], y: &mut [f32]) -> Result<(), Error> =
        drop_block.apply(mask, x, y);

    fn fused_new(dropout: Dropout, activation: Activation) -> Fused<'static> = Fused::new(dropout, activation);
    fn fused_apply(fused: &Fused<'_>, mode: Mode, x: &[f32], residual: Option<&[f32]>, y: &mut [f32]) -> Result<(), Error> =
        fused.apply(mode, x, residual, y);
    fn fused_apply_in_place(fused: &Fused<'_>, mode: Mode, x: &mut [f32], residual: Option<&[f32]>) -> Result<(), Error> =
        fused.apply_in_place(mode, x, residual);
    fn fused_add(fused: &Fused<'_>, mode: Mode, x: &[f32], residual: &mut [f32]) -> Result<(), Error> = fused.add(mode, x, residual);
    fn fused_backward(
        fused: &Fused<'_>,
        mode: Mode,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>
    ) -> Result<(), Error> = fused.backward(mode, x, grad_y, grad_x, grad_bias);
    fn fused_backward_in_place(
        fused: &Fused<'_>,
        mode: Mode,
        x: &[f32],
        grad: &mut [f32],
        grad_bias: Option<&mut [f32]>
    ) -> Result<(), Error> = fused.backward_in_place(mode, x, grad, grad_bias);
    fn fused_backward_add(
        fused: &Fused<'_>,
        mode: Mode,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>
    ) -> Result<(), Error> = fused.backward_add(mode, x, grad_y, grad_x, grad_bias);

    fn dropout_f64(layer: &Dropout<Layout>, mode: Mode, x: &[f64], y: &mut [f64]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn dropout_f16(layer: &Dropout<Layout>, mode: Mode, x: &[f16], y: &mut [f16]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn dropout_bf16(layer: &Dropout<Layout>, mode: Mode, x: &[bf16], y: &mut [bf16]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn dropout_rate(layer: &Dropout) -> Rate = layer.rate();
    fn dropout_recording(layer: &Dropout, address: Address, x: &[f32], y: &mut [f32], mask: &mut [u32]) -> Result<(), Error> =
        layer.apply_recording(address, x, y, mask);

    fn alpha_of(rate: Rate, layout: Layout) -> AlphaDropout<Layout> = AlphaDropout::new(rate).with_layout(layout);
    fn alpha_f32(layer: &AlphaDropout<Layout>, mode: Mode, x: &[f32], y: &mut [f32]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn alpha_f64(layer: &AlphaDropout<Layout>, mode: Mode, x: &[f64], y: &mut [f64]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn alpha_f16(layer: &AlphaDropout<Layout>, mode: Mode, x: &[f16], y: &mut [f16]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn alpha_bf16(layer: &AlphaDropout<Layout>, mode: Mode, x: &[bf16], y: &mut [bf16]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn alpha_rate(layer: &AlphaDropout<Layout>) -> Rate = layer.rate();

    fn gaussian_of(rate: Rate, layout: Layout) -> GaussianDropout<Layout> = GaussianDropout::new(rate).with_layout(layout);
    fn gaussian_f32(layer: &GaussianDropout<Layout>, mode: Mode, x: &[f32], y: &mut [f32]) -> Result<(), Error> = passes(layer, mode, x, y);
    fn gaussian_f64(layer: &GaussianDropout<Layout>, mode: Mode, x: &[f64], y: &mut [f64]) -> Result<(), Error> = passes(layer, mode, x, y);
    fn gaussian_f16(layer: &GaussianDropout<Layout>, mode: Mode, x: &[f16], y: &mut [f16]) -> Result<(), Error> = passes(layer, mode, x, y);
    fn gaussian_bf16(layer: &GaussianDropout<Layout>, mode: Mode, x: &[bf16], y: &mut [bf16]) -> Result<(), Error> = passes(layer, mode, x, y);
    fn gaussian_rate(layer: &GaussianDropout<Layout>) -> Rate = layer.rate();

    fn quantized_of(rate: Rate, zero_point: i8, layout: Layout) -> QuantizedDropout<i8, Layout> =
        QuantizedDropout::new(rate, zero_point).with_fixed_point_scale().with_layout(layout);
    fn quantized_i8(layer: &QuantizedDropout<i8>, mode: Mode, x: &[i8], y: &mut [i8]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn quantized_u8(layer: &QuantizedDropout<u8>, mode: Mode, x: &[u8], y: &mut [u8]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn quantized_i16(layer: &QuantizedDropout<i16>, mode: Mode, x: &[i16], y: &mut [i16]) -> Result<(), Error> = mask_passes(layer, mode, x, y);
    fn quantized_rate(layer: &QuantizedDropout<i8>) -> Rate = layer.rate();
    fn quantized_scale(layer: &QuantizedDropout<i8>) -> f64 = layer.scale();

    fn packed_new(words: &'static [u32], first: usize, decisions: usize) -> Result<PackedMask<'static>, Error> =
        PackedMask::new(words, first, decisions);
    fn packed_decisions(mask: PackedMask<'_>) -> usize = mask.decisions();
    fn packed_keeps(mask: PackedMask<'_>, index: usize) -> Option<bool> = mask.keeps(index);
    fn packed_count_kept(mask: PackedMask<'_>) -> usize = mask.count_kept();

    fn moments_new(mean: &mut [f32], m2: &mut [f32]) -> bool = Moments::new(mean, m2).is_ok();
    fn moments_resume(passes: u32, mean: &mut [f32], m2: &mut [f32]) -> bool = Moments::resume(passes, mean, m2).is_ok();
    fn moments_add(moments: &mut Moments<'_>, y: &[f32]) -> Result<(), Error> = moments.add(y);
    fn moments_add_f16(moments: &mut Moments<'_>, y: &[f16]) -> Result<(), Error> = moments.add(y);
    fn moments_add_bf16(moments: &mut Moments<'_>, y: &[bf16]) -> Result<(), Error> = moments.add(y);
    fn moments_add_f64(moments: &mut Moments<'_, f64>, y: &[f64]) -> Result<(), Error> = moments.add(y);
    fn moments_merge(moments: &mut Moments<'_>, other: &Moments<'_>) -> Result<(), Error> = moments.merge(other);
    fn moments_merge_f64(moments: &mut Moments<'_, f64>, other: &Moments<'_, f64>) -> Result<(), Error> = moments.merge(other);
    fn moments_population_variance(moments: &Moments<'_>, to: &mut [f32]) -> () = fill(to, moments.population_variance());
    fn moments_sample_variance(moments: &Moments<'_>, to: &mut [f32]) -> () = fill(to, moments.sample_variance());
    fn uncertainty_new(classes: usize, mean: &mut [f32], expected_entropy: &mut [f32]) -> bool =
        Uncertainty::new(classes, mean, expected_entropy).is_ok();
    fn uncertainty_resume(passes: u32, classes: usize, mean: &mut [f32], expected_entropy: &mut [f32]) -> bool =
        Uncertainty::resume(passes, classes, mean, expected_entropy).is_ok();
    fn uncertainty_add(uncertainty: &mut Uncertainty<'_>, probabilities: &[f32]) -> Result<(), Error> = uncertainty.add(probabilities);
    fn uncertainty_add_f16(uncertainty: &mut Uncertainty<'_>, probabilities: &[f16]) -> Result<(), Error> = uncertainty.add(probabilities);
    fn uncertainty_add_f64(uncertainty: &mut Uncertainty<'_, f64>, probabilities: &[f64]) -> Result<(), Error> = uncertainty.add(probabilities);
    fn uncertainty_merge(uncertainty: &mut Uncertainty<'_>, other: &Uncertainty<'_>) -> Result<(), Error> = uncertainty.merge(other);
    fn uncertainty_predictive_entropy(uncertainty: &Uncertainty<'_>, to: &mut [f32]) -> () = fill(to, uncertainty.predictive_entropy());
    fn uncertainty_mutual_information(uncertainty: &Uncertainty<'_>, to: &mut [f32]) -> () = fill(to, uncertainty.mutual_information());
    fn entropy_of(probabilities: &[f32]) -> f32 = entropy(probabilities);
    fn entropy_of_f64(probabilities: &[f64]) -> f64 = entropy(probabilities);

    fn philox_block(counter: [u32; 4], key: [u32; 2], rounds: u32) -> [u32; 4] = philox4x32(counter, key, rounds);
    fn philox_new(key: [u32; 2]) -> Philox = Philox::new(key);
    fn philox_set_position(rng: &mut Philox, position: u128) -> () = rng.set_position(position);
    fn philox_next_u32(rng: &mut Philox) -> Result<u32, Infallible> = rng.try_next_u32();
    fn philox_next_u64(rng: &mut Philox) -> Result<u64, Infallible> = rng.try_next_u64();
    fn philox_fill_bytes(rng: &mut Philox, bytes: &mut [u8]) -> Result<(), Infallible> = rng.try_fill_bytes(bytes);
}

/// Every method that all kinds share.
fn passes<E: Element, K: Kind<E>, L: Shape>(layer: &Layer<K, L>, mode: Mode, x: &[E], y: &mut [E]) -> Result<(), Error> {
    layer.apply(mode, x, y)?;
    layer.apply_in_place(mode, y)?;
    layer.backward(mode, x, y)?;
    layer.backward_in_place(mode, y)
}

/// And those of the kinds with masks.
fn mask_passes<E: Element, K: Kind<E>, L: Shape>(layer: &Layer<K, L>, mode: Mode, x: &[E], y: &mut [E]) -> Result<(), Error> {
    if let Mode::Train(address) = mode {
        layer.apply_recording(address, x, y, &mut [0; 8])?;
    }
    passes(layer, mode, x, y)
}

fn fill(to: &mut [f32], from: impl Iterator<Item = f32>) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from);
}
