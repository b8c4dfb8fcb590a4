// A filter in two parts: the first channels in a variable, which is trained, the others in
// a constant, which stays in flash.
#ifndef KERNELS_CORE_SPLIT_FILTER_H_
#define KERNELS_CORE_SPLIT_FILTER_H_

#include <cstdint>

namespace tflm_training {

// The channels [begin, end) of a layer, input channels of CONV_2D or output channels of
// DEPTHWISE_CONV_2D. They are the whole innermost dimension of `weights`.
struct FilterPart {
  const int8_t* weights;
  int32_t begin;
  int32_t end;

  int32_t channels() const { return end - begin; }
};

// Both parts in order of their channels, to be iterated over; the second one may be empty.
class SplitFilter {
 public:
  // `split` channels of `channels` are in `filter` and the rest in `frozen`; with a split of
  // 0 all are in `filter`.
  SplitFilter(const int8_t* filter, const int8_t* frozen, int32_t split, int32_t channels)
      : parts_{{filter, 0, split == 0 ? channels : split},
               {frozen, split == 0 ? channels : split, channels}} {}

  const FilterPart* begin() const { return parts_; }
  const FilterPart* end() const { return parts_ + (parts_[1].channels() == 0 ? 1 : 2); }

 private:
  FilterPart parts_[2];
};

}  // namespace tflm_training

#endif  // KERNELS_CORE_SPLIT_FILTER_H_
