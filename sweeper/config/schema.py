"""The configuration: what a YAML file and `--set key.path=value` may say.

Strict: an unknown key is an error that names the valid ones, and all errors are reported together.
Only `sweeper` sees these classes; the packages below take plain arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from datasets.augment import BUILT_IN, BUILT_IN_TRANSFORMS, Augmentation
from datasets.corruptions import CORRUPTIONS
from datasets.errors import DataError
from datasets.groups import check_group_by
from datasets.preprocess import CONTRASTS, FITS, INTERPOLATIONS
from datasets.splits import FEWEST_FOLDS
from datasets.splitting.policies import POLICIES
from reports.axes import NO_AUGMENTATION
from reports.metrics.deciding import DECIDING, DEFAULT
from reports.statistics.operating_points import SENSITIVITY, SPECIFICITY, YOUDEN, Rule
from sweeper.config.allowed import distinct, one_of
from sweeper.config.paths import NAME_RULE, expanded, is_folder_name
from sweeper.config.recipes import Recipe, RecipeSection, known_recipes, resolved
from sweeper.config.transform_entry import known_transform
from sweeper.strategies import STRATEGIES
from sweeper.tracking import TRACKERS
from trainables.registry import BASELINES, METHODS, SCORES, Weights

OWN = "model"  # of `preprocess`: as the weights of each backbone ask
ALL_CLASSES = "all"  # the scenario that is always there
DEFAULT_STORE = "store"

# Bounds far above any useful value: a typo is reported, not run.
Count = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[float, Field(gt=0, lt=1)]
ImageSize = Annotated[int, Field(ge=32, le=1024)]
Seed = Annotated[int, Field(ge=-(2**53), le=2**53)]  # whole numbers that JSON keeps


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class SyntheticSection(Section):
    images_per_class: Count = 30
    """Number of images drawn for each class."""
    seed: Seed = 0
    """Seed of the drawing."""
    duplicate_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of images stored a second time, byte for byte."""
    near_duplicate_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of images stored a second time in an altered form."""


class DataSection(Section):
    source: Literal["folder", "synthetic"] = "synthetic"
    """`folder` reads `data.path`; `synthetic` draws radiographs. Setting `data.path` implies
    `folder`."""
    path: str | None = None
    """Where the images are: a folder or zip file with one folder of images per class, or with the
    images that `data.labels` lists; Parquet, Arrow or WebDataset files with images and labels, or a
    folder of them. A path, or an address such as `s3://bucket/images`."""
    image_column: Annotated[str, Field(min_length=1)] | None = None
    """Column of `data.path` with the images if it is a table, or their extension if it is a
    WebDataset; needed where several may hold them."""
    labels: Annotated[str, Field(min_length=1)] | None = None
    """CSV or Parquet table with the class of each image, in place of folder names: columns `path`
    and `label`, optionally `group`, `split` and any others."""
    label: Annotated[str, Field(min_length=1)] | None = None
    """Column with the classes, of `data.labels` or of the table at `data.path`; defaults to `label`
    or `class`."""
    labels_unmatched: Literal["stop", "leave_out"] = "stop"
    """Images without a row or label in `data.labels`, and rows without an image: end the run
    (`stop`) or leave them out (`leave_out`)."""
    on_error: Literal["exclude", "stop"] = "exclude"
    """Files that cannot be read: leave them out and report them (`exclude`), or end the run
    (`stop`)."""
    follow_links: bool = False
    """Follow symbolic links that lead out of the folder."""
    synthetic: SyntheticSection = SyntheticSection()
    """The drawn radiographs."""
    near_duplicates: bool = True
    """Look for altered copies (re-encoded, cropped, rotated), not only for identical files."""
    check_labels: bool = True
    """Audit only: list images whose labels disagree with those of their nearest neighbours."""
    use_patient_id: bool = True
    """Put DICOM files with the same PatientID into one group."""
    group_by: str | None = None
    """Which images belong together: a regular expression on the path, a `.csv` file with `path`
    and `group`, `filename` or `roboflow`."""

    @field_validator("path", "labels")
    @classmethod
    def home_is_known(cls, value: str | None) -> str | None:
        return value and expanded(value.removeprefix("file://"))

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
        if self.labels and self.source != "folder":
            raise ValueError("data.labels needs data.path, the folder or zip file of its images")
        if self.image_column and self.source != "folder":
            raise ValueError("data.image_column needs data.path, the table that has this column")
        if self.label and self.source != "folder":
            raise ValueError("data.label needs data.labels or data.path, the table of this column")
        return self


def _as_data(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


TestSet = Annotated[DataSection, BeforeValidator(_as_data)]
"""The images of an external test set; a text is its path."""


class PreprocessSection(Section):
    image_size: ImageSize | None = None
    """Side of the square that every image becomes, in pixels. `null` or `auto`: that of each
    backbone's weights."""
    fit: str = "pad"
    """How an image becomes a square: `pad` keeps all of it and fills the rest with the colour of
    its edges, `crop` keeps its centre, `squash` distorts it, `model` resizes and crops it as the
    weights of each backbone were evaluated."""
    interpolation: str = OWN
    """How images are resized: `area` (OpenCV's averages), `bilinear`, `bicubic` or `lanczos`
    (Pillow's, which timm uses). `model`: that of each backbone's weights."""
    grey: bool = False
    """Replace colours by their luminance."""
    contrast: str = "stretch"
    """`stretch` rescales each image to the full range, `weighted` multiplies by 1.35, `none`
    changes nothing."""
    clahe: Annotated[float, Field(gt=0, le=40)] | None = None
    """Clip limit of CLAHE, which evens out contrast in 8 x 8 tiles; 2 is usual. Not applied by
    default."""

    @field_validator("image_size", mode="before")
    @classmethod
    def own_size(cls, value: Any) -> Any:
        return None if value == "auto" else value

    @field_validator("contrast")
    @classmethod
    def known_contrast(cls, value: str) -> str:
        return one_of(value, CONTRASTS)

    @field_validator("fit")
    @classmethod
    def known_fit(cls, value: str) -> str:
        return one_of(value, FITS)

    @field_validator("interpolation")
    @classmethod
    def known_interpolation(cls, value: str) -> str:
        return one_of(value, (OWN, *INTERPOLATIONS))


