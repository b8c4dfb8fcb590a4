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

def training_kernel(name, kernel_deps = [], test_deps = [], dsp_kernels = []):
    """A kernel room: the pure kernel, its TFLM operator and their test.

    Declares the cc_library <name> of all .h and .cc files beside the BUILD file and the
    cc_test <name>_test of those that end in _test.cc. Kernels for the Arm DSP extension are in
    <name>_dsp.cc, which is empty on other processors; for the test it is compiled with the
    instructions emulated and "Dsp" appended to its functions' names.

    Args:
      name: the folder's name.
      kernel_deps: rooms whose headers the kernel uses beyond kernels/core.
      test_deps: libraries that the test uses beyond the kernel and googletest.
      dsp_kernels: the functions that <name>_dsp.cc defines.
    """
    cc_library(
        name = name,
        srcs = native.glob(["*.cc"], exclude = ["*_test.cc"]),
        hdrs = native.glob(["*.h"]),
        copts = COPTS,
        visibility = ["//visibility:public"],
        deps = ["//kernels/core"] + kernel_deps,
    )
    if dsp_kernels:
        cc_library(
            name = name + "_dsp_emulated",
            testonly = True,
            srcs = [name + "_dsp.cc"],
            copts = COPTS,
            local_defines = ["TFLM_TRAINING_EMULATE_DSP"] +
                            ["%s=%sDsp" % (kernel, kernel) for kernel in dsp_kernels],
            deps = [":" + name],
        )
        test_deps = test_deps + [":" + name + "_dsp_emulated"]
    cc_test(
        name = name + "_test",
        size = "small",
        srcs = native.glob(["*_test.cc"], allow_empty = False),
        copts = COPTS,
        deps = [":" + name, "@googletest//:gtest_main"] + test_deps,
    )
