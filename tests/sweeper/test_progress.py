"""Progress: plain lines where nobody watches, a panel on a terminal."""

import time
from io import StringIO

import pytest
from rich.console import Console

from sweeper.progress import Progress


def plain() -> tuple[Progress, StringIO]:
    text = StringIO()
    return Progress(Console(file=text, width=40)), text


def terminal() -> tuple[Progress, StringIO]:
    text = StringIO()
    return Progress(Console(file=text, width=120, force_terminal=True, highlight=False)), text


def test_without_a_terminal_a_stage_is_a_plain_line_at_its_start_and_at_its_end() -> None:
    progress, text = plain()
    with progress:
        progress.skip("extract", "5 backbones in the store")
        progress.start("transfer", 3, "trials")
        for state in ("done", "stopped", "done"):
            progress.count(state)
        progress.finish("4 in the store")
    skipped, started, finished = text.getvalue().splitlines()
    assert skipped == f"{'extract':<24}  5 backbones in the store"
    assert started == "transfer: 3 trials"
    assert finished.startswith("transfer ")
    assert "3 trials" in finished
    assert finished.endswith("2 done, 1 stopped  4 in the store")
    assert "\x1b" not in text.getvalue()


def test_a_long_stage_tells_where_it_is_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress, text = plain()
    progress.start("extract", 100, "images")
    for second in range(1, 26):
        clock[0] = second
        progress.reach(second * 2)
    assert text.getvalue().splitlines()[1:] == [
        "extract: 20 of 100 images, 2.0 images/s, 0 min 40 s left",
        "extract: 40 of 100 images, 2.0 images/s, 0 min 30 s left",
    ]


def test_what_takes_longer_than_a_second_has_its_seconds_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress, text = plain()
    progress.start("finetune", 4, "trials")
    for second in (20, 50):
        clock[0] = second
        progress.count("done")
    assert text.getvalue().splitlines()[1:] == [
        "finetune: 1 of 4 trials, 1 done, 20.0 s/trial, 1 min 00 s left",
        "finetune: 2 of 4 trials, 2 done, 25.0 s/trial, 0 min 50 s left",
    ]


def test_states_of_one_stage_are_not_counted_in_the_next() -> None:
    progress, text = plain()
    progress.start("transfer", 1, "trials")
    progress.count("failed")
    progress.finish()
    progress.start("finetune", 1, "trials")
    progress.count("done")
    progress.finish()
    _, first, _, second = text.getvalue().splitlines()
    assert "1 failed" in first
    assert "failed" not in second


def test_on_a_terminal_a_panel_shows_the_stage_at_work() -> None:
    progress, text = terminal()
    with progress:
        progress.start("finetune", 10, "trials")
        for _ in range(5):
            progress.count("done")
        progress.live.refresh()
        shown = text.getvalue()
    assert "finetune" in shown
    assert "━" in shown
    assert "5 of 10 trials, 5 done" in shown
    assert "s left" in shown


def test_on_a_terminal_the_line_of_a_finished_stage_stays_above_the_panel() -> None:
    progress, text = terminal()
    with progress:
        progress.start("extract", 8, "images")
        progress.reach(8)
        progress.finish("1 backbones")
        before = len(text.getvalue())
        progress.start("transfer", 4, "trials")
        progress.live.refresh()
    assert "8 images" in text.getvalue()[:before]
    assert "0 of 4 trials, starting" in text.getvalue()[before:]


def test_a_step_that_takes_long_breaks_the_silence_within_two_seconds() -> None:
    progress, text = plain()
    with progress:
        with progress.during("look for copies"):
            time.sleep(0.05)
        assert text.getvalue() == ""
        with progress.during("look for copies"):
            time.sleep(2.3)
    assert text.getvalue() == "look for copies: 2 s\n"


def test_a_counted_step_says_how_far_it_is_and_leaves_the_stage_as_it_was() -> None:
    progress, text = plain()
    progress.start("extract", 5, "images")
    with progress.during("read images", 4, "images"):
        progress.reach(3)
        assert progress._status().startswith("3 of 4 images")
    assert (progress.name, progress.total, progress.done) == ("extract", 5, 0)
    assert text.getvalue() == "extract: 5 images\n"


def test_a_terminal_shows_the_step_and_its_seconds() -> None:
    progress, text = terminal()
    with progress, progress.during("start Ray"):
        progress.live.refresh()
    assert "start Ray" in text.getvalue()
