/*
 * Dropout kernels for C99 and C++11: reproducible masks, no allocation, no global state.
 *
 * The rules for all functions:
 *
 * - A function returns DK_OK, which is 0, or an error, which is positive. After an error it has written nothing.
 * - A pointer points to as many elements as its length says, or to one if there is no length. With a length of 0 it
 *   may be NULL. A layout may be NULL. Anything else that is NULL is DK_ERROR_NULL.
 * - Pointers are aligned for their types, or it is DK_ERROR_ALIGNMENT.
 * - A pass works in place if it gets the same pointer twice. Otherwise no array that is written overlaps another one,
 *   or it is DK_ERROR_OVERLAP.
 * - Functions keep no pointers, and need no scratch buffers. Threads may call them at the same time, on arrays of which
 *   nobody writes what another reads.
 *
 * Made by cbindgen from bindings/c/src. Do not edit.
 */


#ifndef DROPOUT_KERNELS_H
#define DROPOUT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/**
 * The first number of the version.
 */
#define DK_VERSION_MAJOR 0

/**
 * The second one. Before 1.0 it is new when programs have to be compiled again.
 */
#define DK_VERSION_MINOR 1

/**
 * The third one.
 */
#define DK_VERSION_PATCH 0

/**
 * The version in one number, to be compared: 0x000100 is 0.1.0.
 */
#define DK_VERSION (((DK_VERSION_MAJOR << 16) | (DK_VERSION_MINOR << 8)) | DK_VERSION_PATCH)

/**
 * The maximum number of axes of a layout.
 */
#define DK_MAX_RANK 8

/**
 * What a function says of its arguments. After anything but `DK_OK`, it has written nothing.
 */
enum dk_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * All is well.
   */
  DK_OK,
  /**
   * A pointer that is NULL, though its length is not 0.
   */
  DK_ERROR_NULL,
  /**
   * A pointer that is not aligned for its type.
   */
  DK_ERROR_ALIGNMENT,
  /**
   * Arrays that overlap. To work in place, give the same pointer twice.
   */
  DK_ERROR_OVERLAP,
  /**
   * A length that does not fit the other arguments, or an array larger than the address space.
   */
  DK_ERROR_LENGTH,
  /**
   * A rate that is not a probability: NaN, infinite, negative or above 1.
   */
  DK_ERROR_RATE,
  /**
   * A ratio whose denominator is 0 or below its numerator.
   */
  DK_ERROR_RATIO,
  /**
   * A threshold above 2^32.
   */
  DK_ERROR_THRESHOLD,
  /**
   * Too many axes; of DropBlock also none.
   */
  DK_ERROR_RANK,
  /**
   * A shared axis that the shape does not have.
   */
  DK_ERROR_AXIS,
  /**
   * A stride with which elements would overlap.
   */
  DK_ERROR_STRIDE,
  /**
   * A part that ends outside of the whole tensor.
   */
  DK_ERROR_PART,
  /**
   * More elements or decisions than `size_t` holds.
   */
  DK_ERROR_SHAPE_OVERFLOW,
  /**
   * Decisions whose logical indices do not all fit 64 bits.
   */
  DK_ERROR_INDEX_OVERFLOW,
  /**
   * A `pass` that is no `dk_pass`.
   */
  DK_ERROR_PASS,
  /**
   * A stored mask for Gaussian dropout, which has noise instead.
   */
  DK_ERROR_STORED_MASK,
  /**
   * A block size of 0.
   */
  DK_ERROR_BLOCK_SIZE,
  /**
   * A flag that there is not.
   */
  DK_ERROR_FLAGS,
  /**
   * An argument that a later version of the kernels refuses.
   */
  DK_ERROR_OTHER,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dk_error dk_error;
#else
typedef int32_t dk_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a pass does: keep everything, drop by a computed mask, or drop by a stored one.
 */
enum dk_pass
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Inference: nothing is dropped.
   */
  DK_EVAL = 0,
  /**
   * Training, and each pass of Monte-Carlo dropout: the mask of the address.
   */
  DK_TRAIN = 1,
  /**
   * The same with the stored mask.
   */
  DK_STORED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dk_pass dk_pass;
#else
typedef uint32_t dk_pass;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a DropBlock layer is, beside its sizes. Flags are added.
 */
