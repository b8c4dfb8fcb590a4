"""The naming convention of the kernel rooms as build rules."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")

# What a microcontroller build uses too, with every warning fatal.
COPTS = [
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
    "-fno-exceptions",
    "-fno-rtti",
]

def training_kernel(name, deps = []):
    """A kernel room: the pure kernel, its TFLM operator and their test.

    Expects <name>.h, <name>.cc, <name>_op.cc and <name>_test.cc beside the BUILD file;
    further .h and .cc files of the room belong to the kernel as well. Declares the
    cc_library <name> and the cc_test <name>_test.

    Args:
      name: the folder's name.
      deps: libraries beyond kernels/core that the kernel uses.
    """
    cc_library(
        name = name,
        srcs = native.glob(["*.cc"], exclude = ["*_test.cc"]),
        hdrs = native.glob(["*.h"]),
        copts = COPTS,
        visibility = ["//visibility:public"],
        deps = ["//kernels/core"] + deps,
    )
    cc_test(
        name = name + "_test",
        size = "small",
        srcs = native.glob(["*_test.cc"]),
        copts = COPTS,
        deps = [":" + name, "@googletest//:gtest_main"],
    )
