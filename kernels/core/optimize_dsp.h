// To be included before all else by the kernels for the DSP extension: their inner loops are
// faster and smaller without the passes of GCC that copy code or keep more values than there are
// registers, whatever a build says.
#ifndef KERNELS_CORE_OPTIMIZE_DSP_H_
#define KERNELS_CORE_OPTIMIZE_DSP_H_

#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_FEATURE_DSP)
#pragma GCC optimize("O2,no-tree-pre,no-reorder-blocks,no-ivopts,no-tree-scev-cprop")
#endif

#endif  // KERNELS_CORE_OPTIMIZE_DSP_H_
