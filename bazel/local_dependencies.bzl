"""Repositories that Bazel and the tests need, taken from this machine only.

Bazel 4 itself refers to rules_cc, rules_java, rules_proto, platforms and
remote_coverage_tools and would download them. None of their code is needed to build
C++, so each of them is a stub that loads without a network.
"""

def _native(*rules):
    return "".join(["{0} = native.{0}\n".format(rule) for rule in rules])

_STUBS = {
    "rules_cc": {
        "cc/BUILD": "",
        "cc/defs.bzl": _native(
            "cc_binary",
            "cc_import",
            "cc_library",
            "cc_test",
            "cc_toolchain",
            "cc_toolchain_suite",
        ),
    },
    "rules_java": {
        "java/BUILD": "",
        "java/defs.bzl": _native("java_import", "java_runtime", "java_toolchain"),
    },
    "rules_proto": {"proto/BUILD": "", "proto/defs.bzl": _native("proto_library")},
    "remote_coverage_tools": {
        "BUILD": """
filegroup(
    name = "coverage_report_generator",
    visibility = ["//visibility:public"],
)
""",
    },
}

def _stub_repository(repository_ctx):
    repository_ctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % repository_ctx.name)
    repository_ctx.file("BUILD", "")
    for path, content in repository_ctx.attr.files.items():
        repository_ctx.file(path, content)

stub_repository = repository_rule(
    implementation = _stub_repository,
    attrs = {"files": attr.string_dict(doc = "Path to content of every file.")},
    doc = "A repository that consists of the given files.",
    local = True,
)

def rule_repositories():
    """Declares stubs for the rule repositories that Bazel asks for."""
    for name, files in _STUBS.items():
        stub_repository(name = name, files = files)

_GOOGLETEST_SOURCE = "/usr/src/googletest/googletest"

_GOOGLETEST_BUILD = """
cc_library(
    name = "gtest_main",
    testonly = True,
    srcs = ["src/gtest-all.cc", "src/gtest_main.cc"],
    hdrs = glob(["include/**/*.h"]),
    textual_hdrs = glob(["src/*.cc", "src/*.h"]),
    copts = ["-w"],
    includes = [".", "include"],
    linkopts = ["-pthread"],
    visibility = ["//visibility:public"],
)
"""

def _googletest_repository(repository_ctx):
    source = repository_ctx.os.environ.get("GOOGLETEST_DIR", _GOOGLETEST_SOURCE)
    if not repository_ctx.path(source + "/src/gtest-all.cc").exists:
        fail(("googletest was not found in %s: install it (Debian: apt-get install " +
              "libgtest-dev) or set GOOGLETEST_DIR to its googletest folder.") % source)
    repository_ctx.symlink(source + "/include", "include")
    repository_ctx.symlink(source + "/src", "src")
    repository_ctx.file("BUILD", _GOOGLETEST_BUILD)

googletest_repository = repository_rule(
    implementation = _googletest_repository,
    environ = ["GOOGLETEST_DIR"],
    doc = "googletest, built from the sources that Debian's libgtest-dev installs.",
    local = True,
)