enum dk_drop_block_flag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Tensors are N x (spatial axes) x C instead of N x C x (spatial axes).
   */
  DK_CHANNELS_LAST = 1,
  /**
   * All channels of a sample have the same mask.
   */
  DK_SHARED_CHANNELS = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dk_drop_block_flag dk_drop_block_flag;
#else
typedef uint32_t dk_drop_block_flag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The probability p of *dropping*, as the threshold T = p * 2^32: from 0, which drops nothing, to 2^32, which drops
 * everything. Every function that takes a rate checks it, so the threshold can also be written directly.
 */
typedef struct dk_rate {
  /**
   * T, at most 2^32.
   */
  uint64_t threshold;
} dk_rate;

/**
 * A tensor, or a box of a larger one, and the axes along which its elements share a decision. Each array has `rank`
 * entries; extents and strides are counted in elements.
 *
 * Where a function takes a layout, NULL means any length, with one decision per element.
 */
typedef struct dk_layout {
  /**
   * The number of axes, at most `DK_MAX_RANK`.
   */
  size_t rank;
  /**
   * The extents, in row-major order: the last axis is the innermost.
   */
  const size_t *shape;
  /**
   * The axes along which all elements share a decision: bit i for axis i. For feature maps of N x C x H x W,
   * 1 << 2 | 1 << 3.
   */
  uint32_t shared;
  /**
   * The distance in memory from one position to the next along each axis. NULL if there are no gaps.
   */
  const size_t *strides;
  /**
   * The shape of the larger tensor that this is a part of. NULL if there is none.
   */
  const size_t *whole;
  /**
   * Where in the larger tensor the part begins. NULL if at its first element.
   */
  const size_t *start;
} dk_layout;

/**
 * How large something is.
 */
typedef struct dk_size {
  /**
   * The length of the arrays of values.
   */
  size_t elements;
  /**
   * The number of decisions: of the whole tensor, if the layout is that of a part. It is the distance from the offset
   * of one window to that of the next.
   */
  size_t decisions;
  /**
   * The number of 32-bit words of a stored mask.
   */
  size_t words;
} dk_size;

/**
 * The address of a mask: the same address and rate give the same mask, on every CPU.
 */
typedef struct dk_address {
  /**
   * The run.
   */
  uint64_t seed;
  /**
   * The layer within the network.
   */
  uint32_t layer;
  /**
   * The training step, or the number of the pass in Monte-Carlo dropout.
   */
  uint32_t step;
  /**
   * The logical index of the first decision: 0, or where a window of a larger tensor begins.
   */
  uint64_t offset;
} dk_address;

/**
 * A stored mask: keep bits in 32-bit words, bit i % 32 of word i / 32, counted from the least significant.
 */
typedef struct dk_stored_mask {
  /**
   * NULL if there are none.
   */
  const uint32_t *words;
  /**
   * The number of words.
   */
  size_t len;
  /**
   * The bit of the words with which the mask begins.
   */
  size_t first;
  /**
   * The number of decisions: as many as the tensor has, or for DropBlock the number of bits of the mask.
   */
  size_t decisions;
} dk_stored_mask;

/**
 * What a pass does, and by which mask. Give the backward pass the mode of the forward pass.
 */
typedef struct dk_mode {
  /**
   * A `dk_pass`.
   */
  uint32_t pass;
  /**
   * Read if `pass` is `DK_TRAIN`.
   */
  struct dk_address address;
  /**
   * Read if `pass` is `DK_STORED`.
   */
  struct dk_stored_mask mask;
} dk_mode;

/**
 * DropBlock, which drops patches of feature maps of one to three axes.
 */
typedef struct dk_drop_block {
  /**
   * The rate p of elements. That of patches follows from it.
   */
  struct dk_rate rate;
  /**
   * 0, or a sum of `dk_drop_block_flag`.
   */
  uint32_t flags;
  /**
   * The number of spatial axes, from 1 to 3.
   */
  uint32_t axes;
  /**
   * N.
   */
  size_t samples;
  /**
   * C.
   */
  size_t channels;
  /**
   * The extents of a map, along as many axes.
   */
  size_t map[3];
  /**
   * The extents of a patch, along as many axes.
   */
  size_t block_size[3];
  /**
   * The factor of kept values, or 0 to count it from the mask. For part of a batch, give that of the whole: the
   * number of bits of the masks of all parts, divided by the number of kept ones.
   */
  double scale;
} dk_drop_block;

