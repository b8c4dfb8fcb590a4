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

def training_kernel(name, test_deps = []):
    """A kernel room: the pure kernel, its TFLM operator and their test.

    Declares the cc_library <name> of all .h and .cc files beside the BUILD file and the
    cc_test <name>_test of those that end in _test.cc.

    Args:
      name: the folder's name.
      test_deps: libraries that the test uses beyond the kernel and googletest.
    """
    cc_library(
        name = name,
        srcs = native.glob(["*.cc"], exclude = ["*_test.cc"]),
        hdrs = native.glob(["*.h"]),
        copts = COPTS,
        visibility = ["//visibility:public"],
        deps = ["//kernels/core"],
    )
    cc_test(
        name = name + "_test",
        size = "small",
        srcs = native.glob(["*_test.cc"], allow_empty = False),
        copts = COPTS,
        deps = [":" + name, "@googletest//:gtest_main"] + test_deps,
    )
