#include "tflm_training/_runtime_resolver.h"

#include <stdexcept>

#include "tflm_training/_runtime_fully_connected.h"
#include "tflm_training/register_training_ops.h"

namespace tflm_training {
namespace {

using AddOp = TfLiteStatus (*)(HostOpResolver&);

#define OP(name) [](HostOpResolver& resolver) { return resolver.Add##name(); }

// Not here: BATCH_MATMUL and EMBEDDING_LOOKUP, which the library only declares, resource
// variables, CEIL, EXP and ROUND (they crash in it), control flow, which no single-subgraph
// model needs, and the audio front end.
constexpr AddOp kBuiltinOps[] = {
    OP(Abs), OP(Add), OP(AddN), OP(ArgMax), OP(ArgMin), OP(AveragePool2D),
    OP(BatchToSpaceNd), OP(BroadcastArgs), OP(BroadcastTo), OP(Cast),
    OP(Concatenation), OP(Conv2D), OP(Cos), OP(CumSum), OP(DepthToSpace),
    OP(DepthwiseConv2D), OP(Dequantize), OP(Div), OP(Elu), OP(Equal),
    OP(ExpandDims), OP(Fill), OP(Floor), OP(FloorDiv), OP(FloorMod),
    [](HostOpResolver& resolver) { return resolver.AddFullyConnected(RegisterFullyConnected()); },
    OP(Gather), OP(GatherNd), OP(Greater), OP(GreaterEqual),
    OP(HardSwish), OP(L2Normalization), OP(L2Pool2D), OP(LeakyRelu), OP(Less), OP(LessEqual),
    OP(Log), OP(LogSoftmax), OP(LogicalAnd), OP(LogicalNot), OP(LogicalOr), OP(Logistic),
    OP(MaxPool2D), OP(Maximum), OP(Mean), OP(Minimum), OP(MirrorPad), OP(Mul), OP(Neg),
    OP(NotEqual), OP(Pack), OP(Pad), OP(PadV2), OP(Prelu), OP(Quantize), OP(ReduceMax),
    OP(Relu), OP(Relu6), OP(Reshape), OP(ResizeBilinear), OP(ResizeNearestNeighbor),
    OP(Rsqrt), OP(SelectV2), OP(Shape), OP(Sin), OP(Slice), OP(Softmax),
    OP(SpaceToBatchNd), OP(SpaceToDepth), OP(Split), OP(SplitV), OP(Sqrt), OP(Square),
    OP(SquaredDifference), OP(Squeeze), OP(StridedSlice), OP(Sub), OP(Sum), OP(Svdf),
    OP(Tanh), OP(Transpose), OP(TransposeConv), OP(UnidirectionalSequenceLSTM), OP(Unpack),
    OP(ZerosLike),
};

#undef OP

}  // namespace

void RegisterAllOps(HostOpResolver& resolver) {
  for (const AddOp add : kBuiltinOps) {
    if (add(resolver) != kTfLiteOk) throw std::runtime_error("cannot register an operator");
  }
  if (RegisterTrainingOps(resolver) != kTfLiteOk) {
    throw std::runtime_error("cannot register a training operator");
  }
}

}  // namespace tflm_training
