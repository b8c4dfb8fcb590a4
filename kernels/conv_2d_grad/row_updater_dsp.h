// The updates of several rows of weights that are computed side by side.
#ifndef KERNELS_CONV_2D_GRAD_ROW_UPDATER_DSP_H_
#define KERNELS_CONV_2D_GRAD_ROW_UPDATER_DSP_H_

#include <cstdint>

#include "kernels/conv_2d_grad/tile_dsp.h"
#include "kernels/core/conv_options.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/random_jump.h"
#include "kernels/core/weight_update_dsp.h"

namespace tflm_training {

// A row is what one output channel has of trained weights; it draws after the rows before it. Rows
// in pieces need a jump of the random numbers, which each call prepares: for a row of n weights
// log2(n) to 2 * log2(n) products of polynomials at some 250 instructions, and as much for a jump.
class RowUpdater {
 public:
  // `in_pieces`: a row comes in several Updates.
  RowUpdater(const ConvFilterUpdateOptions& options, const FilterStep& step, float sigma,
             uint32_t state, bool in_pieces)
      : step_(step),
        sigma_(sigma),
        clamp_(options.clamp),
        in_pieces_(in_pieces),
        jump_(!in_pieces ? 0
                         : options.geometry.filter_height * options.geometry.filter_width *
                               options.channels) {
    states_[0] = state;
  }

  // Turns to the rows [first, first + count).
  TFLM_TRAINING_SMALL void Start(int32_t first, int32_t count) {
    states_[0] = state();
    first_ = first;
    count_ = count;
    // Rows draw one after the other; those in pieces draw each from a state of its own.
    for (int32_t n = 1; in_pieces_ && n < count; ++n) {
      states_[n] = FactorOf(n - 1).draws() ? jump_(states_[n - 1]) : states_[n - 1];
    }
  }

  // Moves `count` weights of each row by accumulators that are `acc_stride` apart.
  TFLM_TRAINING_SMALL void Update(const int32_t* acc, int32_t acc_stride, int32_t count,
                                  TrainedWeights weights, int32_t weight_stride) {
    for (int32_t n = 0; n < count_; ++n) {
      const Factor factor = FactorOf(n);
      if (factor.trains()) {
        uint32_t& state = states_[in_pieces_ ? n : 0];
        Random random(state);
        UpdateWeights(acc, count, factor, clamp_, weights, &random);
        state = random.state();
      }
      acc += acc_stride;
      weights = weights + weight_stride;
    }
  }

  // What the last row that was turned to left.
  uint32_t state() const { return states_[in_pieces_ ? count_ - 1 : 0]; }

 private:
  TFLM_TRAINING_SMALL Factor FactorOf(int32_t n) const {
    return DecomposeFactor(step_.FactorOf(sigma_, first_ + n));
  }

  const FilterStep& step_;
  float sigma_;
  int32_t clamp_;
  bool in_pieces_;
  RandomJump jump_;
  int32_t first_ = 0;
  int32_t count_ = 1;
  uint32_t states_[kMaxColumns];
};

}  // namespace tflm_training

#endif  // KERNELS_CONV_2D_GRAD_ROW_UPDATER_DSP_H_
