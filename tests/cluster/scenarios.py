"""What is done on fake machines, from the laptop's shell; each scenario raises where it is not so.

Typed is what docs/how-to/cluster.md tells a user to type, on the project's own cluster.yaml with an
overlay of what must differ; the store is moto's S3, reached over its protocol.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.cluster.fake_cloud import BUCKET, Site, scratch_folder
from tests.cluster.instances import Instances
from tests.cluster.interruptions import STAGES, Interruptions
from tests.cluster.machines import Machine
from tests.cluster.tables import differing_tables

LONGER = {  # so that every stage lasts long enough to be hit
    "search.scheduler": "none",
    "search.draws": 4,
    "search.epochs": 6,
    "preprocess.image_size": 128,
    "augmentations.fec-ige.copies": 4,
    "explain.max_steps": 64,
    "explain.champions": "all",
}
NODES = ["head", "w1", "w2"]
_JOBS = "--address http://127.0.0.1:8265"


def local() -> None:
    """Ray's on-premise provider: the grid, the doors, a job, trials of three workers each, a driver
    whose laptop is closed."""
    with Site(scratch_folder()) as site:
        site.laptop.environment = {**site.laptop.environment, "RAY_UP_enable_autoscaler_v2": "0"}
        site.write_cluster("local")
        try:
            _whole_way(site)
            _check_doors(site)
            _run_as_job(site)
            _stop_a_job(site)
            # three workers of 0.8 CPUs take two nodes; of the GPUs there is but the name
            many = "--set resources.workers_per_trial=3 --set resources.gpus_per_trial=0"
            run = f"run smoke {many} --set grid.seeds=[2] --out runs/two"
            site.type(f"ray submit cluster.yaml sweep.py -- {run}")
            run = "run smoke --set grid.seeds=[3] --out runs/away"
            site.type(f"ray submit cluster.yaml sweep.py --tmux -- {run}")
            end = "~/runs/away/report/index.html"
            site.type(f"ray exec cluster.yaml 'until test -f {end}; do sleep 1; done'")
            for name in ("job", "two", "away"):
                site.type(f"ray rsync-down cluster.yaml '~/runs/{name}/' ~/{name}")
                _check_cells(site.laptop.home / name, 4)
        finally:
            site.type("ray down -y cluster.yaml")


def _run_as_job(site: Site) -> None:
    _submit(site, '--set grid.seeds=[1] --out "~/runs/job"')


def _submit(site: Site, run: str, options: str = "") -> None:
    """`smoke` as a job; the run's folder is quoted, as we say."""
    submit = f"ray job submit {_JOBS} {options} --working-dir . --"
    command = f"{submit} python sweep.py run smoke {run}"
    site.type(f"ray exec cluster.yaml 'cd sweeper-project && {command}'")


def _stop_a_job(site: Site) -> None:
    """It has the time to write its tables."""
    run = '--set grid.seeds=[4] --set search.draws=20 --out "~/runs/stopped"'
    _submit(site, run, "--no-wait --submission-id one")
    begun = f"ray job logs {_JOBS} one | grep -q transfer:"
    site.type(f"ray exec cluster.yaml 'until {begun}; do sleep 1; done; ray job stop {_JOBS} one'")
    status = "grep status runs/stopped/results/run.json"
    if "interrupted" not in site.type(f"ray exec cluster.yaml '{status}'"):
        raise AssertionError("a stopped job did not write its tables")


def aws() -> None:
    """The aws provider against moto's server: from no worker to some and back."""
    with Site(scratch_folder()) as site, _instances(site) as instances:
        site.write_cluster("aws")
        try:
            _whole_way(site)
            workers = [name for name in instances.running.values() if name != "head"]
            if workers or instances.most < 2:
                raise AssertionError(f"workers left: {workers}; at once: {instances.most}")
        finally:
            site.type("ray down -y cluster.yaml")
    print("instances at once, at most:", instances.most)


def kills(midway: bool = False) -> None:
    """The aws provider, and a worker taken away in every stage, as its work begins or `midway`: the
    tables of an unbroken run, and every trial committed once."""
    sets = shlex.join(f"--set={key}={value}" for key, value in LONGER.items())
    with Site(scratch_folder()) as site, _instances(site) as instances:
        alone = 'SWEEP_SET="store=$HOME/store data.path=$HOME/images" python sweep.py run smoke'
        site.type(f"{alone} {sets} --out ~/unbroken")
        site.write_cluster("aws")
        try:
            site.type("ray up -y --no-config-cache cluster.yaml")
            struck = _until_done(site, instances, f"run smoke {sets}", midway)
            site.type("ray rsync-down cluster.yaml '~/runs/smoke/' ~/broken")
        finally:
            site.type("ray down -y cluster.yaml")
        _compare(site, struck, STAGES)