class SplitSection(Section):
    policies: Annotated[list[str], Field(min_length=1)] = ["grouped"]
    """Split policies to compare: `pooled`, `stratified`, `grouped`, `given`, `file`."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of training, validation and test; they sum to 1."""
    folds: Annotated[int, Field(ge=FEWEST_FOLDS, le=100)] | None = None
    """Number of cross-validation folds, in place of `split.fractions`. One fold is tested, the
    next one validates."""
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    """Number of divisions of the same images, each with its folds or fractions."""
    seed: Seed = 0
    """Seed of the first division; repeat i uses `split.seed` + i - 1."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """CSV or Parquet file that assigns images to parts, for the policy `file`."""
    file_policy: str | None = None
    """Which `split_policy` of `split.file` to use, if the file has several."""
    file_unlisted: Literal["stop", "leave_out"] = "stop"
    """Images that `split.file` does not list: end the run (`stop`) or exclude them
    (`leave_out`)."""

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


TransformEntry = Annotated[dict[str, Any], BeforeValidator(known_transform)]


class AugmentationSection(Section):
    """One entry of `augmentations`. A flip may change what a class means."""

    transforms: Annotated[list[TransformEntry], Field(min_length=1)]
    """Transforms of albumentations with their arguments, applied in this order:
    `[{HorizontalFlip: {p: 0.5}}, {Rotate: {limit: 10}}]`."""
    copies: Annotated[int, Field(ge=1, le=64)] = 8
    """Number of augmented copies of each training image."""
    online: bool = False
    """Augment every batch on the fly instead of making fixed copies; nothing can then be cached."""

    @property
    def pipeline(self) -> Augmentation:
        return Augmentation.of(self.transforms)


class BackboneSection(Section):
    """One entry of `backbones`: a network of timm."""

    model: Annotated[str, Field(min_length=1)] | None = None
    """timm's name of the network and its weights, as in `convnext_tiny.in12k_ft_in1k`. An entry
    under a built-in name may leave it out."""
    image_size: ImageSize | None = None
    """Side of its images in pixels; defaults to `preprocess.image_size`, and that to the size of
    the weights."""


class GridSection(Section):
    backbones: Annotated[list[str], Field(min_length=1)] = [
        "efficientnetb3",
        "resnet50",
        "vgg16",
        "mobilenet",
        "inceptionv3",
    ]
    """Networks to compare: built-in ones, entries of `backbones`, or names of timm's models."""
    scenarios: Annotated[list[str], Field(min_length=1, max_length=1000)] = [ALL_CLASSES]
    """Names from `scenarios` to run; `all` means every class."""
    augmentations: Annotated[list[str], Field(min_length=1)] = [NO_AUGMENTATION, "fec-ige"]
    """Augmentations to compare: `none`, a built-in one (`fec-ige`, `radiograph`, `photo`,
    `histology`), or an entry of `augmentations`."""
    strategies: Annotated[list[str], Field(min_length=1)] = ["transfer", "finetune"]
    """`transfer` trains a head on the frozen backbone; `finetune` trains the backbone's last
    layers too; `linear` (logistic regression) and `knn` (nearest neighbours) fit the frozen
    features in seconds."""
    recipes: Annotated[list[str], Field(min_length=1)] = ["paper"]
    """Recipes to compare: `paper` (as published), `modern`, or an entry of `recipes`."""
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=1000)] = [0]
    """Training seeds: further trainings on the same division of the images."""

    @field_validator("strategies")
    @classmethod
    def known_strategies(cls, values: list[str]) -> list[str]:
        return [one_of(value, STRATEGIES) for value in values]

    @field_validator("backbones", "scenarios", "augmentations", "strategies", "recipes", "seeds")
    @classmethod
    def each_once(cls, values: list[Any]) -> list[Any]:
        return distinct(values)


