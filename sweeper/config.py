"""The configuration: what a YAML file and `--set key.path=value` may say.

Strict: an unknown key is an error that names the valid ones, and all errors are reported together.
Only `sweeper` sees these classes; the packages below take plain arguments.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from datasets.errors import DataError
from datasets.groups import check_group_by
from datasets.preprocess import CONTRASTS
from datasets.splits import FEWEST_FOLDS, POLICIES
from sweeper.errors import ConfigError
from trainables.registry import BACKBONES, BASELINES, Weights

SHIPPED = Path(__file__).resolve().parent.parent / "configs"
AUDIT_KEYS = ("data.group_by", "data.near_duplicates", "data.use_patient_id")
ALL_CLASSES = "all"  # the scenario that is always there
# PyYAML lets its constructors' own errors through, such as of the date 2024-13-45.
_NOT_YAML = (yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError)

Name = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$")]
Count = Annotated[int, Field(ge=1)]
LearningRate = Annotated[float, Field(gt=0, le=10)]
Hidden = list[Annotated[int, Field(ge=1, le=65536)]]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SyntheticSection(Section):
    images_per_class: Count = 30
    seed: int = 0
    duplicate_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    near_duplicate_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0


class DataSection(Section):
    source: Literal["folder", "synthetic"] = "synthetic"
    path: str | None = None
    on_error: Literal["exclude", "stop"] = "exclude"  # of files that cannot be read
    synthetic: SyntheticSection = SyntheticSection()
    near_duplicates: bool = True  # look for altered copies, not only for equal files
    use_patient_id: bool = True  # of DICOM files: one patient, one group
    group_by: str | None = None  # a regular expression on the path, a .csv file, or roboflow

    @field_validator("group_by")
    @classmethod
    def known_rule(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                check_group_by(value)
            except DataError as error:
                raise ValueError(str(error).partition(": ")[2]) from None
        return value

    @model_validator(mode="before")
    @classmethod
    def path_implies_folder(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("path") is not None:
            return {**data, "source": "folder"}
        return data

    @model_validator(mode="after")
    def folder_needs_path(self) -> DataSection:
        if self.source == "folder" and not self.path:
            raise ValueError("source 'folder' needs data.path, a folder of class folders")
        return self


class PreprocessSection(Section):
    image_size: Annotated[int, Field(ge=32, le=1024)] = 224
    contrast: str = "stretch"

    @field_validator("contrast")
    @classmethod
    def known_contrast(cls, value: str) -> str:
        return _one_of(value, CONTRASTS)


class SplitSection(Section):
    policies: Annotated[list[str], Field(min_length=1)] = ["grouped"]
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    folds: Annotated[int, Field(ge=FEWEST_FOLDS, le=100)] | None = None  # None: no cross-validation
    file: Annotated[str, Field(min_length=1)] | None = None  # what policy `file` reads
    file_policy: str | None = None  # the split_policy to take, of a file that has several
    file_unlisted: Literal["stop", "leave_out"] = "stop"  # images that the file does not list

    @field_validator("policies")
    @classmethod
    def known_policies(cls, values: list[str]) -> list[str]:
        return _distinct([_one_of(value, POLICIES) for value in values])

    @field_validator("fractions")
    @classmethod
    def shares_of_one(cls, values: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(values) <= 0 or abs(sum(values) - 1) > 1e-9:
            raise ValueError("expected three positive shares (train, val, test) that sum to 1")
        return values


class AugmentSection(Section):
    copies: Annotated[int, Field(ge=1, le=64)] = 8
    online: bool = False  # every batch anew instead of fixed copies; nothing can be cached


class GridSection(Section):
    backbones: Annotated[list[str], Field(min_length=1)] = list(BACKBONES)
    scenarios: Annotated[list[str], Field(min_length=1)] = [ALL_CLASSES]
    augmented: Annotated[list[bool], Field(min_length=1)] = [False, True]
    strategies: Annotated[list[Literal["transfer", "finetune"]], Field(min_length=1)] = [
        "transfer",
        "finetune",
    ]
    seeds: Annotated[list[int], Field(min_length=1)] = [0]

    @field_validator("scenarios", mode="before")
    @classmethod
    def numbers_are_names(cls, values: Any) -> Any:
        return [str(value) for value in values] if isinstance(values, list) else values

    @field_validator("backbones")
    @classmethod
    def known_backbones(cls, values: list[str]) -> list[str]:
        return [_one_of(value, BACKBONES) for value in values]

    @field_validator("backbones", "scenarios", "augmented", "strategies", "seeds")
    @classmethod
    def each_once(cls, values: list[Any]) -> list[Any]:
        return _distinct(values)


class HeadSection(Section):
    pooling: Literal["max", "avg"] = "max"


class CacheSection(Section):
    dtype: Literal["float16", "float32"] = "float16"


class PublishedSetting(Section):
    """Draw 0 of every cell: the paper's published setting."""

    lr: LearningRate = 1e-3
    batch_size: Annotated[int, Field(ge=2)] = 16
    hidden: Hidden = [512, 128]


