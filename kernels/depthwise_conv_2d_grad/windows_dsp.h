// Windows that are summed over planes of a gradient.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_WINDOWS_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_WINDOWS_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/depthwise_conv_2d_grad/planes_dsp.h"

namespace tflm_training {

// Neighbours that are summed up together, and the columns of weights that they meet at a time.
constexpr int32_t kNeighbours = 4;
constexpr int32_t kListColumns = 3;
// Pairs of rows of weights that meet one pixel, and words of a plane of weights.
constexpr int32_t kMaxPairs = 4;
constexpr int32_t kPlaneWeights = 81;
// Bytes of the instructions of a pair.
constexpr int32_t kPairCode = 60;

// Neighbours of one row: the weights that they meet are lists of three columns, pair after pair.
struct WindowJob {
  uint32_t places;     // bytes from the begin of the planes: of cells in the upper half, of weights
  int32_t left_out;    // pairs that there are not, of kMaxPairs, times kPairCode, - 2
  uint32_t next_list;  // bytes from behind the last pair to the next list, in halves likewise
};

// What SumWindows works on: the jobs of each of four planes.
struct WindowTask {
  int16_t* results;  // of plane 0: [job][neighbour][plane]
  const WindowJob* job;
  const uint32_t* cells;    // of plane 0
  const uint32_t* weights;  // of plane 0
  int16_t* results_end;
  int32_t scales[kPlanes];
  int32_t lists;
};

// results = sums of cells * weights, SMMULR with the plane's scale, saturated to int16.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(WindowJob) == 12 && sizeof(WindowTask) == 40, "what is loaded of a task");

// How sums without jobs begin: r0 the cells, r1 the results and r3 the weights of plane 0, r4 its
// scale and r5 the end of the scales.
#define TFLM_TRAINING_LOAD_TASK \
  "push {r4-r11, lr}\n"         \
  "ldr r1, [r0]\n"              \
  "ldrd r6, r3, [r0, #8]\n"     \
  "add r4, r0, #20\n"           \
  "add r5, r0, #36\n"           \
  "mov r0, r6\n"

// Four sums, six cells, three weights and two addresses take all registers that there are, and
// compilers run out of them. 15 instructions for 12 SMLAD; pairs that are not there are left out.
// The frame is the task up to the scale of its plane, the first results and job of the plane, the
// other scales and their end, the lists that are left, what follows a list, all lists and two zeros.
__attribute__((naked, noinline)) inline void SumWindows(const WindowTask* /*task*/) {
  __asm__(
      "push {r4-r11, lr}\n"
      "movs r1, #0\n"
      "movs r2, #0\n"
      "push {r1, r2}\n"
      "ldr r12, [r0, #36]\n"
      "mov r10, r12\n"
      "adr r11, 5f + 1\n"
      "cmp r12, #1\n"
      "it ne\n"
      "subne r11, #(5f - 3f)\n"
      "add r8, r0, #24\n"
      "add r9, r0, #36\n"
      "ldm r0, {r2-r7}\n"
      "push {r2, r3, r8-r12}\n"
      "push {r2-r7}\n"
      "ldm sp, {r4-r7}\n"
      "1: ldrd r0, r1, [sp, #52]\n"
      "ldrd r2, r3, [sp, #52]\n"
      "ldm r5!, {r8-r10}\n"
      "strd r4, r5, [sp]\n"
      "add r11, r6, r8, lsr #16\n"
      "uxtah r12, r7, r8\n"
      "2: add pc, r9\n"
      ".rept 4\n"
      "ldm r12!, {r9, r10, lr}\n"
      "ldm r11!, {r4-r8}\n"
      "smlad r0, r4, r9, r0\n"
      "smlad r1, r5, r9, r1\n"
      "smlad r2, r6, r9, r2\n"
      "smlad r3, r7, r9, r3\n"
      "ldr r4, [r11], #28\n"  // a row further on
      "smlad r0, r5, r10, r0\n"
      "smlad r1, r6, r10, r1\n"
      "smlad r2, r7, r10, r2\n"
      "smlad r3, r8, r10, r3\n"
      "smlad r0, r6, lr, r0\n"
      "smlad r1, r7, lr, r1\n"
      "smlad r2, r8, lr, r2\n"
      "smlad r3, r4, lr, r3\n"
      ".endr\n"
      "ldr pc, [sp, #44]\n"
      ".p2align 2\n"
      // The next list, if there is one.
      "3: ldr r4, [sp, #40]\n"
      "subs r4, #1\n"
      "beq 4f\n"
      "str r4, [sp, #40]\n"
      "ldr r5, [sp, #4]\n"
      "ldrd r9, r10, [r5, #-8]\n"
      "add r11, r11, r10, asr #16\n"
      "sxtah r12, r12, r10\n"
      "b 2b\n"
      "4: ldr r4, [sp, #48]\n"
      "str r4, [sp, #40]\n"
      ".p2align 2\n"
      "5: ldm sp, {r4-r9}\n"
      "smmulr r0, r0, r9\n"
      "smmulr r1, r1, r9\n"
      "smmulr r2, r2, r9\n"
      "smmulr r3, r3, r9\n"
      "ssat r0, #16, r0\n"
      "ssat r1, #16, r1\n"
      "ssat r2, #16, r2\n"
      "ssat r3, #16, r3\n"
      "strh r1, [r4, #8]\n"
      "strh r2, [r4, #16]\n"
      "strh r3, [r4, #24]\n"
      "strh r0, [r4], #32\n"
      "cmp r4, r8\n"
      "bne 1b\n"
      // The next plane.
      "add lr, sp, #24\n"
      "ldm lr, {r4, r5, r10, r11}\n"
      "cmp r10, r11\n"
      "beq 6f\n"
      "ldr r9, [r10], #4\n"
      "adds r4, #2\n"
      "str r4, [sp, #24]\n"
      "str r10, [sp, #32]\n"
      "adds r6, #240\n"
      "add r7, #324\n"
      "add r8, #2\n"
      "stm sp, {r4-r9}\n"
      "b 1b\n"
      "6: add sp, #60\n"
      "pop {r4-r11, pc}\n");
}
static_assert(kPlaneCells * 4 == 240 && kPlaneWidth * 4 == 20 + 28 && kPlaneWeights * 4 == 324,
              "steps in SumWindows");

#else

// The results of `count` sums of a plane, `step` results apart from each other.
inline void StoreScaled(const WindowTask& task, int32_t plane, const int32_t* sums, int32_t count,
                        int32_t step, int16_t* result) {
  for (int32_t i = 0; i < count; ++i) {
    result[i * step * kPlanes + plane] =
        static_cast<int16_t>(Ssat<16>(Smmulr(sums[i], task.scales[plane])));
  }
}

inline void SumWindows(const WindowTask* task) {
  const auto further = [](const uint32_t* words, int32_t bytes) { return words + bytes / 4; };
  for (int32_t plane = 0; plane < kPlanes; ++plane) {
    const WindowJob* job = task->job;
    for (int16_t* result = task->results; result != task->results_end;
         result += kNeighbours * kPlanes, ++job) {
      int32_t sums[kNeighbours] = {0, 0, 0, 0};
      const uint32_t* cells =
          further(task->cells + plane * kPlaneCells, static_cast<int32_t>(job->places >> 16));
      const uint32_t* weights =
          further(task->weights + plane * kPlaneWeights,
                  static_cast<int32_t>(job->places & 0xFFFFu));
      for (int32_t i = 0; i < task->lists; ++i) {
        for (int32_t pair = (job->left_out + 2) / kPairCode; pair < kMaxPairs; ++pair) {
          for (int32_t n = 0; n < kNeighbours; ++n) {
            for (int32_t k = 0; k < kListColumns; ++k) {
              sums[n] = Smlad(cells[n + k], weights[k], sums[n]);
            }
          }
          cells += kPlaneWidth;
          weights += kListColumns;
        }
        cells = further(cells, HighHalf(job->next_list));
        weights = further(weights, LowHalf(job->next_list));
      }
      StoreScaled(*task, plane, sums, kNeighbours, 1, result);
    }
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_WINDOWS_DSP_H_