class HeadSection(Section):
    pooling: Literal["max", "avg", "model"] = "max"
    """Pooling of the backbone's last feature map or tokens: their maximum, their mean, or what the
    network itself does before its classifier (`model`), such as taking the class token."""
    batchnorm_statistics: Literal["training_rows", "running_average"] = "training_rows"
    """BatchNorm statistics at validation, test and export: computed on the training rows, or
    Keras' running average."""


class CacheSection(Section):
    dtype: Literal["float16", "float32"] = "float16"
    """Number format of cached prefix activations. `float32` takes twice the space."""
    prefix: Literal["store", "compute"] = "store"
    """Where fine-tuning has the outputs of the frozen layers from: a table that is computed once
    and read in every epoch (`store`), or the frozen layers themselves, from pixels (`compute`), for
    tables that are larger than memory."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the frozen networks that fill the tables. `bfloat16` is for GPUs from Ampere on
    and for processors with AMX, where it is 1.7 to 3.5 times as fast; elsewhere it is emulated."""


class SearchSection(Section):
    draws: Count = 4
    """Number of trials per cell, draw 0 included."""
    epochs: Count = 30
    """Number of epochs of a trial that is not stopped early."""
    # What cells with and without augmented copies have in common: the optimiser's steps, an epoch
    # being a pass over the images without copies; or epochs, each a pass over all rows.
    budget: Literal["steps", "epochs"] = "steps"
    """Give cells with and without augmentation the same optimiser steps (`steps`) or the same
    passes over their rows (`epochs`)."""
    sampler: Literal["balanced", "optuna"] = "balanced"
    """How draws are chosen: the same balanced ones for all cells of a strategy and recipe
    (`balanced`), or in each cell by Optuna from the results of its earlier draws (`optuna`)."""
    round: Count = 4
    """Draws that `optuna` chooses at once."""
    scheduler: Literal["asha", "none"] = "asha"
    """`asha` stops weak trials early; `none` trains all of them to the end."""
    grace_epochs: Count = 4
    """Epochs before a trial may be stopped."""
    reduction_factor: Annotated[int, Field(ge=2, le=1000)] = 3
    """ASHA keeps one trial in this many at each rung."""


class FinetuneSection(Section):
    start: Literal["transfer", "fresh"] = "transfer"
    """Start from the head of the transfer champion (`transfer`) or from a new head (`fresh`)."""
    depth: Literal["head", "last", "half", "all"] = "last"
    """What is trained beside the head: nothing (`head`), the backbone's last block (`last`, also
    written `suffix`), the later half of its layer groups (`half`), or the whole backbone from
    pixels (`all`)."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of training; `auto` uses bfloat16 on a GPU that computes in it natively."""
    epochs: Count | None = None
    """Number of epochs; defaults to `search.epochs`."""
    draws: Count | None = None
    """Number of trials per cell; defaults to `search.draws`."""

    @field_validator("depth", mode="before")
    @classmethod
    def former_name(cls, value: Any) -> Any:
        return "last" if value == "suffix" else value