class SearchSection(Section):
    draws: Count = 4
    epochs: Count = 30
    scheduler: Literal["asha", "none"] = "asha"
    grace_epochs: Count = 4
    reduction_factor: Annotated[int, Field(ge=2)] = 3
    published: PublishedSetting = PublishedSetting()
    lr: Annotated[list[LearningRate], Field(min_length=1)] = [1e-3, 1e-4, 1e-5]
    batch_size: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)] = [8, 16, 32]
    hidden: Annotated[list[Hidden], Field(min_length=1)] = [[256, 256, 128], [512, 128]]


class FinetuneSection(Section):
    start: Literal["transfer", "fresh"] = "transfer"
    depth: Literal["suffix", "all"] = "suffix"  # all: the whole network, from pixels
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # bfloat16 where a GPU has it
    batchnorm: Literal["train", "frozen"] = "train"
    epochs: Count | None = None  # None: search.epochs
    draws: Count | None = None  # None: search.draws


class ExplainSection(Section):
    examples: Annotated[int, Field(ge=0)] = 4  # per champion; 0 switches explanations off
    n_steps: Annotated[int, Field(ge=2)] = 50
    baselines: list[str] = list(BASELINES)
    random_baselines: Count = 4

    @field_validator("baselines")
    @classmethod
    def known_baselines(cls, values: list[str]) -> list[str]:
        return _distinct([_one_of(value, BASELINES) for value in values])


class ResourcesSection(Section):
    cpus: Count | None = None  # None: what Ray sees
    gpus_per_trial: Annotated[float, Field(ge=0)] | None = None  # None: 1 where there is a GPU
    workers_per_trial: Count = 1


class Config(Section):
    name: Name
    store: Annotated[str, Field(min_length=1)] = "store"
    compare: Literal["fec-ige"] | None = None  # the published table shown beside ours
    data: DataSection = DataSection()
    preprocess: PreprocessSection = PreprocessSection()
    split: SplitSection = SplitSection()
    augment: AugmentSection = AugmentSection()
    scenarios: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    grid: GridSection = GridSection()
    weights: dict[str, str] = {}
    head: HeadSection = HeadSection()
    cache: CacheSection = CacheSection()
    search: SearchSection = SearchSection()
    finetune: FinetuneSection = FinetuneSection()
    explain: ExplainSection = ExplainSection()
    resources: ResourcesSection = ResourcesSection()

    @field_validator("scenarios", mode="before")
    @classmethod
    def numbered_scenarios(cls, values: Any) -> Any:
        return {str(k): v for k, v in values.items()} if isinstance(values, dict) else values

    @field_validator("scenarios")
    @classmethod
    def all_is_taken(cls, values: dict[str, list[str]]) -> dict[str, list[str]]:
        if ALL_CLASSES in values:
            raise ValueError(f"'{ALL_CLASSES}' always means every class; give it another name")
        return values

    @field_validator("weights")
    @classmethod
    def known_weights(cls, values: dict[str, str]) -> dict[str, str]:
        for name, text in values.items():
            _one_of(name, BACKBONES)
            try:
                Weights.parse(text)
            except ValueError:
                raise ValueError(
                    f"{name}='{text}': expected imagenet, none or path[?argument=value&...]"
                ) from None
        return values

    def weights_of(self, backbone: str) -> Weights:
        return Weights.parse(self.weights.get(backbone, "imagenet"))


def load_config(name: str, overrides: Sequence[str] = ()) -> Config:
    """The config of a path or a shipped name, with `key.path=value` overrides (values are YAML).

    Raises ConfigError with every mistake in it.
    """
    data = _read_yaml(_find(name))
    lines = []
    for override in overrides:
        try:
            _apply(data, override)
        except ConfigError as error:
            lines += error.lines
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(lines + [_line(one) for one in error.errors()]) from None
    lines += _contradictions(config)
    if lines:
        raise ConfigError(lines)
    return config


def load_audit_section(folder: str, overrides: Sequence[str] = ()) -> DataSection:
    """What an audit may be told of its data: those of `AUDIT_KEYS`, as `load_config` takes them.

    Raises ConfigError with every mistake in it.
    """
    data: dict[str, Any] = {}
    lines = []
    for override in overrides:
        try:
            _apply(data, override)
            key = override.partition("=")[0].strip()
            if key not in AUDIT_KEYS:
                lines.append(f"{key}: no key of an audit; it takes {', '.join(AUDIT_KEYS)}")
        except ConfigError as error:
            lines += error.lines
    if lines:
        raise ConfigError(lines)
    try:
        section = {"path": folder, **data.get("data", {})}
        return Config.model_validate({"name": "audit", "data": section}).data
    except ValidationError as error:
        raise ConfigError([_line(one) for one in error.errors()]) from None


