"""Finds TensorFlow Lite Micro: headers and a library with its runtime and kernels.

By default they come from the installed Python package xmos-ai-tools, which is TFLM with
the namespace `tflite` renamed to `tflite_micro`. Environment variables:

TFLM_TRAINING_PYTHON  interpreter that has xmos-ai-tools installed (default: python3)
TFLM_DIR              a TFLM source tree with a static library, used instead of the package
TFLM_LIBRARY          that static library, where TFLM_DIR/gen holds none or several
GEMMLOWP_DIR          gemmlowp headers (default: Debian's libgemmlowp-dev)
"""

_GEMMLOWP = "/usr/include/gemmlowp"

# Where TFLM's makefile and its project generator put the headers of third parties.
_THIRD_PARTY_HEADERS = [
    "tensorflow/lite/micro/tools/make/downloads/flatbuffers/include",
    "tensorflow/lite/micro/tools/make/downloads/gemmlowp",
    "tensorflow/lite/micro/tools/make/downloads/ruy",
    "third_party/flatbuffers/include",
    "third_party/gemmlowp",
    "third_party/ruy",
]

_BUILD = """
cc_import(
    name = "library",
    {kind} = "{library}",
)

cc_library(
    name = "tflm",
    hdrs = glob({header_globs}),
    defines = {defines},
    includes = {includes},
    deps = [":library"],
    visibility = ["//visibility:public"],
)
"""

def _write_build(repository_ctx, kind, library, defines, includes):
    repository_ctx.symlink(library, library.basename)
    repository_ctx.file("BUILD", _BUILD.format(
        kind = kind,
        library = library.basename,
        defines = repr(defines),
        includes = repr(includes),
        header_globs = repr([folder + "/**/*.h" for folder in includes]),
    ))

def _gemmlowp(repository_ctx):
    folder = repository_ctx.path(repository_ctx.os.environ.get("GEMMLOWP_DIR", _GEMMLOWP))
    if not folder.get_child("fixedpoint").exists:
        fail(("gemmlowp's headers were not found in %s: install them (Debian: apt-get install " +
              "libgemmlowp-dev) or set GEMMLOWP_DIR.") % folder)
    return folder

# A source tree has BUILD files, at which a glob ends, so its headers are copied.
def _copy_headers(repository_ctx, source, folders, destination):
    repository_ctx.file(destination + "/.copied", "")
    find = "find -L %s -name downloads -prune -o -type f -name '*.h' -exec cp --parents -t '%s' {} +"
    copied = repository_ctx.execute(
        ["sh", "-c", find % (" ".join(folders), repository_ctx.path(destination))],
        working_directory = source,
    )
    if copied.return_code != 0:
        fail("Copying headers from %s: %s" % (source, copied.stderr))

def _from_tree(repository_ctx, tree):
    environ = repository_ctx.os.environ
    if not repository_ctx.path(tree + "/tensorflow/lite/micro/micro_interpreter.h").exists:
        fail("TFLM_DIR=%s holds no tensorflow/lite/micro/micro_interpreter.h." % tree)
    if "TFLM_LIBRARY" in environ:
        libraries = [environ["TFLM_LIBRARY"]]
    else:
        found = repository_ctx.execute(["find", tree + "/gen", "-name", "libtensorflow-microlite.a"])
        libraries = found.stdout.splitlines()
    if len(libraries) != 1 or not repository_ctx.path(libraries[0]).exists:
        fail(("TFLM_DIR=%s: expected one libtensorflow-microlite.a under gen/, found %s; set " +
              "TFLM_LIBRARY to the static library.") % (tree, libraries))

    _copy_headers(repository_ctx, tree, ["tensorflow", "signal"], "include")
    includes = ["include"]
    headers = [path for path in _THIRD_PARTY_HEADERS if repository_ctx.path(tree + "/" + path).exists]
    for index, path in enumerate(headers):
        includes.append("third_party_%d" % index)
        _copy_headers(repository_ctx, tree + "/" + path, ["."], includes[-1])
    if not [path for path in headers if path.endswith("/gemmlowp")]:
        includes.append("gemmlowp")
        repository_ctx.symlink(_gemmlowp(repository_ctx), "gemmlowp")

    # TFLM's makefile always builds its library with this definition; it changes the
    # layout of TfLiteTensor.
    _write_build(
        repository_ctx,
        "static_library",
        repository_ctx.path(libraries[0]),
        ["TF_LITE_STATIC_MEMORY"],
        includes,
    )

def _from_python_package(repository_ctx):
    python = repository_ctx.os.environ.get("TFLM_TRAINING_PYTHON", None)
    if python == None:
        python = repository_ctx.which("python3")
        if python == None:
            fail("python3 is not on the PATH; set TFLM_TRAINING_PYTHON or TFLM_DIR.")
    found = repository_ctx.execute([
        python,
        "-c",
        "import importlib.util as u; print(u.find_spec('xmos_ai_tools').submodule_search_locations[0])",
    ])
    if found.return_code != 0:
        fail(("%s has no package xmos_ai_tools: run `pip install xmos-ai-tools==1.4.2`, or set " +
              "TFLM_TRAINING_PYTHON to an interpreter that has it, or TFLM_DIR to a TFLM tree.") % python)
    package = repository_ctx.path(found.stdout.strip())
    headers = package.get_child("runtime").get_child("include")
    folder = package.get_child("xinterpreters").get_child("libs").get_child("linux")
    if not folder.exists or not headers.exists:
        fail("%s lacks TFLM's headers or library; expected xmos-ai-tools==1.4.2 for Linux." % package)

    # The loader looks for the versioned name, which is the library's soname.
    libraries = sorted([str(path) for path in folder.readdir() if path.basename.startswith("xtflm_python.so")])
    repository_ctx.symlink(headers, "include")
    repository_ctx.symlink(_gemmlowp(repository_ctx), "gemmlowp")
    _write_build(
        repository_ctx,
        "shared_library",
        repository_ctx.path(libraries[-1]),
        ["tflite=tflite_micro"],
        ["include", "gemmlowp"],
    )

def _tflm_repository(repository_ctx):
    tree = repository_ctx.os.environ.get("TFLM_DIR", "")
    if tree:
        _from_tree(repository_ctx, tree)
    else:
        _from_python_package(repository_ctx)

tflm_repository = repository_rule(
    implementation = _tflm_repository,
    environ = ["GEMMLOWP_DIR", "PATH", "TFLM_DIR", "TFLM_LIBRARY", "TFLM_TRAINING_PYTHON"],
    doc = "Declares @tflm//:tflm, a cc_library with TFLM's headers, defines and runtime.",
)