/**
 * The moments of some passes of Monte-Carlo dropout. They may be stored, sent, and put together again. Of no passes,
 * what the arrays hold does not matter, and functions make it 0.
 */
typedef struct dk_moments {
  /**
   * The number of passes.
   */
  uint32_t passes;
  /**
   * The mean of each element.
   */
  float *mean;
  /**
   * The sum of each element's squared differences from its mean.
   */
  float *m2;
  /**
   * The number of elements of either array.
   */
  size_t len;
} dk_moments;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of a `dk_error`, such as "DK_ERROR_RATE", and "unknown" for any other number. It is static and never NULL.
 */
const char *dk_error_name(int32_t error);

/**
 * The rate nearest to p.
 *
 * `DK_ERROR_RATE` if p is NaN, infinite, negative or above 1.
 */
dk_error dk_rate_from_double(double p, struct dk_rate *rate);

/**
 * The rate nearest to numerator / denominator, without floating-point numbers.
 *
 * `DK_ERROR_RATIO` if the denominator is 0 or less than the numerator.
 */
dk_error dk_rate_from_ratio(uint32_t numerator, uint32_t denominator, struct dk_rate *rate);

/**
 * The scale 1/(1-p), by which inverted dropout multiplies kept values. Infinite at p = 1.
 */
dk_error dk_rate_scale(struct dk_rate rate, double *scale);

/**
 * Folds the scale 1/(1-p) into a requantisation, in place: the pair stands for multiplier * 2^(shift - 31), as
 * of TensorFlow Lite and CMSIS-NN, and then for that times the scale. So quantised dropout costs no multiplication.
 *
 * The new multiplier has 31 bits, from 2^30 on, and is rounded to nearest. A multiplier of 0 stays 0, and at p = 1, where
 * nothing is kept, the pair is as it was. In integers, for CPUs without an FPU.
 */
dk_error dk_rate_fold_scale(struct dk_rate rate,
                            int32_t *multiplier,
                            int32_t *shift);

/**
 * The `DK_VERSION` of the library, which is that of the header if both were installed together.
 */
uint32_t dk_version(void);

/**
 * How large a tensor of this layout and its mask are.
 */
dk_error dk_layout_size(const struct dk_layout *layout, struct dk_size *size);

/**
 * Whether decision `index` of the mask keeps; it is counted from the offset of the address.
 */
dk_error dk_mask_keeps(struct dk_rate rate, struct dk_address address, uint64_t index, bool *keeps);

/**
 * The keep bits of the first `decisions` decisions: decision i in bit i % 32, counted from the least significant, of
 * word i / 32. What is left of the last word is zero. The words are those of a `dk_stored_mask`.
 *
 * `DK_ERROR_LENGTH` unless there are as many words as needed, (decisions + 31) / 32.
 */
dk_error dk_mask_words(struct dk_rate rate,
                       struct dk_address address,
                       size_t decisions,
                       uint32_t *words,
                       size_t len);

/**
 * Dropout in place by the mask of an address, with a decision for each element: what `dk_dropout_f32` does without a layout
 * for `DK_TRAIN`, and less to link. In evaluation there is nothing to call.
 */
dk_error dk_dropout_dense_f32(struct dk_rate rate,
                              const struct dk_address *address,
                              float *x,
                              size_t len);

/**
 * The backward pass of `dk_dropout_dense_f32`, on the gradient of the output, which becomes that of the input.
 */
dk_error dk_dropout_dense_backward_f32(struct dk_rate rate,
                                       const struct dk_address *address,
                                       float *grad,
                                       size_t len);

/**
 * The same as `dk_dropout_dense_f32`, of quantised values: a dropped one becomes the zero point, and a kept one stays as it
 * is, for `dk_rate_fold_scale`. The backward pass is the same call.
 */
dk_error dk_dropout_dense_i8(struct dk_rate rate,
                             int8_t zero_point,
                             const struct dk_address *address,
                             int8_t *x,
                             size_t len);

