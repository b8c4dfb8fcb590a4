"""A process that works off cases: limited in memory and time, one line of JSON for each.

Written before a case: {"begin": N}; after it {"kind", "result", "seconds"} or {"kind",
"finding"}; at the end {"peak_bytes"}. A worker that ends without that line was killed by its last
case: by a crash, or by the alarm behind the one that Python can catch.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.fuzz.cases import run_case
from tests.fuzz.seeds import seeds_of

# Far above what the slowest case takes, on a slow machine too.
CASE_SECONDS = 60
PEAK_BYTES = 1 << 30
# Address space beyond what is mapped at the start; TFLite Micro's host arena may reserve 1 GiB
# that it never touches.
_ADDRESS_SPACE = 3 << 30


class _TimeoutError(BaseException):
    """Not an Exception, so that nothing on the way takes it for an error of the file."""


def _time_out(number: int, frame: FrameType | None) -> None:
    raise _TimeoutError(f"no result after {CASE_SECONDS} s")


def peak_bytes() -> int:
    """The largest resident set so far, of this program alone: ru_maxrss would start at what the
    process that started it had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno}"
    return f"{type(error).__name__} at {place}: {str(error)[:300]}"


def _say(**content: object) -> None:
    print(json.dumps(content), flush=True, file=sys.__stdout__)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--numbers", nargs=3, type=int, required=True, help="range(*numbers)")
    parser.add_argument("models", nargs="+", type=Path)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGALRM, _time_out)
    with seeds_of(options.models) as seeds:
        _limit_memory()
        for number in range(*options.numbers):
            _say(begin=number)
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
            faulthandler.dump_traceback_later(2 * CASE_SECONDS, exit=True)
            try:
                kind, result = run_case(seeds, options.seed, number)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                signal.setitimer(signal.ITIMER_REAL, 0)
                _say(number=number, finding=_where(error))
            else:
                signal.setitimer(signal.ITIMER_REAL, 0)
                _say(number=number, kind=kind, result=result, seconds=time.monotonic() - start)
            faulthandler.cancel_dump_traceback_later()
            if peak_bytes() > PEAK_BYTES:
                _say(number=number, finding=f"{peak_bytes()} bytes of memory")
                return
    _say(peak_bytes=peak_bytes())


if __name__ == "__main__":
    main()