class ExplainSection(Section):
    examples: Annotated[int, Field(ge=0, le=1000)] = 4
    """Test images to explain per champion, of any class; 0 switches explanations off."""
    per_class: Annotated[int, Field(ge=0, le=1000)] = 1
    """Correct and incorrect images of each class to explain per champion, beside
    `explain.examples`."""
    checked_images: Annotated[int, Field(ge=0, le=1000)] = 16
    """Test images on which the maps of an explained champion are checked, at most; 0 checks
    nothing."""
    champions: Literal["leading", "all"] = "leading"
    """Which champions to explain: the best of each scenario under the most trustworthy split policy
    (`leading`), or all."""
    time_share: Annotated[float, Field(gt=0, lt=1)] | None = 0.15
    """Largest share of the run's computing time for explanations, half of it for their checks:
    images that would exceed it are left out. `null` explains all of them."""
    methods: list[str] = list(METHODS)
    """Methods, the first of which the page shows large: `integrated_gradients`, `grad_cam` (for
    networks whose features are a map), `attention_rollout` (for transformers), `occlusion`. One
    that does not apply to a network is left out."""
    score: str = "log_probability"
    """The explained score of a class: `log_probability`, `logit`, `probability`."""
    max_steps: Annotated[int, Field(ge=2, le=10_000)] = 512
    """Largest number of steps of an Integrated Gradients path. Steps are added until the map is
    complete to 1 %; a map that is not complete by then is not shown."""
    baselines: list[str] = ["blurred", "black"]
    """Baselines of Integrated Gradients: `black`, `mean` (the image's mean colour), `blurred` (the
    image itself), `random` (noise). The first one also fills what occlusion covers."""
    random_baselines: Count = 4
    """Number of random images averaged for the baseline `random`."""
    masks: Annotated[str, Field(min_length=1)] | None = None
    """Where the finding lies, for the pointing game: a folder of mask images with the images'
    paths, or a CSV or Parquet table of boxes (`path`, `x`, `y`, `width`, `height` in pixels)."""

    @field_validator("methods")
    @classmethod
    def known_methods(cls, values: list[str]) -> list[str]:
        return distinct([one_of(value, METHODS) for value in values])

    @field_validator("score")
    @classmethod
    def known_score(cls, value: str) -> str:
        return one_of(value, SCORES)

    @field_validator("baselines")
    @classmethod
    def known_baselines(cls, values: list[str]) -> list[str]:
        return distinct([one_of(value, BASELINES) for value in values])


class RobustnessSection(Section):
    champions: Literal["leading", "all", "none"] = "leading"
    """Which champions predict corrupted test images: the best of each split policy and scenario
    (`leading`), `all`, or `none`."""
    corruptions: Annotated[list[str], Field(min_length=1)] = list(CORRUPTIONS)
    """Corruptions of the test images, each mild and strong."""

    @field_validator("corruptions")
    @classmethod
    def known_corruptions(cls, values: list[str]) -> list[str]:
        return distinct([one_of(value, CORRUPTIONS) for value in values])


