// To be included before all else by what puts kernels into TFLite Micro: that runs once for each
// operator, so that size counts, whatever a build says.
#ifndef KERNELS_CORE_OPTIMIZE_SIZE_H_
#define KERNELS_CORE_OPTIMIZE_SIZE_H_

#if defined(__GNUC__) && !defined(__clang__) && defined(__arm__)
#pragma GCC optimize("Os")
#endif

#endif  // KERNELS_CORE_OPTIMIZE_SIZE_H_
