"""The order in which the greedy planner places buffers, by hand."""

from __future__ import annotations

from converter.memory.planner import Buffer, plan


def offsets(*buffers: Buffer) -> tuple[int, list[int | None]]:
    return plan(buffers), [buffer.offset for buffer in buffers]


def test_nothing_to_plan() -> None:
    assert plan([]) == 0


def test_the_largest_comes_first() -> None:
    assert offsets(Buffer(16, 0, 1), Buffer(48, 0, 1)) == (64, [48, 0])


def test_of_equal_size_the_last_comes_first() -> None:
    assert offsets(Buffer(32, 0, 1), Buffer(32, 0, 1)) == (64, [32, 0])


def test_buffers_that_never_meet_share_their_place() -> None:
    assert offsets(Buffer(32, 0, 1), Buffer(32, 2, 3)) == (32, [0, 0])


def test_the_first_gap_that_is_large_enough_is_taken() -> None:
    assert offsets(
        Buffer(64, 0, 9, offset=0),
        Buffer(64, 0, 9, offset=80),
        Buffer(64, 0, 9, offset=176),
        Buffer(32, 3, 4),
        Buffer(16, 3, 4),
    ) == (240, [0, 80, 176, 144, 64])


def test_offline_buffers_keep_their_offset_even_if_they_overlap() -> None:
    assert offsets(Buffer(32, 0, 1, offset=16), Buffer(32, 0, 1, offset=24), Buffer(64, 0, 1)) == (
        120,
        [16, 24, 56],
    )