class ResourcesSection(Section):
    cpus: Count | None = None
    """Processor cores to use; defaults to all that Ray sees."""
    gpus_per_trial: Annotated[float, Field(ge=0, le=1000)] | None = None
    """GPU share of a trial: 0, a fraction to pack several trials on one GPU, or 1. Defaults to 1
    where there is a GPU."""
    workers_per_trial: Count = 1
    """Number of workers that train one trial together."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] | None = 10.0
    """Minutes between two states of a trial in progress that are kept in the store, from which it
    continues after its process or machine is lost. `null` keeps none."""
    retries: Annotated[int, Field(ge=0, le=100)] = 2
    """Further attempts when the process of a trial or task dies."""


if TYPE_CHECKING:

    class TrackingSection(Section):
        """Experiment trackers; an entry for each of `sweeper.tracking.TRACKERS`."""

        def __getattr__(self, name: str) -> Any: ...

else:
    TrackingSection = create_model(
        "TrackingSection",
        __base__=Section,
        **{
            one.name: (
                Annotated[str, Field(min_length=1)] | None,
                Field(None, description=f"{one.target}."),
            )
            for one in TRACKERS.values()
        },
    )


class Config(Section):
    name: str
    """Name of the run; results go to `runs/<name>/`."""
    store: Annotated[str, Field(min_length=1)] = DEFAULT_STORE
    """Folder or `s3://bucket/prefix` of the artifacts."""
    metric: str = DEFAULT
    """What validation decides by: the epoch that a training keeps, which trials are stopped early,
    champions and the headline. `log_loss_scaled` (log loss at the temperature that the validation
    rows fit), or any metric of the table `cells` but `recall` and `ece`."""
    operating_point: Literal["youden"] | dict[Literal["sensitivity", "specificity"], Share] = (
        "youden"
    )
    """How the threshold of each class against the rest is chosen on validation: `youden`,
    `{sensitivity: 0.9}` or `{specificity: 0.9}` (at least)."""
    prevalence: dict[str, Share] = {}
    """Share of each class where the network is to be used, `{class: 0.02}`: adds predictive values
    at this prevalence."""
    compare: Literal["fec-ige"] | None = None
    """Published results to show beside those of the run."""
    data: DataSection = DataSection()
    """The images."""
    test_sets: dict[str, TestSet] = {}
    """Images of other sources, on which champions are tested at the end of a run:
    `{hospital_b: FOLDER}`, or with the keys of `data`."""
    preprocess: PreprocessSection = PreprocessSection()
    """What is done to every image."""
    split: SplitSection = SplitSection()
    """Division into training, validation and test."""
    augmentations: dict[str, AugmentationSection] = {}
    """Augmentations beside the built-in ones; an entry under a built-in name changes the keys it
    lists."""
    recipes: dict[str, RecipeSection] = {}
    """How trials train: recipes beside the shipped ones. An entry changes what it lists of its
    base; one under a shipped recipe's name changes that recipe."""
    backbones: dict[str, BackboneSection] = {}
    """Networks beside the built-in ones, under names of your own; an entry under a built-in name
    changes the keys it lists."""
    scenarios: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    """Named lists of classes: `{name: [class, class, ...]}`."""
    grid: GridSection = GridSection()
    """What the experiment varies."""
    weights: dict[str, str] = {}
    """Weights of each backbone: `{name: imagenet}` for those that timm has under its name, `none`
    for random weights, or the path of a safetensors file or of a folder downloaded from the hub."""
    head: HeadSection = HeadSection()
    """The classification head."""
    cache: CacheSection = CacheSection()
    """Cached activations."""
    search: SearchSection = SearchSection()
    """The search over the hyperparameters of a recipe."""
    finetune: FinetuneSection = FinetuneSection()
    """Fine-tuning."""
    explain: ExplainSection = ExplainSection()
    """Explanations."""
    robustness: RobustnessSection = RobustnessSection()
    """Test images with noise, blur and other corruptions."""
    resources: ResourcesSection = ResourcesSection()
    """Processors, GPUs and retries."""
    tracking: TrackingSection = TrackingSection()
    """Experiment trackers that are given curves, results, page and models."""

    @field_validator("name")
    @classmethod
    def names_a_folder(cls, value: str) -> str:
        if not is_folder_name(value):
            raise ValueError(NAME_RULE)
        return value

    @field_validator("metric")
    @classmethod
    def known_metric(cls, value: str) -> str:
        return one_of(value, DECIDING)

    @field_validator("operating_point", mode="before")
    @classmethod
    def known_rule(cls, value: Any) -> Any:
        if value == YOUDEN:
            return value
        try:
            ((kind, share),) = value.items()
            is_rule = kind in (SENSITIVITY, SPECIFICITY) and 0 < float(share) < 1
        except (AttributeError, TypeError, ValueError):
            is_rule = False
        if not is_rule:
            raise ValueError(
                f"{value!r}: expected youden, or one share below 1 as {{sensitivity: 0.9}} or "
                "{specificity: 0.95}"
            )
        return {kind: float(share)}

    @field_validator("backbones", "test_sets")
    @classmethod
    def names_are_of_folders(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in values:
            if not is_folder_name(name):
                raise ValueError(f"'{name}': {NAME_RULE}")
        return values

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
            name: {"transforms": BUILT_IN[name], **value}
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
            try:
                Weights.parse(text)
            except ValueError:
                raise ValueError(
                    f"{name}='{text}': expected imagenet, none or path[?argument=value&...]"
                ) from None
        return values

    @property
    def operating_rule(self) -> Rule:
        """How the thresholds of the classes are chosen."""
        if isinstance(self.operating_point, str):
            return Rule()
        ((kind, share),) = self.operating_point.items()
        return Rule(kind, share)

    def augmentation(self, name: str) -> AugmentationSection | None:
        """The entry of that name; None for no augmentation."""
        if name == NO_AUGMENTATION:
            return None
        return self.augmentations.get(name) or AugmentationSection(transforms=BUILT_IN[name])

    def own_transforms(self, name: str) -> list[dict[str, Any]]:
        """The transforms of an augmentation that no built-in one has."""
        own = self.augmentations.get(name)
        return [one for one in own.transforms if one not in BUILT_IN_TRANSFORMS] if own else []

    @property
    def known_augmentations(self) -> list[str]:
        """The names that `grid.augmentations` may hold."""
        return [NO_AUGMENTATION, *dict.fromkeys([*BUILT_IN, *self.augmentations])]

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name, with everything it sets."""
        return resolved(name, self.recipes)

    @property
    def known_recipes(self) -> list[str]:
        """The names that `grid.recipes` may hold."""
        return known_recipes(self.recipes)

    def weights_of(self, backbone: str) -> Weights:
        return Weights.parse(self.weights.get(backbone, "imagenet"))
