"""Progress: plain lines where nobody watches, a panel on a terminal."""

import itertools
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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that `time.monotonic` returns."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def _pass_time(progress: Progress, clock: list[float], until_s: float) -> None:
    """What the thread beside the run does, every 0.2 seconds."""
    while clock[0] < until_s:
        clock[0] = round(clock[0] + 0.2, 1)
        progress._report_if_due()


def test_a_long_stage_reports_after_two_seconds_and_then_at_least_every_ten(
    clock: list[float],
) -> None:
    progress, text = plain()
    progress.start("extract", 100, "images")
    times = []
    for second in range(1, 200):
        before = text.getvalue()
        _pass_time(progress, clock, second)
        times += [second] if text.getvalue() != before else []
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert times[0] == 2
    assert max(gaps) == 10
    assert len(gaps) < 35


def test_a_line_has_units_states_rate_and_time_left(clock: list[float]) -> None:
    progress, text = plain()
    progress.start("extract", 100, "images")
    clock[0] = 10
    progress.reach(20)
    progress._report_if_due()
    assert text.getvalue().splitlines()[1:] == [
        "extract: 20 of 100 images, 2.0 images/s, 0:00:40 left"
    ]


def test_units_that_take_longer_than_a_second_are_timed_one_by_one(clock: list[float]) -> None:
    """From the start of the stage: the first trial counts too."""
    progress, text = plain()
    progress.start("finetune", 4, "trials")
    for second in (20, 50):
        clock[0] = second
        progress.count("done")
        progress._report_if_due()
    assert text.getvalue().splitlines()[1:] == [
        "finetune: 1 of 4 trials, 1 done, 20.0 s/trial, 0:01:00 left",
        "finetune: 2 of 4 trials, 2 done, 25.0 s/trial, 0:00:50 left",
    ]


def test_a_trial_of_hours_still_has_a_rate(clock: list[float]) -> None:
    progress, _ = plain()
    progress.start("finetune", 2, "trials")
    clock[0] = 7200
    progress.count("done")
    assert progress.current
    assert progress.current.time_remaining == 7200


def test_before_the_first_unit_the_line_has_the_seconds(clock: list[float]) -> None:
    progress, text = plain()
    progress.start("finetune", 4, "trials")
    _pass_time(progress, clock, 2)
    assert text.getvalue().splitlines()[1] == "finetune: 0 of 4 trials, 2 s so far"


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
        progress.panel.refresh()
        shown = text.getvalue()
    assert "finetune" in shown
    assert "━" in shown
    assert "5 of 10 trials, 5 done" in shown
    assert "0:00:01 left" in shown


def test_on_a_terminal_the_line_of_a_finished_stage_stays_above_the_panel() -> None:
    progress, text = terminal()
    with progress:
        progress.start("extract", 8, "images")
        progress.reach(8)
        progress.finish("1 backbones")
        before = len(text.getvalue())
        progress.start("transfer", 4, "trials")
        progress.panel.refresh()
    assert "8 images" in text.getvalue()[:before]
    assert "0 of 4 trials" in text.getvalue()[before:]


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
        assert (step := progress.current)
        assert (step.description, step.completed, step.total) == ("read images", 3, 4)
    assert (stage := progress.current)
    assert (stage.description, stage.completed, stage.total) == ("extract", 0, 5)
    assert text.getvalue() == "extract: 5 images\n"


def test_a_terminal_shows_the_step_and_its_seconds() -> None:
    progress, text = terminal()
    with progress, progress.during("start Ray"):
        progress.panel.refresh()
    assert "start Ray" in text.getvalue()


def test_a_terminal_shows_one_row_whatever_is_nested() -> None:
    progress, text = terminal()
    with progress:
        progress.start("extract", 5, "images")
        with progress.during("read images", 4, "images"):
            before = len(text.getvalue())
            progress.panel.refresh()
            assert "extract" not in text.getvalue()[before:]
            assert "read images" in text.getvalue()[before:]
        before = len(text.getvalue())
        progress.panel.refresh()
        assert "extract" in text.getvalue()[before:]


def test_names_in_brackets_stay_text() -> None:
    progress, text = terminal()
    with progress, progress.during("load [red]x[/red]"):
        progress.skip("extract", "[bold] in the store")
        progress.panel.refresh()
    assert "[bold] in the store" in text.getvalue()
    assert "load [red]x[/red]" in text.getvalue()


def test_once_nobody_reads_the_lines_end_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    progress, text = plain()
    with progress, progress.during("look for copies"):
        text.close()
        time.sleep(2.2)
    assert capfd.readouterr() == ("", "")