/**
 * The same as `dk_dropout_dense_i8`, of other integers.
 */
dk_error dk_dropout_dense_u8(struct dk_rate rate,
                             uint8_t zero_point,
                             const struct dk_address *address,
                             uint8_t *x,
                             size_t len);

/**
 * The same as `dk_dropout_dense_i8`, of other integers.
 */
dk_error dk_dropout_dense_i16(struct dk_rate rate,
                              int16_t zero_point,
                              const struct dk_address *address,
                              int16_t *x,
                              size_t len);

/**
 * Dropout, from `x` to `y` or in place: a kept value is multiplied by 1/(1-p), a dropped one becomes +0.0. `DK_EVAL`
 * copies.
 *
 * `DK_ERROR_LENGTH` unless `len` is the number of elements of the layout, and a stored mask has its decisions;
 * `DK_ERROR_INDEX_OVERFLOW` if a decision's index is 2^64 or more. This holds for all kinds.
 */
dk_error dk_dropout_f32(struct dk_rate rate,
                        const struct dk_layout *layout,
                        const struct dk_mode *mode,
                        const float *x,
                        float *y,
                        size_t len);

/**
 * The backward pass of dropout, from the gradient of the output to that of the input, or in place.
 */
dk_error dk_dropout_backward_f32(struct dk_rate rate,
                                 const struct dk_layout *layout,
                                 const struct dk_mode *mode,
                                 const float *grad_y,
                                 float *grad_x,
                                 size_t len);

/**
 * The backward pass of dropout, added to `grad_x`. The arrays must not overlap.
 */
dk_error dk_dropout_backward_add_f32(struct dk_rate rate,
                                     const struct dk_layout *layout,
                                     const struct dk_mode *mode,
                                     const float *grad_y,
                                     float *grad_x,
                                     size_t len);

/**
 * Dropout of quantised values, from `x` to `y` or in place, in integer arithmetic: a dropped value becomes the zero
 * point. A kept one is multiplied by 1/(1-p), relative to the zero point, in fixed point and saturated, if `scaled`; if
 * not, it stays as it is, and `dk_rate_scale` says what is left to do. `DK_EVAL` copies. The backward pass is the same
 * call.
 */
dk_error dk_dropout_i8(struct dk_rate rate,
                       int8_t zero_point,
                       bool scaled,
                       const struct dk_layout *layout,
                       const struct dk_mode *mode,
                       const int8_t *x,
                       int8_t *y,
                       size_t len);

/**
 * The same as `dk_dropout_i8`, of other integers.
 */
dk_error dk_dropout_u8(struct dk_rate rate,
                       uint8_t zero_point,
                       bool scaled,
                       const struct dk_layout *layout,
                       const struct dk_mode *mode,
                       const uint8_t *x,
                       uint8_t *y,
                       size_t len);

/**
 * The same as `dk_dropout_i8`, of other integers.
 */
dk_error dk_dropout_i16(struct dk_rate rate,
                        int16_t zero_point,
                        bool scaled,
                        const struct dk_layout *layout,
                        const struct dk_mode *mode,
                        const int16_t *x,
                        int16_t *y,
                        size_t len);

/**
 * Alpha dropout, from `x` to `y` or in place: a kept value becomes a * x + b, a dropped one a * s + b, where s is SELU's
 * limit at minus infinity, and a and b restore mean 0 and variance 1. `DK_EVAL` copies.
 */
dk_error dk_alpha_dropout_f32(struct dk_rate rate,
                              const struct dk_layout *layout,
                              const struct dk_mode *mode,
                              const float *x,
                              float *y,
                              size_t len);

/**
 * The backward pass of alpha dropout, or in place: times a where kept, +0.0 where dropped.
 */
dk_error dk_alpha_dropout_backward_f32(struct dk_rate rate,
                                       const struct dk_layout *layout,
                                       const struct dk_mode *mode,
                                       const float *grad_y,
                                       float *grad_x,
                                       size_t len);

/**
 * The backward pass of alpha dropout, added to `grad_x`. The arrays must not overlap.
 */
dk_error dk_alpha_dropout_backward_add_f32(struct dk_rate rate,
                                           const struct dk_layout *layout,
                                           const struct dk_mode *mode,
                                           const float *grad_y,
                                           float *grad_x,
                                           size_t len);

