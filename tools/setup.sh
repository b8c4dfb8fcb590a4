#!/bin/sh
# Sets up .venv in the project's folder: tools/setup.sh demo|test|lint|emulator
#
# PYTHON names the interpreter to use, 3.10 to 3.12; otherwise the first such one on the
# PATH is taken. What only a system package can provide is installed with apt-get, and only
# if it is missing.
set -eu
cd "$(dirname "$0")/.."

purpose=$1
venv=.venv

fail() {
    echo "error: $*" >&2
    exit 1
}

suits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.10}; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.10, 3.11 or 3.12 among ${PYTHON:-the python3 on the PATH};" \
        "name one: make PYTHON=/path/to/python3.11"
}

# missing_packages PYTHON: the Debian packages of the files that are not there.
missing_packages() {
    command -v g++ >/dev/null || echo g++
    [ -e /usr/include/gemmlowp/fixedpoint/fixedpoint.h ] || [ -n "${GEMMLOWP_INCLUDE:-}" ] ||
        echo libgemmlowp-dev
    "$1" -c 'import ensurepip' 2>/dev/null || echo python3-venv
    "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || echo python3-dev
    if [ "$purpose" = test ]; then
        command -v bazel >/dev/null || echo bazel-bootstrap
        [ -e "${GOOGLETEST_DIR:-/usr/src/googletest/googletest}/src/gtest-all.cc" ] ||
            echo libgtest-dev
        command -v cmake >/dev/null || echo cmake
    fi
    case $purpose in
    test | emulator)
        command -v arm-none-eabi-g++ >/dev/null || echo gcc-arm-none-eabi
        has_arm_library libc.a || echo libnewlib-arm-none-eabi
        has_arm_library libstdc++.a || echo libstdc++-arm-none-eabi-newlib
        command -v qemu-system-arm >/dev/null || echo qemu-system-arm
        ;;
    esac
}

# The compiler answers with the bare name for what it does not find.
has_arm_library() {
    case $(arm-none-eabi-g++ -print-file-name="$1" 2>/dev/null) in
    */*) return 0 ;;
    *) return 1 ;;
    esac
}

install_packages() {
    command -v apt-get >/dev/null || fail "please install (Debian's names): $*"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "please install: apt-get install $*"
        as_root=sudo
    fi
    echo "Installing system packages: $*"
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

python=$(find_python)
packages=$(missing_packages "$python")
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086  # a list
    install_packages $packages
fi

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null || ! suits "$venv/bin/python"; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

# Some pinned versions need Python 3.11 or newer; those of the linters do not.
pins=constraints.txt
if "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info >= (3, 11))'; then
    pins=$venv/constraints.txt
    grep -E '^(mypy|ruff)==' constraints.txt >"$pins"
fi
# `make test` runs the linters too, and its build takes no warning.
# The emulator needs no more packages than the project itself.
case $purpose in
test)
    extras="[test,lint]"
    export TFLM_TRAINING_WERROR=1
    ;;
emulator) extras= ;;
*) extras="[$purpose]" ;;
esac
echo "Installing Python packages for the $purpose into $venv and building the extension"
"$venv/bin/python" -m pip install -q --no-input --disable-pip-version-check -c "$pins" -e ".$extras"
