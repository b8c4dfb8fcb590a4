// Four channels of a piece of a gradient, each in a plane of its own, and the windows that are
// summed over them.
#ifndef KERNELS_DEPTHWISE_CONV_2D_GRAD_PLANES_DSP_H_
#define KERNELS_DEPTHWISE_CONV_2D_GRAD_PLANES_DSP_H_

#include <cstdint>

#include "kernels/core/dsp.h"
#include "kernels/core/inner_loop_dsp.h"
#include "kernels/core/quad_dsp.h"

namespace tflm_training {

// A cell is a column of two rows of a channel, [upper, lower]. Row r of a plane holds the cells
// of rows r and r + 1, so that SMLAD adds two taps wherever a window begins.
constexpr int32_t kPlanes = 4;
constexpr int32_t kPlaneWidth = 12;
constexpr int32_t kPlaneRows = 9;
constexpr int32_t kPlaneCells = kPlaneWidth * kPlaneRows;
// Neighbours that are summed up together, and the columns of weights that they meet at a time.
constexpr int32_t kNeighbours = 4;
constexpr int32_t kListColumns = 3;
// Pairs of rows of weights, columns, and words of a plane of them with what ends its lists.
constexpr int32_t kMaxPairs = 4;
constexpr int32_t kMaxLists = 3;
constexpr int32_t kPlaneWeights = kMaxLists * (kMaxPairs * kListColumns + 1);

// Two rows of one column: four channels to the same cell of each plane.
TFLM_TRAINING_INLINE void StoreCell(Quad upper, Quad lower, int32_t plane, uint32_t* cell) {
  cell[0] = PkhbtLsl16(upper.even, lower.even);
  cell[plane] = PkhbtLsl16(upper.odd, lower.odd);
  cell[2 * plane] = PkhtbAsr16(lower.even, upper.even);
  cell[3 * plane] = PkhtbAsr16(lower.odd, upper.odd);
}

// `count` words, a multiple of four.
TFLM_TRAINING_SMALL inline void Clear(uint32_t* words, int32_t count) {
  for (; count > 0; count -= 4, words += 4) {
    StoreWords<0>(words, 0, 0);
    StoreWords<2>(words, 0, 0);
  }
}

// What PackColumns works on: two neighbouring columns of int16 at words.
struct PackTask {
  const int16_t* columns[2];  // of the row after the first one
  int32_t row_step;           // bytes
  uint32_t* cell;             // of plane 1
  int32_t rows;               // that follow the first one, at least 1
  bool has_first;             // or it is 0
  bool has_last;              // 0 follows the last one
};

#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(PackTask) == 24, "what PackColumns loads");

__attribute__((naked, noinline)) inline void PackColumns(const PackTask* /*task*/) {
  __asm__(
      "push {r0, r4-r11, lr}\n"
      "ldrb r8, [r0, #20]\n"
      "ldm r0, {r0-r3, r12}\n"
      "movs r4, #0\n"
      "movs r5, #0\n"
      "movs r6, #0\n"
      "movs r7, #0\n"
      "cmp r8, #0\n"
      "beq 1f\n"
      "sub r8, r0, r2\n"
      "ldrd r4, r5, [r8]\n"
      "sub r8, r1, r2\n"
      "ldrd r6, r7, [r8]\n"
      "1: ldrd r8, r9, [r0]\n"
      "ldr r11, [r1]\n"
      "add r0, r2\n"
      "pkhbt r10, r4, r8, lsl #16\n"
      "pkhbt lr, r6, r11, lsl #16\n"
      "strd r10, lr, [r3, #-432]\n"
      "pkhtb r10, r8, r4, asr #16\n"
      "pkhtb lr, r11, r6, asr #16\n"
      "strd r10, lr, [r3]\n"
      "mov r4, r8\n"
      "mov r6, r11\n"
      "ldr r11, [r1, #4]\n"
      "add r1, r2\n"
      "pkhbt r10, r5, r9, lsl #16\n"
      "pkhbt lr, r7, r11, lsl #16\n"
      "strd r10, lr, [r3, #432]\n"
      "pkhtb r10, r9, r5, asr #16\n"
      "pkhtb lr, r11, r7, asr #16\n"
      "strd r10, lr, [r3, #864]\n"
      "mov r5, r9\n"
      "mov r7, r11\n"
      "add r3, #48\n"
      "subs r12, #1\n"
      "bne 1b\n"
      "ldr r0, [sp]\n"
      "ldrb r0, [r0, #21]\n"
      "cbz r0, 2f\n"
      "uxth r10, r4\n"
      "uxth r11, r6\n"
      "strd r10, r11, [r3, #-432]\n"
      "uxth r10, r5\n"
      "uxth r11, r7\n"
      "strd r10, r11, [r3, #432]\n"
      "lsrs r4, r4, #16\n"
      "lsrs r6, r6, #16\n"
      "strd r4, r6, [r3]\n"
      "lsrs r5, r5, #16\n"
      "lsrs r7, r7, #16\n"
      "strd r5, r7, [r3, #864]\n"
      "2: pop {r0, r4-r11, pc}\n");
}

#else

inline void PackColumns(const PackTask* task) {
  for (int32_t i = 0; i < 2; ++i) {
    const int16_t* m = task->columns[i];
    uint32_t* cell = task->cell + i - kPlaneCells;
    Quad upper = {0, 0};
    if (task->has_first) upper = LoadQuad(m - task->row_step / 2);
    for (int32_t row = 0; row < task->rows + (task->has_last ? 1 : 0); ++row) {
      Quad lower = {0, 0};
      if (row < task->rows) lower = LoadQuad(m);
      StoreCell(upper, lower, kPlaneCells, cell);
      upper = lower;
      m += task->row_step / 2;
      cell += kPlaneWidth;
    }
  }
}

#endif

// What SumWindows works on: windows of `kNeighbours` neighbours of each of four planes. The
// weights of a plane are lists of three columns: [list][pair of rows][column] and behind each list
// how many bytes from the first column its successor begins, or 0.
struct WindowTask {
  uint32_t zeros[kNeighbours];
  int16_t* results;         // of plane 0: [neighbours][neighbour][plane]
  const uint32_t* cells;    // of plane 0, where the first window begins
  const uint32_t* weights;  // of plane 0, the first pair
  int32_t pairs_left_out;   // kMaxPairs - those that are summed
  int16_t* results_end;
  int32_t scale;            // of plane 0
  int32_t steps[2];         // bytes from neighbours to the next ones, in turns
  int16_t* first_results;   // as results and cells
  const uint32_t* first_cells;
  const int32_t* scales;    // those of planes 1.. 3
  const int32_t* scales_end;
  int32_t lists;
  int32_t skip_before;      // bytes of weights before what ends a list, and after it
  int32_t skip_after;
};

// results = sums of cells * weights, SMMULR with the plane's scale, saturated to int16.
#if defined(__ARM_FEATURE_DSP) && !defined(TFLM_TRAINING_EMULATE_DSP)

static_assert(sizeof(WindowTask) == 76, "the frame of SumWindows");

// Four sums, six cells, three weights and two addresses take all registers that there are, and
// compilers run out of them. 15 instructions for 12 SMLAD; pairs that are not there are left out.
// The frame is the task; 28: where the pairs are entered, 64: what follows a list.
__attribute__((naked, noinline)) inline void SumWindows(const WindowTask* /*task*/) {
  __asm__(
      "push {r4-r11, lr}\n"
      "add r1, r0, #40\n"
      "ldm r1, {r2-r10}\n"
      "push {r2-r10}\n"
      "ldm r0, {r2-r11}\n"
      "push {r2-r11}\n"
      "mov r1, #60\n"  // bytes of a pair's instructions
      "adr r2, 2f + 1\n"
      "mla r2, r9, r1, r2\n"
      "adr r3, 4f + 1\n"
      "ldr r4, [sp, #64]\n"
      "cmp r4, #1\n"
      "it ne\n"
      "subne r3, #(4f - 3f)\n"
      "str r2, [sp, #28]\n"
      "str r3, [sp, #64]\n"
      "1: ldm sp, {r0-r3, r10, r11, r12, pc}\n"
      "2: .rept 4\n"
      "ldm r12!, {r9, r10, lr}\n"
      "ldm r11!, {r4-r8}\n"
      "smlad r0, r4, r9, r0\n"
      "smlad r1, r5, r9, r1\n"
      "smlad r2, r6, r9, r2\n"
      "smlad r3, r7, r9, r3\n"
      "ldr r4, [r11], #76\n"  // two rows further on
      "smlad r0, r5, r10, r0\n"
      "smlad r1, r6, r10, r1\n"
      "smlad r2, r7, r10, r2\n"
      "smlad r3, r8, r10, r3\n"
      "smlad r0, r6, lr, r0\n"
      "smlad r1, r7, lr, r1\n"
      "smlad r2, r8, lr, r2\n"
      "smlad r3, r4, lr, r3\n"
      ".endr\n"
      "ldr pc, [sp, #64]\n"
      ".p2align 2\n"
      // The next list, if there is one.
      "3: ldrd r5, r6, [sp, #68]\n"
      "add r12, r5\n"
      "ldr r4, [r12], #4\n"
      "add r12, r6\n"
      "cbz r4, 4f\n"
      "ldr r11, [sp, #20]\n"
      "add r11, r4\n"
      "ldr pc, [sp, #28]\n"
      ".p2align 2\n"
      "4: add r4, sp, #16\n"
      "ldm r4, {r4-r11}\n"
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
      "add r5, r10\n"
      "strd r11, r10, [sp, #40]\n"
      "strd r4, r5, [sp, #16]\n"
      "cmp r4, r8\n"
      "bne 1b\n"
      // The next plane.
      "ldrd r6, r7, [sp, #56]\n"
      "cmp r6, r7\n"
      "beq 5f\n"
      "ldr r9, [r6], #4\n"
      "str r6, [sp, #56]\n"
      "add r8, #2\n"
      "strd r8, r9, [sp, #32]\n"
      "ldrd r4, r9, [sp, #48]\n"
      "adds r4, #2\n"
      "add r9, #432\n"
      "strd r4, r9, [sp, #16]\n"
      "strd r4, r9, [sp, #48]\n"
      "ldr r4, [sp, #24]\n"
      "add r4, #156\n"
      "str r4, [sp, #24]\n"
      "b 1b\n"
      "5: add sp, #76\n"
      "pop {r4-r11, pc}\n");
}
static_assert(kPlaneCells * 4 == 432 && kPlaneWidth * 8 == 20 + 76 && kPlaneWeights * 4 == 156,
              "steps in SumWindows");

#else

inline void SumWindows(const WindowTask* task) {
  const int32_t pairs = kMaxPairs - task->pairs_left_out;
  const auto further = [](const uint32_t* words, int32_t bytes) { return words + bytes / 4; };
  for (int32_t plane = 0; plane < kPlanes; ++plane) {
    const int32_t scale = plane == 0 ? task->scale : task->scales[plane - 1];
    const uint32_t* cells = task->cells + plane * kPlaneCells;
    int32_t turn = 0;
    for (int16_t* result = task->results; result != task->results_end;
         result += kNeighbours * kPlanes) {
      int32_t sums[kNeighbours] = {0, 0, 0, 0};
      const uint32_t* weights = task->weights + plane * kPlaneWeights;
      const uint32_t* list = cells;
      for (int32_t i = 0; i < task->lists; ++i) {
        for (int32_t pair = 0; pair < pairs; ++pair, weights += kListColumns) {
          for (int32_t n = 0; n < kNeighbours; ++n) {
            for (int32_t k = 0; k < kListColumns; ++k) {
              sums[n] = Smlad(list[2 * pair * kPlaneWidth + n + k], weights[k], sums[n]);
            }
          }
        }
        weights = further(weights, task->skip_before);
        list = further(cells, static_cast<int32_t>(*weights));
        weights = further(weights + 1, task->skip_after);
      }
      for (int32_t n = 0; n < kNeighbours; ++n) {
        result[n * kPlanes + plane] = static_cast<int16_t>(Ssat<16>(Smmulr(sums[n], scale)));
      }
      cells = further(cells, task->steps[turn]);
      turn = 1 - turn;
    }
  }
}

#endif

}  // namespace tflm_training

#endif  // KERNELS_DEPTHWISE_CONV_2D_GRAD_PLANES_DSP_H_