def _contradictions(config: Config) -> Iterator[str]:
    """What is wrong between keys that are right each by itself."""
    known = [*config.scenarios, ALL_CLASSES]
    for scenario in config.grid.scenarios:
        if scenario not in known:
            yield f"grid.scenarios: {_unexpected(scenario, known)}"
    size = config.preprocess.image_size
    for name in config.grid.backbones:
        needed = BACKBONES[name].smallest_input
        if size < needed:
            yield f"preprocess.image_size={size}: {name} needs at least {needed} pixels"
    if config.augment.online or config.finetune.depth == "all":
        workers = config.resources.workers_per_trial
        for batch_size in {config.search.published.batch_size, *config.search.batch_size}:
            if batch_size % workers or batch_size // workers < 2:
                yield (
                    f"resources.workers_per_trial={workers}: end-to-end training parts every batch "
                    f"evenly among the workers, and search.batch_size={batch_size} cannot be"
                )
    if config.finetune.start == "transfer" and "transfer" not in config.grid.strategies:
        yield (
            "grid.strategies: fine-tuning starts from the transfer champion; "
            "add transfer, or set finetune.start: fresh"
        )
    yield from _split_contradictions(config)


def _split_contradictions(config: Config) -> Iterator[str]:
    split, policies = config.split, config.split.policies
    if split.folds and "fractions" in split.model_fields_set:
        yield (
            f"split.fractions: split.folds={split.folds} has parts of its own, one fold to test "
            "and one to validate; leave one of the two keys out"
        )
    if split.folds and "given" in policies:
        yield (
            f"split.policies: given has one test part, and split.folds={split.folds} asks for "
            f"{split.folds}; leave one of the two out"
        )
    if "given" in policies and config.data.source == "synthetic":
        yield (
            "split.policies: given takes a folder's own layers, and data.source='synthetic' has "
            "none; set data.path, or leave given out"
        )
    if "file" in policies and not split.file:
        yield "split.policies: file needs split.file, a CSV or Parquet file with a part per image"
    if split.file and "file" not in policies:
        yield "split.file: no policy reads it; add file to split.policies"


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigError([f"config '{name}': no such file"])
        return path
    shipped = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
    if name not in shipped:
        raise ConfigError([f"config '{name}': expected a YAML file or one of {', '.join(shipped)}"])
    return SHIPPED / f"{name}.yaml"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except _NOT_YAML as error:
        raise ConfigError([f"config '{path}': not YAML: {error}"]) from None
    except OSError as error:
        raise ConfigError([f"config '{path}': cannot be read: {error.strerror}"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"config '{path}': expected key: value pairs"])
    return data


def _apply(data: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError([f"--set {override}: expected key.path=value"])
    try:
        value = yaml.safe_load(text)
    except _NOT_YAML:
        raise ConfigError([f"--set {override}: the value is not YAML"]) from None
    for key in keys[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    data[keys[-1]] = value


def _line(error: Mapping[str, Any]) -> str:
    """One pydantic error as `key.path=value: rule`."""
    keys = [str(key) for key in error["loc"]]
    path = ".".join(keys)
    if error["type"] == "extra_forbidden":
        valid = sorted(_fields_at(keys[:-1]))
        return f"{path}: unknown key{_suggestion(keys[-1], valid)}; valid here: {', '.join(valid)}"
    if error["type"] == "missing":
        return f"{path}: needed"
    message = error["msg"].removeprefix("Value error, ")
    if isinstance(error["input"], dict | list | Section):
        return f"{path}: {message}" if path else message
    return f"{path}={error['input']!r}: {message[0].lower()}{message[1:]}"


def _fields_at(keys: Sequence[str]) -> Iterator[str]:
    section: type[BaseModel] = Config
    for key in keys:
        annotation = section.model_fields[key].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            section = annotation
    yield from section.model_fields


def _one_of(value: str, allowed: Sequence[str] | Mapping[str, Any]) -> str:
    if value not in allowed:
        raise ValueError(_unexpected(value, list(allowed)))
    return value


def _unexpected(value: str, allowed: Sequence[str]) -> str:
    return f"'{value}'{_suggestion(value, allowed)}: expected one of {', '.join(allowed)}"


def _suggestion(value: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(value, allowed, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError(f"{values}: every value once")
    return values
