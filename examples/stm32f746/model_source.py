"""The sources that a training flatbuffer adds to the example.

    python -m examples.stm32f746.model_source MODEL_train.tflite FOLDER

writes model_data.h and model_data.cc, the flatbuffer as `python -m converter --c_array` has
it, and model_ops.h, the builtin operators that the model needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from converter.model.schema import OPERATOR_NAMES
from converter.report.c_array import c_array

# Methods of MicroMutableOpResolver that are not the operator's name in camel case.
_METHODS = {
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}

_OPS_HEADER = """#ifndef MODEL_OPS_H_
#define MODEL_OPS_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

constexpr unsigned int kModelOpCount = {count};

// The model's builtin operators. The training operators are RegisterTrainingOps()'s.
template <unsigned int N>
void AddModelOps([[maybe_unused]] tflite::MicroMutableOpResolver<N>& resolver) {{
{calls}}}

#endif  // MODEL_OPS_H_
"""


def operators(flatbuffer: bytes) -> tuple[list[str], list[str]]:
    """(names of the builtin operators, codes of the custom ones), both sorted."""
    model = schema.Model.GetRootAs(flatbuffer)
    builtin, custom = set(), set()
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number == schema.BuiltinOperator.CUSTOM:
            custom.add(code.CustomCode().decode())
        else:
            builtin.add(OPERATOR_NAMES[number])
    return sorted(builtin), sorted(custom)


def ops_header(builtin: list[str]) -> str:
    """The text of model_ops.h."""
    methods = [_METHODS.get(name, name.title().replace("_", "")) for name in builtin]
    calls = "".join(f"  resolver.Add{method}();\n" for method in methods)
    return _OPS_HEADER.format(count=len(methods), calls=calls)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: model_source MODEL_train.tflite FOLDER", file=sys.stderr)
        return 2
    flatbuffer, folder = Path(arguments[0]).read_bytes(), Path(arguments[1])
    if flatbuffer[4:8] != b"TFL3":
        print(f"error: {arguments[0]}: not a .tflite file", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    header, source = c_array(flatbuffer, "model_data")
    (folder / "model_data.h").write_text(header)
    (folder / "model_data.cc").write_text(source)
    (folder / "model_ops.h").write_text(ops_header(operators(flatbuffer)[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
