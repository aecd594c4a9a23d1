"""The command line: exit codes, and one line for every user error."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sweeper.cli import main
from sweeper.plan import foreseen, start
from sweeper.results.tables import Outcome
from sweeper.run import pipeline
from tests.sweeper.folders import write_config, write_images

ROOT = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A config of four cells over a folder of ten small images, in whose parent commands run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path, write_images(tmp_path / "images", {"a": 5, "b": 5}))


@pytest.fixture(autouse=True)
def _no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(pipeline, "ray_session", refuse)


def complaint(captured: Captured, *arguments: str) -> str:
    """The single line that an invalid command prints on stderr."""
    assert main(arguments) == 2
    (line,) = captured.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_missing_data_folder_is_one_line(
    config: str, tmp_path: Path, capsys: Captured, command: str
) -> None:
    out = ["--out", str(tmp_path / "run")]
    line = complaint(capsys, command, config, "--set", "data.path=/no/where", *out)
    assert line.startswith("data.path='/no/where': no such folder")


def test_an_empty_class_folder_is_one_line(config: str, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "images" / "hollow").mkdir()
    assert complaint(capsys, "plan", config) == (
        f"data.path='{tmp_path / 'images'}': class folder without an image: hollow; add images or "
        "remove the folder"
    )


def test_a_class_with_fewer_images_than_parts_is_one_line(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    write_images(tmp_path / "images", {"few": 2})
    assert "class 'few' has 2" in complaint(capsys, "plan", config)


def test_an_unknown_key_is_one_line(config: str, capsys: Captured) -> None:
    line = complaint(capsys, "plan", config, "--set", "search.draw=3")
    assert line.startswith("search.draw: unknown key (did you mean draws?)")


def test_several_errors_are_one_line_each(config: str, capsys: Captured) -> None:
    assert main(["plan", config, "--set", "search.draws=0", "--set", "gird=1"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: ") for line in lines)


def test_an_unknown_class_of_a_scenario_is_one_line(config: str, capsys: Captured) -> None:
    overrides = ["--set", "scenarios.mine=[a, bb]", "--set", "grid.scenarios=[mine]"]
    line = complaint(capsys, "plan", config, *overrides)
    assert (
        line == "scenario 'mine': the data has no class 'bb' (did you mean 'b'?); "
        "its classes are a, b"
    )


def test_missing_weights_are_one_line(config: str, capsys: Captured) -> None:
    line = complaint(capsys, "plan", config, "--set", "weights.mobilenet=/no/w.safetensors")
    assert line.startswith("weights '/no/w.safetensors': no such file")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_store_that_cannot_be_written_to_is_one_line(
    config: str, tmp_path: Path, capsys: Captured, command: str
) -> None:
    overrides = ["--set", f"store={config}/below", "--out", str(tmp_path / "run")]
    assert "cannot be written to" in complaint(capsys, command, config, *overrides)


def test_an_out_that_cannot_be_written_to_is_one_line(config: str, capsys: Captured) -> None:
    line = complaint(capsys, "run", config, "--out", f"{config}/below")
    assert line.startswith(f"--out '{config}/below': cannot be written to")


@pytest.mark.parametrize("command", ["audit images", "plan", "predict run x.png", "export run"])
@pytest.mark.parametrize("empty", [["--out", ""], ["--out", " "], ["--out="]])
def test_an_empty_out_is_not_the_working_directory(
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    empty: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    line = complaint(capsys, *command.split(), *empty)
    assert line == "--out '': empty; write a value, or omit it"
    assert not [*tmp_path.iterdir()]


def test_an_empty_argument_is_refused(capsys: Captured) -> None:
    assert complaint(capsys, "report", "").startswith("an argument '': empty")
    assert complaint(capsys, "predict", "run", "").startswith("an argument '': empty")
    assert complaint(capsys, "export", "run", "--store", "").startswith("--store '': empty")


def test_a_missing_config_is_one_line(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in complaint(capsys, "run", "absent.yaml")
    monkeypatch.setenv("SWEEP_CONFIG", "absent")
    assert complaint(capsys).startswith("config 'absent': expected a YAML file or one of")


@pytest.mark.parametrize("content", [None, "{}", "[]", "no json", '{"config": {"name": 3}}'])
def test_a_report_of_a_folder_without_a_run_is_one_line(
    tmp_path: Path, capsys: Captured, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "run.json").write_text(content)
    assert "no results/run.json of a run" in complaint(capsys, "report", str(tmp_path))


@pytest.mark.ray
def test_more_gpus_than_available_is_one_line_in_the_shell_too(config: str, tmp_path: Path) -> None:
    command = [sys.executable, "sweep.py", "run", config, "--out", str(tmp_path / "run")]
    command += ["--set", "resources.gpus_per_trial=1", "--set", "resources.cpus=1"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: resources.gpus_per_trial=1: Ray sees 0 GPUs here")
    assert "gpus_per_trial=0" in line


def test_a_file_that_is_not_an_image_does_not_end_the_run(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "images" / "a" / "broken.png").write_text("no picture")
    assert main(["plan", config]) == 0
    assert "10 images in 2 classes, 1 excluded" in capsys.readouterr().out


def test_a_second_plan_decodes_nothing(config: str, decoded: list[str]) -> None:
    assert main(["plan", config]) == 0
    assert len(decoded) == 12  # every image, and one of each class for the contact sheet
    assert main(["plan", config]) == 0
    assert len(decoded) == 12


def test_plan_prints_cells_and_trials_and_runs_nothing(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["plan", config, "--set", "grid.seeds=[0, 1, 2]"]) == 0
    printed = capsys.readouterr()
    rows = [line.split() for line in printed.out.splitlines() if line.startswith("grouped")]
    assert rows == [
        ["grouped", "mobilenet", "transfer", "6", "0", "12", "12"],
        ["grouped", "mobilenet", "finetune", "6", "0", "12", "12"],
    ]
    assert printed.err == ""
    kept = {path.name for path in (tmp_path / "store").iterdir()} - {"listings"}
    assert kept == {"descriptions", "duplicates"}
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("states", "code", "text"),
    [
        ({"done": 4}, 0, "4 of 4 cells done\n"),
        ({"done": 2, "failed": 1, "missing": 1}, 1, "2 of 4 cells done, 1 failed, 1 missing\n"),
    ],
)
def test_the_exit_code_says_whether_all_cells_are_done(
    config: str,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    states: dict[str, int],
    code: int,
    text: str,
) -> None:
    outcome = Outcome(Counter(states), Counter())
    monkeypatch.setattr(pipeline, "run_sweep", lambda *arguments: outcome)
    assert main(["run", config, "--out", str(tmp_path / "run")]) == code
    assert capsys.readouterr().out.startswith(text)


def test_ctrl_c_prints_how_to_continue(
    config: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run_sweep", interrupted)
    out = str(tmp_path / "a run")
    assert main(["run", config, "--out", out]) == 130
    printed = capsys.readouterr().out
    (_, _, again) = printed.strip().partition("run again: ")
    assert shlex.split(again)[1:] == ["sweep.py", "run", config, "--out", out]
    assert Path(shlex.split(again)[0]).absolute() == Path(sys.executable)


@pytest.mark.parametrize("buffered", [False, True])
def test_a_reader_that_has_left_causes_no_message(config: str, buffered: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "sweep.py", "plan", config],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141


@pytest.mark.parametrize("buffered", [False, True])
def test_output_that_cannot_be_written_is_one_line(buffered: bool) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    for command in (["check-table", "reports/published/tables_1_to_6.csv"], []):
        with open("/dev/full", "w") as full:
            ended = subprocess.run(
                [sys.executable, "sweep.py", *command],
                cwd=ROOT,
                env=environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert ended.stderr == (
            "error: standard output cannot be written (No space left on device)\n"
        )
        assert ended.returncode == 2


def test_a_user_error_that_cannot_be_printed_keeps_its_exit_code() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "sweep.py", "audit", "/no/where"]
        assert subprocess.run(command, cwd=ROOT, stderr=full).returncode == 2


def test_the_command_alone_prints_its_help(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWEEP_CONFIG", raising=False)
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: sweep.py [-h] COMMAND ...")


def test_the_command_alone_runs_the_config_of_sweep_config(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    outcome = Outcome(Counter(done=4), Counter())
    monkeypatch.setenv("SWEEP_CONFIG", config)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "run_sweep", lambda one, *_: ran.append(one.name) or outcome)
    assert main([]) == 0
    assert ran == ["four-cells"]


def test_a_plan_without_a_config_does_not_use_the_demos_classes(
    config: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWEEP_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    overrides = [f"data.path={tmp_path / 'images'}", "search.draws=none"]
    line = complaint(capsys, "plan", "--set", overrides[0], "--set", overrides[1])
    assert line.startswith("search.draws=")
    monkeypatch.setattr(foreseen, "out_of_reach", lambda specs: None)
    assert main(["plan", "--set", overrides[0]]) == 0
    out = capsys.readouterr().out
    assert out.startswith("no CONFIG: using 'default'\n")
    assert "10 images in 2 classes" in out


def test_an_interpreter_without_the_packages_is_pointed_to_the_right_one(tmp_path: Path) -> None:
    """`-I` and an empty environment: only the standard library is available."""
    for name in ("sweep.py", "sweeper", "datasets", "trainables", "reports"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    base = Path(sys.base_prefix, "bin", "python3")
    command = [str(base), "-I", "-S", str(tmp_path / "sweep.py"), "plan", "a b"]
    for made in (False, True):
        if made:
            (tmp_path / ".venv" / "bin").mkdir(parents=True)
            (tmp_path / ".venv" / "bin" / "python").touch()
        ended = subprocess.run(command, capture_output=True, text=True)
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert f"is not installed for {base}" in line
        assert line.endswith(f"{tmp_path}/.venv/bin/python {tmp_path}/sweep.py plan 'a b'")
        assert ("make -C" in line) == (not made)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_a_terminal_lacks_are_not_an_error(tmp_path: Path, encoding: str) -> None:
    config = write_config(tmp_path, write_images(tmp_path / "日本", {"日本語": 5, "ü": 5}))
    command = [sys.executable, "sweep.py", "plan", config, "--set", "scenarios.x=[日本, ü]"]
    command += ["--set", "grid.scenarios=[x]"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True)
    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr
    assert rb"\u65e5\u672c" in ended.stderr


def test_a_name_that_is_not_unicode_is_one_line(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/M\xfcller"
    os.mkdir(odd)
    sweep = os.fsencode(ROOT / "sweep.py")
    for command, cwd in (([b"audit", odd], tmp_path), ([b"plan", b"smoke"], odd)):
        ended = subprocess.run([sys.executable, sweep, *command], cwd=cwd, capture_output=True)
        assert ended.returncode == 2
        (line,) = ended.stderr.decode().splitlines()
        assert line.startswith("error: '")
        assert "M\\xfcller': a name that is not UTF-8; rename it" in line


def test_a_plan_refuses_weights_of_another_network_as_a_run_would(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"conv.weight": torch.zeros(2, 3)}, path)
    line = complaint(capsys, "plan", config, "--set", f"weights.mobilenet={path}")
    assert line.startswith(f"weights '{path}': not those of mobilenetv1_100")


def test_a_plan_refuses_an_unreachable_hub(
    config: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseen, "out_of_reach", lambda specs: "no route")
    line = complaint(capsys, "plan", config, "--set", "weights.mobilenet=imagenet")
    assert line.startswith("weights.mobilenet='imagenet': the hub cannot be reached (no route)")


def test_a_plan_warns_of_one_backbone_of_several_that_cannot_be_loaded(
    config: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseen, "out_of_reach", lambda specs: "no route")
    options = ["grid.backbones=[mobilenet, resnet50]", "weights.resnet50=imagenet"]
    assert main(["plan", config, *(part for one in options for part in ("--set", one))]) == 0
    out = capsys.readouterr().out
    assert "warning: weights.resnet50='imagenet': the hub cannot be reached (no route)" in out
    assert "its cells will fail" in out


def test_a_plan_warns_of_a_test_part_too_small_to_be_informative(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["plan", config]) == 0
    out = capsys.readouterr().out
    assert re.search("warning: split policy grouped, scenario all: only . independent test", out)
    write_images(tmp_path / "images", {"a": 60, "b": 60})
    assert main(["plan", config]) == 0
    assert "independent test images" not in capsys.readouterr().out


def test_a_bug_keeps_its_traceback(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "collect", lambda *arguments: json.loads("bug"))
    with pytest.raises(json.JSONDecodeError):
        main(["plan", config])


def test_a_command_line_error_needs_neither_torch_nor_ray() -> None:
    code = "import sys; from sweeper.cli import main; main(['run', 'absent']); "
    code += "sys.exit(bool({'torch', 'ray'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith("error: config 'absent'")


def test_a_sweep_warns_of_a_rule_that_puts_most_images_into_one_group(
    config: str, capsys: Captured
) -> None:
    assert main(["plan", config, "--set", r"data.group_by=/(\d)"]) == 0
    assert "into one group" not in capsys.readouterr().out
    assert main(["plan", config, "--set", r"data.group_by=(?:0|1|2)(\.png)"]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "into one group" in one]
    assert "data.group_by puts 6 of 10 images into one group" in line
