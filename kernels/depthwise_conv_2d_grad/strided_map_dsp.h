// 3x3 windows with a stride of 2 and no padding before the map: the four phases of the stride
// together, as all of them read the same cells.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_STRIDED_MAP_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_STRIDED_MAP_DSP_H_

#include <cstdint>

#include "kernels/core/conv_options.h"
#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"
#include "kernels/depthwise_conv_2d_grad/windows_dsp.h"

namespace tflm_training {

// Rows and columns of inputs that are written at a time: of two rows and four columns of outputs.
constexpr int32_t kStridedRows = 4;
constexpr int32_t kStridedColumns = 2 * kNeighbours;

inline bool IsStridedMap(const ConvGeometry& g) {
  return g.filter_height == 3 && g.filter_width == 3 && g.stride_height == 2 &&
         g.stride_width == 2 && (g.padding_top | g.padding_left) == 0;
}

// The weights of four channels, from their first taps on, `step` apart. A plane has [w[2, x], w[0, x]]
// for each of the three columns, then [w[1, 0], w[1, 2]], and w[1, 1] twice.
TFLM_TRAINING_SMALL inline void PackStridedWeights(const int8_t* tap, int32_t step,
                                                   uint32_t* cell) {
  static const uint8_t kTaps[] = {6, 0, 7, 1, 8, 2, 3, 5, 4, 4};
  for (const uint8_t* taps = kTaps; taps != kTaps + sizeof(kTaps); taps += 2) {
    StoreCell(LoadQuad(tap + taps[0] * step), LoadQuad(tap + taps[1] * step), kPlaneWeights,
              cell++);
  }
}

// What SumWindows does, for kStridedRows rows of kStridedColumns, some of which may not be there.
// Its cells begin with the pair of rows above those of the outputs, a column to the left of theirs.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

// 46 instructions for eight results, two columns of four. The frame is the next weights, the next
// scales and their end.
#define TFLM_TRAINING_STORE_COLUMN \
  "smmulr r2, r2, r11\n"           \
  "smmulr r3, r3, r11\n"           \
  "smmulr r4, r4, r11\n"           \
  "smmulr r5, r5, r11\n"           \
  "ssat r2, #16, r2\n"             \
  "ssat r3, #16, r3\n"             \
  "ssat r4, #16, r4\n"             \
  "ssat r5, #16, r5\n"             \
  "strh r3, [r1, #64]\n"           \
  "strh r4, [r1, #128]\n"          \
  "strh r5, [r1, #192]\n"          \
  "strh r2, [r1], #8\n"

__attribute__((naked, noinline)) inline void SumStridedMap(const WindowTask* /*task*/) {
  __asm__(
      TFLM_TRAINING_LOAD_TASK
      "add lr, r1, #64\n"
      "push {r3-r5}\n"
      "1: ldrd r3, r4, [sp]\n"
      "ldm r3, {r6-r10}\n"
      "add r3, #324\n"
      "ldr r11, [r4], #4\n"
      "strd r3, r4, [sp]\n"
      "2: ldr r12, [r0]\n"
      "smultb r2, r12, r8\n"
      "ldr r12, [r0, #48]\n"
      "smlabt r2, r12, r8, r2\n"
      "smulbt r3, r12, r9\n"
      "smuad r4, r12, r8\n"
      "smultt r5, r12, r9\n"
      "ldr r12, [r0, #4]!\n"
      "smlatb r2, r12, r6, r2\n"
      "ldr r12, [r0, #48]\n"
      "smlabt r2, r12, r6, r2\n"
      "smlabb r3, r12, r9, r3\n"
      "smlad r4, r12, r6, r4\n"
      "smlatb r5, r12, r9, r5\n"
      TFLM_TRAINING_STORE_COLUMN
      "smulbt r2, r12, r7\n"
      "smulbb r3, r12, r10\n"
      "smuad r4, r12, r7\n"
      "smultb r5, r12, r10\n"
      "ldr r12, [r0]\n"
      "smlatb r2, r12, r7, r2\n"
      TFLM_TRAINING_STORE_COLUMN
      "cmp r1, lr\n"
      "bne 2b\n"
      // The next plane.
      "adds r0, #224\n"
      "subs r1, #62\n"
      "add lr, #2\n"
      "ldrd r2, r3, [sp, #4]\n"
      "cmp r2, r3\n"
      "bne 1b\n"
      "add sp, #12\n"
      "pop {r4-r11, pc}\n");
}
static_assert(kPlaneCells * 4 == 224 + 4 * kNeighbours && kPlaneWidth * 4 == 48 &&
                  kPlaneWeights * 4 == 324 && kPlanes * kStridedColumns * 2 == 64,
              "steps in SumStridedMap");

#undef TFLM_TRAINING_STORE_COLUMN

#else

inline void SumStridedMap(const WindowTask* task) {
  for (int32_t plane = 0; plane < kPlanes; ++plane) {
    const uint32_t* const w = task->weights + plane * kPlaneWeights;
    for (int32_t x = 0; x < kStridedColumns; ++x) {
      const uint32_t* const cells = task->cells + plane * kPlaneCells + x / 2;
      int32_t sums[kStridedRows] = {0, 0, 0, 0};
      const auto add = [&](const uint32_t* cell, uint32_t outer, uint32_t inner) {
        const uint32_t above = cell[0], pair = cell[kPlaneWidth];
        sums[0] = Smlabt(pair, outer, Smlatb(above, outer, sums[0]));
        sums[1] = Smlabb(pair, inner, sums[1]);
        sums[2] = Smlad(pair, outer, sums[2]);
        sums[3] = Smlatb(pair, inner, sums[3]);
      };
      if (x % 2 == 0) {
        add(cells, w[2], w[3] >> 16);
        add(cells + 1, w[0], w[3]);
      } else {
        add(cells + 1, w[1], w[4]);
      }
      StoreScaled(*task, plane, sums, kStridedRows, kStridedColumns, task->results + x * kPlanes);
    }
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_STRIDED_MAP_DSP_H_