def _compare(site: Site, struck: list[str], stages: Sequence[str]) -> None:
    """Every cell done, the tables those of the unbroken run, each trial committed once."""
    home, commits = site.laptop.home, site.commits()
    _check_cells(home / "broken", 4)
    differing = differing_tables(home / "unbroken" / "results", home / "broken" / "results")
    print("struck in:", ", ".join(struck))
    print("tables that differ from the unbroken run's:", ", ".join(differing) or "none")
    twice = [key for key, count in commits.items() if count > 1]
    print(len(commits), "trials committed, more than once:", ", ".join(twice) or "none")
    if differing or twice or not commits or set(struck) != set(stages):
        raise AssertionError(f"struck in {struck}, differing: {differing}, twice: {twice}")


def kills_of_workers() -> None:
    """The aws provider, fine-tuning trials of three workers on two machines, one of which is taken
    away: the tables of a run that was left alone."""
    many = "--set resources.workers_per_trial=3 --set resources.gpus_per_trial=0"
    longer = f"{many} --set search.scheduler=none --set finetune.epochs=40"
    with Site(scratch_folder()) as site, _instances(site) as instances:
        site.write_cluster("aws")
        try:
            site.type("ray up -y --no-config-cache cluster.yaml")
            run = f"run smoke {longer} --set store=s3://{BUCKET}/unbroken --out runs/unbroken"
            site.type(f"ray submit cluster.yaml sweep.py -- {run}", timeout=1800)
            run = f"run smoke {longer} --out runs/broken"
            struck = _until_done(site, instances, run, midway=True, stages=("finetune",))
            for name in ("unbroken", "broken"):
                site.type(f"ray rsync-down cluster.yaml '~/runs/{name}/' ~/{name}")
        finally:
            site.type("ray down -y cluster.yaml")
        _compare(site, struck, ("finetune",))


SCENARIOS: dict[str, Callable[[], None]] = {
    "local": local,
    "aws": aws,
    "kills": kills,
    "kills-midway": partial(kills, midway=True),
    "kills-of-workers": kills_of_workers,
}


def _instances(site: Site) -> Instances:
    return Instances(site.machines, site.machines["cloud"], list(NODES))


def _whole_way(site: Site) -> None:
    site.show_differences()
    site.type("ray up -y --no-config-cache cluster.yaml")
    site.type("ray exec cluster.yaml 'ray status'")
    site.type("ray submit cluster.yaml sweep.py")
    site.type("ray rsync-down cluster.yaml '~/runs/smoke/' ~/smoke-run && ls ~/smoke-run/*")
    _check_cells(site.laptop.home / "smoke-run", 4)
    site.type("sleep 60; ray exec cluster.yaml 'ray status'")


def _check_cells(run: Path, cells: int) -> None:
    """A report, and every cell done."""
    counted = json.loads((run / "results" / "run.json").read_text(encoding="utf-8"))["cells"]
    if counted.get("done") != cells or not (run / "report" / "index.html").is_file():
        raise AssertionError(f"{run}: cells {counted}")


def _check_doors(site: Site) -> None:
    """Without the token nobody gets in, and the dashboard is on the head's loopback alone; the
    token is for the eyes of its owner."""
    tokens = {name: site.machines[name].home / ".ray" / "auth_token" for name in (*NODES, "laptop")}
    there = {name: path.stat().st_mode for name, path in tokens.items() if path.is_file()}
    modes = {name: f"{mode & 0o777:o}" for name, mode in there.items()}
    print("mode of the token's file:", modes)
    if set(modes.values()) != {"600"} or len(modes) < 3:  # the laptop, the head and a worker
        raise AssertionError(f"others may read a token: {modes}")
    stranger: Machine = site.machines["cloud"]
    for line in (
        "RAY_AUTH_MODE=disabled timeout 30 ray status --address 10.77.0.1:6379",
        f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN={'0' * 64} timeout 30 ray status"
        " --address 10.77.0.1:6379",
        "timeout 5 bash -c '</dev/tcp/10.77.0.1/8265'",
    ):
        ended = stranger.run(line, check=False)
        told = (ended.stdout + ended.stderr).strip().splitlines()
        print(f"stranger$ {line}\n{told[-1] if told else ''}")
        if ended.returncode == 0:
            raise AssertionError(f"a stranger may: {line}")
    site.type("ray exec cluster.yaml 'timeout 5 bash -c \"</dev/tcp/127.0.0.1/8265\"'")


def _until_done(
    site: Site,
    instances: Instances,
    run: str,
    midway: bool,
    stages: Sequence[str] = STAGES,
    attempts: int = 3,
) -> list[str]:
    """Submit a run until it has ended well, striking once in each stage; the stages struck."""
    struck: list[str] = []
    for attempt in range(1, attempts + 1):
        left = tuple(stage for stage in stages if stage not in struck)
        watched = Interruptions(instances.interrupt, left, midway)
        submit = f"ray submit cluster.yaml sweep.py -- {run}"
        print(f"$ {submit}", flush=True)
        code = watched.follow(site.laptop.command(f"cd sweeper; {submit} 2>&1"), timeout=1200)
        (site.machines.scratch / f"driver-{attempt}.log").write_text("".join(watched.lines))
        struck += watched.struck
        print(f"  exit {code} after strikes in: {', '.join(watched.struck)}", flush=True)
        if code == 0:
            return struck
    raise AssertionError(f"not done after {attempts} attempts")
