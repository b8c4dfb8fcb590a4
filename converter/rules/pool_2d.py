"""AVERAGE_POOL_2D: each input of a window takes dL/dy / count. MAX_POOL_2D: the first
largest input of a window takes dL/dy."""

from __future__ import annotations

from converter.ir.activation import SUPPORTED_ACTIVATIONS, mask_bounds
from converter.ir.backward import Backward, Gradient
from converter.ir.bounds import MAX_WINDOWS
from converter.ir.training_ops import AveragePool2DGrad, MaxPool2DGrad, PoolGrad
from converter.model.graph import Operator
from converter.model.schema import schema
from converter.rules.constraint import ACTIVATION, BATCH, EXTENT, Constraint, Refusal
from converter.rules.parameters import check_extents, same_padding
from converter.rules.rule import BaseRule, Wanted

_WINDOWS = Constraint("... windows hold the same input; 32768 may; use a larger stride")


class Pool2DRule(BaseRule):
    operators = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    constraints = (BATCH, ACTIVATION, _WINDOWS, EXTENT)

    def check(self, operator: Operator) -> Refusal | None:
        source = operator.inputs[0]
        assert source is not None
        if source.shape[0] != 1:
            return BATCH.broken(source, source.shape[0])
        activation = int(operator.options.fusedActivationFunction)
        if activation not in SUPPORTED_ACTIVATIONS:
            return ACTIVATION.broken(activation)
        height, width = operator.options.filterHeight, operator.options.filterWidth
        strides = operator.options.strideH, operator.options.strideW
        windows = -(-height // strides[0]) * -(-width // strides[1])
        if windows > MAX_WINDOWS:
            return _WINDOWS.broken(windows)
        maps = (*source.shape[1:3], *operator.output.shape[1:3])
        return check_extents(source, *maps, height, width, *strides)

    def input_gradient(
        self, operator: Operator, index: int, gradient: Gradient, wanted: Wanted, backward: Backward
    ) -> Gradient:
        source = wanted.tensor
        options = operator.options
        _, input_height, input_width, channels = source.shape
        _, output_height, output_width, _ = operator.output.shape
        padding_top = padding_left = 0
        if options.padding == schema.Padding.SAME:
            padding_top = same_padding(
                input_height, options.filterHeight, options.strideH, output_height
            )
            padding_left = same_padding(
                input_width, options.filterWidth, options.strideW, output_width
            )
        is_max = operator.name == "MAX_POOL_2D"
        record: type[PoolGrad] = MaxPool2DGrad if is_max else AveragePool2DGrad
        masked_by = wanted.clamp.tensor if wanted.clamp else None
        minimum, maximum = mask_bounds(wanted.clamp)
        return backward.emit_gradient(
            record(
                input_height=input_height,
                input_width=input_width,
                channels=channels,
                filter_height=options.filterHeight,
                filter_width=options.filterWidth,
                output_height=output_height,
                output_width=output_width,
                stride_height=options.strideH,
                stride_width=options.strideW,
                padding_top=padding_top,
                padding_left=padding_left,
                gradient_bits=wanted.gradient_bits,
                mask_min=minimum,
                mask_max=maximum,
            ),
            [gradient.mantissa, gradient.scale, source if is_max else masked_by],
            source,
            suffix=f"_from_{operator.output.name}",
            masked=masked_by is not None,
        )
