"""The configuration: what a YAML file and `--set key.path=value` may say.

Strict: an unknown key is an error that names the valid ones, and all errors are reported together.
Only `sweeper` sees these classes; the packages below take plain arguments.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator, model_validator

from datasets.augment import AUGMENTATIONS, Augmentation
from datasets.errors import DataError
from datasets.groups import check_group_by
from datasets.preprocess import CONTRASTS
from datasets.splits import FEWEST_FOLDS
from datasets.splitting.policies import POLICIES
from reports.axes import NO_AUGMENTATION
from sweeper.config.allowed import distinct, one_of
from sweeper.config.paths import NAME_RULE, expanded, is_folder_name
from sweeper.config.search_space import Space, space_type
from sweeper.strategies import STRATEGIES
from trainables.hyperparameters import HYPERPARAMETERS, plain
from trainables.registry import BACKBONES, BASELINES, Weights

ALL_CLASSES = "all"  # the scenario that is always there
DEFAULT_STORE = "store"
BUILT_IN: dict[str, dict[str, Any]] = {k: asdict(one) for k, one in AUGMENTATIONS.items()}
"""The augmentations that are always there."""

# Bounds far above what is of use: a slip of the finger is told, not run.
Count = Annotated[int, Field(ge=1, le=10_000)]
Seed = Annotated[int, Field(ge=-(2**53), le=2**53)]  # whole numbers that JSON keeps


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SyntheticSection(Section):
    images_per_class: Count = 30
    seed: Seed = 0
    duplicate_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    near_duplicate_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0


class DataSection(Section):
    source: Literal["folder", "synthetic"] = "synthetic"
    path: str | None = None
    on_error: Literal["exclude", "stop"] = "exclude"  # of files that cannot be read
    follow_links: bool = False  # read what links out of the folder lead to
    synthetic: SyntheticSection = SyntheticSection()
    near_duplicates: bool = True  # look for altered copies, not only for equal files
    check_labels: bool = True  # of the audit: look for labels that may be wrong
    use_patient_id: bool = True  # of DICOM files: one patient, one group
    group_by: str | None = None  # an expression on the path, a .csv file, filename or roboflow

    @field_validator("path")
    @classmethod
    def home_is_known(cls, value: str | None) -> str | None:
        return value and expanded(value)

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
        return one_of(value, CONTRASTS)


class SplitSection(Section):
    policies: Annotated[list[str], Field(min_length=1)] = ["grouped"]
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    folds: Annotated[int, Field(ge=FEWEST_FOLDS, le=100)] | None = None  # None: no cross-validation
    repeats: Annotated[int, Field(ge=1, le=100)] = 1  # drawings of the split, each with its folds
    seed: Seed = 0  # of the first drawing; the others count on from it
    file: Annotated[str, Field(min_length=1)] | None = None  # what policy `file` reads
    file_policy: str | None = None  # the split_policy to take, of a file that has several
    file_unlisted: Literal["stop", "leave_out"] = "stop"  # images that the file does not list

    @field_validator("policies")
    @classmethod
    def known_policies(cls, values: list[str]) -> list[str]:
        return distinct([one_of(value, POLICIES) for value in values])

    @field_validator("fractions", mode="before")
    @classmethod
    def three_shares(cls, values: Any) -> Any:
        if not isinstance(values, list | tuple) or len(values) != 3:
            raise ValueError("expected three shares; write [0.8, 0.1, 0.1]")
        return values

    @field_validator("fractions")
    @classmethod
    def shares_of_one(cls, values: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(values) <= 0 or abs(sum(values) - 1) > 1e-9:
            raise ValueError("expected three positive shares (train, val, test) that sum to 1")
        return values


class AugmentationSection(Section):
    """One entry of `augmentations`. A flip may change what a class means."""

    copies: Annotated[int, Field(ge=1, le=64)] = 8
    online: bool = False  # every batch anew instead of fixed copies; nothing can be cached
    horizontal_flip_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    vertical_flip_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def pipeline(self) -> Augmentation:
        return Augmentation(
            self.horizontal_flip_p, self.vertical_flip_p, self.rotation_degrees, self.contrast
        )


class GridSection(Section):
    backbones: Annotated[list[str], Field(min_length=1)] = list(BACKBONES)
    scenarios: Annotated[list[str], Field(min_length=1, max_length=1000)] = [ALL_CLASSES]
    augmentations: Annotated[list[str], Field(min_length=1)] = [
        NO_AUGMENTATION,
        *AUGMENTATIONS,
    ]
    strategies: Annotated[list[str], Field(min_length=1)] = list(STRATEGIES)
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=1000)] = [0]

    @field_validator("backbones")
    @classmethod
    def known_backbones(cls, values: list[str]) -> list[str]:
        return [one_of(value, BACKBONES) for value in values]

    @field_validator("strategies")
    @classmethod
    def known_strategies(cls, values: list[str]) -> list[str]:
        return [one_of(value, STRATEGIES) for value in values]

    @field_validator("backbones", "scenarios", "augmentations", "strategies", "seeds")
    @classmethod
    def each_once(cls, values: list[Any]) -> list[Any]:
        return distinct(values)


class HeadSection(Section):
    pooling: Literal["max", "avg"] = "max"
    # What validation and test see, in the fine-tuned layers too; running_average: Keras' own.
    batchnorm_statistics: Literal["training_rows", "running_average"] = "training_rows"


class CacheSection(Section):
    dtype: Literal["float16", "float32"] = "float16"


if TYPE_CHECKING:
    PublishedSetting = Section
else:
    PublishedSetting = create_model(
        "PublishedSetting",
        __base__=Section,
        __doc__="Draw 0 of every cell.",
        **{
            one.name: (one.type, Field(plain(one.published), description=one.meaning))
            for one in HYPERPARAMETERS.values()
        },
    )


class SearchLimits(Section):
    """The section `search`, without its hyperparameters."""

    draws: Count = 4
    epochs: Count = 30
    # What cells with and without augmented copies have in common: the optimiser's steps, an epoch
    # being a pass over the images without copies; or epochs, each a pass over all rows.
    budget: Literal["steps", "epochs"] = "steps"
    scheduler: Literal["asha", "none"] = "asha"
    grace_epochs: Count = 4
    reduction_factor: Annotated[int, Field(ge=2, le=1000)] = 3
    published: PublishedSetting = PublishedSetting()

    @property
    def first_draw(self) -> dict[str, Any]:
        """The published value of every hyperparameter."""
        return {name: getattr(self.published, name) for name in HYPERPARAMETERS}

    @property
    def space(self) -> dict[str, Space]:
        """What every hyperparameter is drawn from."""
        return {name: getattr(self, name) for name in HYPERPARAMETERS}


if TYPE_CHECKING:
    SearchSection = SearchLimits
else:
    SearchSection = create_model(
        "SearchSection",
        __base__=SearchLimits,
        **{
            one.name: (
                space_type(one),
                Field([plain(value) for value in one.values], description=f"draws: {one.meaning}"),
            )
            for one in HYPERPARAMETERS.values()
        },
    )


class FinetuneSection(Section):
    start: Literal["transfer", "fresh"] = "transfer"
    depth: Literal["suffix", "all"] = "suffix"  # all: the whole network, from pixels
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # bfloat16 where a GPU has it
    batchnorm: Literal["train", "frozen"] = "train"
    epochs: Count | None = None  # None: search.epochs
    draws: Count | None = None  # None: search.draws


class ExplainSection(Section):
    examples: Annotated[int, Field(ge=0, le=1000)] = 4  # per champion; 0 switches explanations off
    # Right and wrong ones of each class, more than these, for the champion with the best validation
    # accuracy of each split policy and scenario: what the gallery by class shows. 0: none.
    per_class: Annotated[int, Field(ge=0, le=1000)] = 1
    champions: Literal["leading", "all"] = "leading"  # which ones get them; all: of every cell
    n_steps: Annotated[int, Field(ge=2, le=10_000)] = 50
    baselines: list[str] = list(BASELINES)
    random_baselines: Count = 4

    @field_validator("baselines")
    @classmethod
    def known_baselines(cls, values: list[str]) -> list[str]:
        return distinct([one_of(value, BASELINES) for value in values])


class ResourcesSection(Section):
    cpus: Count | None = None  # None: what Ray sees
    # None: 1 where there is a GPU
    gpus_per_trial: Annotated[float, Field(ge=0, le=1000)] | None = None
    workers_per_trial: Count = 1
    retries: Annotated[int, Field(ge=0, le=100)] = 2  # of a trial or task whose process died


class Config(Section):
    name: str
    store: Annotated[str, Field(min_length=1)] = DEFAULT_STORE
    compare: Literal["fec-ige"] | None = None  # the published table shown beside ours
    data: DataSection = DataSection()
    preprocess: PreprocessSection = PreprocessSection()
    split: SplitSection = SplitSection()
    augmentations: dict[str, AugmentationSection] = {}  # beside the built-in ones
    scenarios: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    grid: GridSection = GridSection()
    weights: dict[str, str] = {}
    head: HeadSection = HeadSection()
    cache: CacheSection = CacheSection()
    search: SearchSection = SearchSection()
    finetune: FinetuneSection = FinetuneSection()
    explain: ExplainSection = ExplainSection()
    resources: ResourcesSection = ResourcesSection()

    @field_validator("name")
    @classmethod
    def names_a_folder(cls, value: str) -> str:
        if not is_folder_name(value):
            raise ValueError(NAME_RULE)
        return value

    @field_validator("scenarios")
    @classmethod
    def all_is_taken(cls, values: dict[str, list[str]]) -> dict[str, list[str]]:
        if ALL_CLASSES in values:
            raise ValueError(f"'{ALL_CLASSES}' always means every class; give it another name")
        return values

    @field_validator("augmentations", mode="before")
    @classmethod
    def built_in_ones_are_changed(cls, values: Any) -> Any:
        """An entry under a built-in name changes what it names of it, and keeps the rest."""
        if not isinstance(values, dict):
            return values
        return {
            name: {**BUILT_IN[name], **value}
            if name in BUILT_IN and isinstance(value, dict)
            else value
            for name, value in values.items()
        }

    @field_validator("augmentations")
    @classmethod
    def none_is_taken(
        cls, values: dict[str, AugmentationSection]
    ) -> dict[str, AugmentationSection]:
        if NO_AUGMENTATION in values:
            raise ValueError(f"'{NO_AUGMENTATION}' always means the images alone")
        return values

    @field_validator("weights")
    @classmethod
    def known_weights(cls, values: dict[str, str]) -> dict[str, str]:
        for name, text in values.items():
            one_of(name, BACKBONES)
            try:
                Weights.parse(text)
            except ValueError:
                raise ValueError(
                    f"{name}='{text}': expected imagenet, none or path[?argument=value&...]"
                ) from None
        return values

    def augmentation(self, name: str) -> AugmentationSection | None:
        """The entry of that name; None for no augmentation."""
        if name == NO_AUGMENTATION:
            return None
        return self.augmentations.get(name) or AugmentationSection(**BUILT_IN[name])

    @property
    def known_augmentations(self) -> list[str]:
        """The names that `grid.augmentations` may hold."""
        return [NO_AUGMENTATION, *dict.fromkeys([*BUILT_IN, *self.augmentations])]

    def weights_of(self, backbone: str) -> Weights:
        return Weights.parse(self.weights.get(backbone, "imagenet"))