/**
 * How large tensors and masks of this layer are.
 *
 * `DK_ERROR_RANK` unless there are 1 to 3 axes; `DK_ERROR_BLOCK_SIZE` if a block size is 0; `DK_ERROR_SHAPE_OVERFLOW`.
 * This holds for all functions of DropBlock.
 */
dk_error dk_drop_block_size(const struct dk_drop_block *drop_block,
                            struct dk_size *size);

/**
 * Draws the mask of an address into `words`, and describes it in `mask`. Draw it once per step; both passes take it.
 *
 * `DK_ERROR_LENGTH` unless there are as many words as `dk_drop_block_size` says.
 */
dk_error dk_drop_block_draw(const struct dk_drop_block *drop_block,
                            struct dk_address address,
                            uint32_t *words,
                            size_t len,
                            struct dk_stored_mask *mask);

/**
 * DropBlock, from `x` to `y` or in place: a kept value is multiplied by the scale, one in a patch becomes +0.0. `mask` is
 * the mask that was drawn, and NULL in evaluation, which copies.
 */
dk_error dk_drop_block_f32(const struct dk_drop_block *drop_block,
                           const struct dk_stored_mask *mask,
                           const float *x,
                           float *y,
                           size_t len);

/**
 * The backward pass of DropBlock, from the gradient of the output to that of the input, or in place.
 */
dk_error dk_drop_block_backward_f32(const struct dk_drop_block *drop_block,
                                    const struct dk_stored_mask *mask,
                                    const float *grad_y,
                                    float *grad_x,
                                    size_t len);

/**
 * The backward pass of DropBlock, added to `grad_x`. The arrays must not overlap.
 */
dk_error dk_drop_block_backward_add_f32(const struct dk_drop_block *drop_block,
                                        const struct dk_stored_mask *mask,
                                        const float *grad_y,
                                        float *grad_x,
                                        size_t len);

/**
 * Gaussian dropout, from `x` to `y` or in place: each value is multiplied by noise of mean 1 and variance p/(1-p).
 * `DK_EVAL` copies.
 *
 * `DK_ERROR_STORED_MASK` for `DK_STORED`, as noise is no mask.
 */
dk_error dk_gaussian_dropout_f32(struct dk_rate rate,
                                 const struct dk_layout *layout,
                                 const struct dk_mode *mode,
                                 const float *x,
                                 float *y,
                                 size_t len);

/**
 * The backward pass of Gaussian dropout, or in place: times the same noise.
 */
dk_error dk_gaussian_dropout_backward_f32(struct dk_rate rate,
                                          const struct dk_layout *layout,
                                          const struct dk_mode *mode,
                                          const float *grad_y,
                                          float *grad_x,
                                          size_t len);

/**
 * The backward pass of Gaussian dropout, added to `grad_x`. The arrays must not overlap.
 */
dk_error dk_gaussian_dropout_backward_add_f32(struct dk_rate rate,
                                              const struct dk_layout *layout,
                                              const struct dk_mode *mode,
                                              const float *grad_y,
                                              float *grad_x,
                                              size_t len);

/**
 * The moments of no passes yet, of outputs of `len` elements, in these two arrays.
 */
dk_error dk_moments_new(struct dk_moments *moments, float *mean, float *m2, size_t len);

/**
 * Adds the output of one pass.
 *
 * `DK_ERROR_LENGTH` unless `len` is that of the moments. This holds for all functions of moments.
 */
dk_error dk_moments_add(struct dk_moments *moments, const float *y, size_t len);

/**
 * Adds all passes of `other`, which stays as it is; no other thread may use it meanwhile.
 */
dk_error dk_moments_merge(struct dk_moments *moments, const struct dk_moments *other);

/**
 * The variance of each element over the passes, which divides by their number. Of no passes it is NaN.
 */
dk_error dk_moments_population_variance(const struct dk_moments *moments,
                                        float *variance,
                                        size_t len);

/**
 * The unbiased estimate, which divides by the number of passes less one. Of one pass it is NaN.
 */
dk_error dk_moments_sample_variance(const struct dk_moments *moments, float *variance, size_t len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DROPOUT_KERNELS_H */
