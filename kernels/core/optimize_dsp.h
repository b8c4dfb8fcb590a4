// To be included before all else by the kernels for the DSP extension: their inner loops are
// faster and smaller without the passes of GCC that copy code or keep more values than there are
// registers, whatever a build says. They are smaller still where registers are given out for a whole
// function at once and nothing moves out of loops for them; where a file defines
// TFLM_TRAINING_REGIONS for a loop that needs them all, less moves out of the loops around it.
#ifndef KERNELS_CORE_OPTIMIZE_DSP_H_
#define KERNELS_CORE_OPTIMIZE_DSP_H_

#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_FEATURE_DSP)
#pragma GCC optimize("O2,no-tree-pre,no-reorder-blocks,no-ivopts,no-tree-scev-cprop")
#pragma GCC optimize("no-tree-loop-ivcanon")
#if defined(TFLM_TRAINING_REGIONS)
#pragma GCC optimize("no-tree-loop-im")
#else
#pragma GCC optimize("ira-region=one,no-move-loop-invariants")
#endif
#endif

#endif  // KERNELS_CORE_OPTIMIZE_DSP_H_
