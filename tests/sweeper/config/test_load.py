"""Valid configs, and the errors of invalid ones."""

from pathlib import Path

import pytest

from datasets.augment import BUILT_IN, Augmentation
from sweeper.config.load import SHIPPED, load_chosen_config, load_config
from sweeper.config.schema import Config
from sweeper.errors import ConfigError


def mistakes(*overrides: str, config: str = "demo") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(config, overrides)
    return caught.value.lines


def mistake(override: str) -> str:
    (line,) = mistakes(override)
    return line


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_every_shipped_config_loads_under_its_own_name(name: str) -> None:
    overrides = ["data.path=somewhere"] if name in ("default", "screen") else []
    assert load_config(name, overrides).name == name


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "demo"),
        (["search.draws=2"], "demo"),
        (["data.path=x"], "default"),
        (["data.path = x"], "default"),
        (["data={path: x}"], "default"),
    ],
)
def test_without_a_config_the_default_for_the_images_is_used_and_reported(
    overrides: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWEEP_CONFIG", raising=False)
    said: list[str] = []
    assert load_chosen_config(None, overrides, said.append).name == name
    assert said == [f"no CONFIG: using '{name}'"]


def test_an_error_without_a_config_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWEEP_CONFIG", raising=False)
    with pytest.raises(ConfigError) as caught:
        load_chosen_config(None, ["data.path"], lambda line: None)
    assert caught.value.lines == ["--set data.path: expected key.path=value"]


def test_a_given_config_is_used_without_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setenv("SWEEP_CONFIG", "smoke")
    assert load_chosen_config(None, ["data.path=x"], said.append).name == "smoke"
    assert load_chosen_config("demo", ["data.path=x"], said.append).name == "demo"
    assert said == []


def test_the_papers_config_spans_its_sixty_cells_under_each_policy() -> None:
    grid = load_config("paper").grid
    sizes = [
        len(values)
        for values in (
            grid.backbones,
            grid.scenarios,
            grid.augmentations,
            grid.strategies,
            grid.seeds,
        )
    ]
    assert sizes == [5, 3, 2, 2, 1]


def test_an_unknown_key_is_reported_with_the_valid_ones_and_the_nearest() -> None:
    line = mistake("search.drawz=3")
    assert line.startswith("search.drawz: unknown key (did you mean draws?); valid here: ")
    assert "budget, draws, epochs" in line
    assert "did you mean grid?" in mistake("gird.seeds=[1]")
    assert "duplicate_fraction, images_per_class, near_duplicate_fraction, seed" in mistake(
        "data.synthetic.zzz=1"
    )
    assert mistake("search.lr=[1]").endswith("belongs to a recipe; write recipes.NAME.lr")


def test_all_errors_are_reported_at_once_one_line_each() -> None:
    lines = mistakes(
        "search.epochs=0",
        "split.policies=[random]",
        "explain.baselines=[grey]",
        "noequals",
        "preprocess.colour=red",
        "recipes.paper.lr=[0.1, -1]",
    )
    starts = ["--set noequals", "preprocess.colour", "split.policies", "search.epochs=0"]
    starts += ["recipes.paper.lr: -1", "explain.baselines"]
    assert len(lines) == 6
    for start in starts:
        assert sum(line.startswith(start) for line in lines) == 1, start
    assert not any("\n" in line for line in lines)


def test_lists_of_overrides_are_yaml() -> None:
    config = load_config(
        "demo",
        ["grid.seeds=[3, 4]", "grid.augmentations=[none]", "recipes.paper.lr=[1e-2]", "name='x'"],
    )
    assert (config.grid.seeds, config.grid.augmentations) == ([3, 4], ["none"])
    assert (config.recipe("paper").space["lr"], config.name) == ([0.01], "x")


FOLDERS = ["2024", "2024-01-05", "no", "null", "~", "@home", "[x] y", "a: b", "scans #2", "012"]
FOLDERS += ["1e3", "0x10", "*", "&a", "!b", "%c", "{d}", "it's", "`", "- e", "? f", "g ", "a=b"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_text_in_an_override_is_taken_as_typed(folder: str) -> None:
    assert load_config("smoke", [f"data.path={folder}"]).data.path == folder
    if "?" not in folder:
        assert load_config("smoke", [f"weights.vgg16={folder}"]).weights["vgg16"] == folder


def test_blanks_around_the_equals_sign_are_not_part_of_a_value() -> None:
    config = load_config("smoke", ["data.path = my scans", "grid.seeds = [3]"])
    assert (config.data.path, config.grid.seeds) == ("my scans", [3])
    assert load_config("smoke", ["data.path =' x'"]).data.path == " x"


@pytest.mark.parametrize("rule", [r"[^/]+_(\d+)", "(a|b)#", "no", "'(x)'", r'"(\d)"'])
def test_a_rule_in_an_override_is_taken_as_typed(rule: str) -> None:
    group_by = load_config("smoke", [f"data.group_by={rule}"]).data.group_by
    assert group_by == (rule.strip("'") if "'" in rule else rule)


def test_names_in_a_list_override_are_taken_as_typed() -> None:
    overrides = ["scenarios.no=[yes, 012, 2024-01-05]", "grid.scenarios=[no]"]
    config = load_config("smoke", overrides)
    assert config.scenarios["no"] == ["yes", "012", "2024-01-05"]
    assert config.grid.scenarios == ["no"]


@pytest.mark.parametrize("key", ["data.path", "search.draws", "grid.seeds", "scenarios.x", "store"])
@pytest.mark.parametrize("typed", ["", " ", "''"])
def test_an_empty_override_is_an_error_and_never_a_default(key: str, typed: str) -> None:
    if typed == "''" and key in ("grid.seeds", "scenarios.x"):
        assert mistake(f"{key}={typed}").startswith(f"{key}='': expected a list")
    else:
        assert mistake(f"{key}={typed}") == f"--set {key}={typed}: empty; write a value after the ="


def test_null_unsets_what_may_be_unset() -> None:
    overrides = ["compare=null", "data.group_by=~", "finetune.draws=null"]
    config = load_config("paper", overrides)
    assert (config.compare, config.data.group_by, config.finetune.draws) == (None, None, None)


def test_words_and_dates_in_a_file_stay_names_as_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "name: 2024-01-05\ndata: {path: 012}\nscenarios: {no: [yes, off], 1.10: [2024, null_]}\n"
        "grid: {scenarios: [no, 1.10], augmentations: [none]}\nsearch: {draws: 3}\n"
        "recipes: {paper: {lr: [1e-3]}}\n"
    )
    config = load_config(str(path))
    assert (config.name, config.data.path) == ("2024-01-05", "012")
    assert config.scenarios == {"no": ["yes", "off"], "1.10": ["2024", "null_"]}
    assert config.grid.scenarios == ["no", "1.10"]
    assert (config.grid.augmentations, config.search.draws) == (["none"], 3)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "true", "2024-01-05"])
def test_a_word_is_not_a_number(tmp_path: Path, word: str) -> None:
    line = f"search.draws='{word}': expected a whole number"
    assert mistake(f"search.draws={word}") == line
    path = tmp_path / "config.yaml"
    path.write_text(f"name: x\nsearch: {{draws: {word}}}\n")
    assert mistakes(config=str(path)) == [line]


def test_null_and_lists_in_place_of_a_name_must_be_quoted() -> None:
    assert mistake("scenarios.x=[a, null]") == (
        "scenarios.x.1=null: expected text; quote the value if it is text"
    )
    assert (
        mistake("scenarios.x=[a, b: c]")
        == "scenarios.x.1: expected text; quote the value if it is text"
    )
    assert "quote values with" in mistake("scenarios.x=[a, b #2]")


def test_a_scalar_in_place_of_a_list_is_reported_with_the_list_to_write() -> None:
    assert mistake("grid.seeds=3") == "grid.seeds=3: expected a list; write [3]"
    assert mistake("grid.scenarios=no") == "grid.scenarios='no': expected a list; write [no]"


def test_a_message_quotes_a_value_once() -> None:
    line = mistake("preprocess.contrast=strech")
    assert line.startswith("preprocess.contrast='strech' (did you mean stretch?): expected one of")
    assert line.count("strech'") == 1


def test_unreadable_files_are_left_out_unless_configured_to_stop() -> None:
    assert load_config("demo").data.on_error == "exclude"
    assert load_config("demo", ["data.on_error=stop"]).data.on_error == "stop"
    assert mistake("data.on_error=ignore") == (
        "data.on_error='ignore': expected one of exclude, stop"
    )


def test_overrides_create_the_sections_they_need_and_leave_the_rest_alone() -> None:
    config = load_config("smoke", ["recipes.paper.lr=0.01", "resources.cpus=1"])
    first = config.recipe("paper").first_draw
    assert (first["lr"], first["batch_size"]) == (0.01, 16)
    assert (config.search.draws, config.resources.cpus) == (2, 1)


def test_an_override_wins_over_a_number_as_key_in_the_file() -> None:
    config = load_config("demo", ["scenarios.1=[a, b]"])
    assert config.scenarios["1"] == ["a", "b"]
    assert len(config.scenarios) == 3


@pytest.mark.parametrize(
    "override",
    [
        "novalue",
        "=1",
        "a..b=1",
        "search.=1",
        "recipes.paper.lr=[1",
        "recipes.paper.lr=" + "[" * 600,
    ],
)
def test_an_invalid_override_is_reported_with_its_text(override: str) -> None:
    assert mistake(override).startswith(f"--set {override}: ")


def test_a_path_implies_a_folder() -> None:
    assert load_config("smoke", ["data.path=xrays"]).data.source == "folder"


def test_a_folder_without_a_path_is_an_error() -> None:
    assert "needs data.path" in mistake("data.source=folder")


def test_numbers_name_scenarios() -> None:
    config = load_config("demo", ["grid.scenarios=[2, all]"])
    assert config.grid.scenarios == ["2", "all"]
    assert set(config.scenarios) == {"1", "2", "3"}


def test_an_undefined_scenario_is_reported_with_the_defined_ones() -> None:
    assert mistake("grid.scenarios=[7]") == ("grid.scenarios: '7': expected one of 1, 2, 3, all")


def test_all_cannot_be_redefined() -> None:
    assert "'all' always means every class" in mistake("scenarios.all=[a, b]")


@pytest.mark.parametrize(
    ("override", "rule"),
    [
        ("grid.backbones=[resnet5]", "'resnet5' (did you mean resnet50?): expected one of"),
        ("weights.resnet5=none", "'resnet5' (did you mean resnet50?): expected one of"),
        ("weights.resnet50=imagenet?what", "expected imagenet, none or path"),
        ("split.policies=[group]", "'group' (did you mean grouped?): expected one of grouped"),
        ("preprocess.contrast=strech", "(did you mean stretch?): expected one of"),
        ("grid.strategies=[scratch]", "expected one of knn, linear, transfer, finetune"),
        ("explain.baselines=[white]", "expected one of black, mean, blurred, random"),
        ("explain.score=odds", "expected one of log_probability, logit, probability"),
        ("split.fractions=[0.8, 0.1, 0.2]", "sum to 1"),
        ("split.folds=2", "expected 3 or more"),
        ("split.folds=many", "expected a whole number"),
        ("split.file_unlisted=maybe", "expected one of stop, leave_out"),
        ("split.fractions=[0.9, 0.1, 0]", "three positive shares"),
        ("split.fractions=[0.5, nan, 0.5]", "finite number"),
        ("split.fractions=[0.5, .nan, 0.5]", "expected a number"),
        ("resources.gpus_per_trial=inf", "finite number"),
        ("search.draws=" + "9" * 5000, "a number with too many digits"),
        ("grid.seeds=[1, 1]", "every value once"),
        ("grid.backbones=[]", "expected at least 1 value"),
        ("scenarios.few=[one]", "expected at least 2 values"),
        ("name=a/../../b", "a name begins with a letter or digit and consists"),
        ("name=-x", "a name begins with a letter or digit and consists"),
        ("search=fast", "a section; write search.KEY=value"),
        ("grid=3", "grid=3: a section; write grid.KEY=value"),
        ("weights=none", "a section; write weights.KEY=value"),
        ("search.draws=[3]", "search.draws='[3]': expected a whole number; write 3"),
        ("resources.gpus_per_trial=[0.5]", "expected a number; write 0.5"),
        ("data.near_duplicates=2", "data.near_duplicates=2: expected true or false"),
        ("data.near_duplicates=[no]", "expected true or false; write no"),
        ("split.fractions=0.8", "fractions=0.8: expected three shares; write [0.8, 0.1, 0.1]"),
        ("split.fractions=[0.8, 0.2]", "split.fractions: expected three shares; write [0.8"),
        ("data.path.x=1", "data.path is text, not a section"),
        ("search.draws.x=1", "search.draws is a whole number, not a section"),
        ("grid.seeds=1]", "expected a list; write [1]"),
    ],
)
def test_an_invalid_value_is_reported_with_its_key_and_the_rule(override: str, rule: str) -> None:
    line = mistake(override)
    assert line.startswith(override.partition("=")[0].partition(".")[0])
    assert rule in line


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (
            ["split.folds=5", "split.fractions=[0.6, 0.2, 0.2]"],
            "split.fractions: split.folds=5 determines",
        ),
        (["split.folds=5", "split.policies=[given]", "data.path=x"], "given has one test part"),
        (["split.policies=[pooled, given]"], "data.source='synthetic' has none"),
        (["split.policies=[file]"], "file needs split.file"),
        (["split.file=x.csv"], "no policy uses it; add file to split.policies"),
    ],
)
def test_contradictory_split_keys_are_reported_in_one_line(overrides: list[str], rule: str) -> None:
    (line,) = mistakes(*overrides, config="smoke")
    assert line.startswith("split.")
    assert rule in line


def test_folds_are_compatible_with_default_fractions() -> None:
    config = load_config("smoke", ["split.folds=5"])
    assert (config.split.folds, config.split.fractions) == (5, (0.8, 0.1, 0.1))


def test_images_too_small_for_a_backbone_of_the_grid_are_an_error() -> None:
    assert mistake("preprocess.image_size=64") == (
        "preprocess.image_size=64: inceptionv3 needs at least 75 pixels"
    )
    others = ["preprocess.image_size=64", "grid.backbones=[resnet50, vgg16]"]
    assert load_config("demo", others).preprocess.image_size == 64


def test_a_folder_of_images_in_place_of_a_config_is_pointed_to_data_path(tmp_path: Path) -> None:
    (line,) = mistakes(config=str(tmp_path))
    assert f"a folder; to use its images, write --set data.path={tmp_path}" in line


def test_a_missing_config_is_reported_with_the_shipped_names() -> None:
    assert "no such file" in mistakes(config="nowhere.yaml")[0]
    assert "default, demo, paper, screen, smoke" in mistakes(config="nowhere")[0]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"name: [unclosed", "not YAML"),
        (b"name: [a, b: c, :]", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"just words", "expected key: value pairs"),
        (b"", "expected key: value pairs"),
        (b"store: here", "name: required"),
    ],
)
def test_a_file_that_is_not_a_config_is_reported_in_one_line(
    tmp_path: Path, content: bytes, rule: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    (line,) = mistakes(config=str(path))
    assert rule in line
    assert "\n" not in line


def test_weights_are_imagenet_unless_the_config_says_otherwise() -> None:
    config = load_config("default", ["data.path=x", "weights.vgg16=none"])
    assert config.weights_of("resnet50").is_hub
    assert config.weights_of("vgg16").is_random


def test_contradictions_between_keys_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(
            "demo",
            ["grid.scenarios=[9]", "preprocess.image_size=64", "grid.strategies=[finetune]"],
        )
    assert len(caught.value.lines) == 3


def test_grouping_is_by_name_by_file_or_by_a_regular_expression() -> None:
    for rule in ("filename", "roboflow", "patients.csv", "(P[0-9]+)_"):
        assert load_config("smoke", [f"data.group_by='{rule}'"]).data.group_by == rule
    line = mistake("data.group_by='(P'")
    assert line.startswith("data.group_by='(P': not a regular expression")
    assert line.endswith(
        "expected one, a .csv file with columns path and group, filename or roboflow"
    )


def test_workers_that_cannot_divide_a_batch_evenly_are_an_error_if_they_must() -> None:
    three = ["resources.workers_per_trial=3", "recipes.paper.batch_size=[12, 9, 16]"]
    line = "resources.workers_per_trial=3: end-to-end training divides every batch evenly"
    for key in ("finetune.depth=all", "augmentations.slight.online=true"):
        told = mistakes(*three, key)
        assert [one.startswith(line) and "batch_size=16" in one for one in told] == [True]
    load_config("demo", three)


def test_a_trial_uses_at_most_one_gpu() -> None:
    assert load_config("demo", ["resources.gpus_per_trial=0.25"]).resources.gpus_per_trial == 0.25
    message = mistake("resources.gpus_per_trial=2")
    assert message.startswith("resources.gpus_per_trial=2: a process trains on one GPU")
    assert "resources.workers_per_trial" in message


def test_transforms_of_an_augmentation_are_typed_as_in_yaml() -> None:
    config = load_config(
        "smoke",
        ["augmentations.x.transforms=[{Rotate: {limit: [-5, 5], p: 1}}, {VerticalFlip: null}]"],
    )
    transforms = config.augmentations["x"].transforms
    assert transforms == [{"Rotate": {"limit": [-5, 5], "p": 1}}, {"VerticalFlip": {}}]


def test_a_built_in_augmentation_keeps_its_transforms_where_only_copies_are_set() -> None:
    section = load_config("smoke", ["augmentations.radiograph.copies=3"]).augmentation("radiograph")
    assert section is not None
    assert section.copies == 3
    assert section.pipeline == Augmentation.of(BUILT_IN["radiograph"])


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (
            "[{Rotat: {limit: 5}}]",
            "augmentations.x.transforms.0: 'Rotat' (did you mean Rotate?): expected a transform",
        ),
        (
            "[{Blur: {}}, {Rotate: {limit: x}}]",
            "augmentations.x.transforms.1: 'Rotate': limit='x': input should be a valid",
        ),
        ("[]", "augmentations.x.transforms: expected at least 1 value"),
        (
            "[{RandomCrop: {height: 9, width: 9}}]",
            "augmentations.x.transforms.0: 'RandomCrop': makes uint8 (9, 9, 3) of uint8",
        ),
    ],
)
def test_a_mistake_in_a_transform_names_its_place(value: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("smoke", [f"augmentations.x.transforms={value}", "grid.augmentations=[x]"])
    assert caught.value.lines[0].startswith(line)


def test_an_augmentation_needs_transforms() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("smoke", ["augmentations.x.copies=3"])
    assert caught.value.lines == ["augmentations.x.transforms: required"]


@pytest.mark.parametrize("name", ["paper", "demo", "smoke"])
def test_the_published_grid_squashes_and_own_images_keep_their_aspect(name: str) -> None:
    assert load_config(name).preprocess.fit == "squash"
    assert Config(name="own").preprocess.fit == "pad"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("metric=acuracy", "metric='acuracy' (did you mean accuracy?): expected one of"),
        ("metric=ece", "metric='ece'"),
        ("operating_point=youdn", "'youdn': expected youden, or one share below 1"),
        ("operating_point={sensitivity: 1.2}", "expected youden, or one share below 1"),
        ("operating_point={sensitivity: 0.9, specificity: 0.9}", "expected youden, or one share"),
        ("prevalence={a: 1.0}", "prevalence"),
    ],
)
def test_what_cannot_decide_or_be_an_operating_point_is_an_error(
    setting: str, message: str
) -> None:
    assert message in mistake(setting)


def test_an_operating_point_becomes_its_rule() -> None:
    config = load_config("smoke", ["operating_point={specificity: 0.95}"])
    assert config.operating_rule.text == "specificity at least 95 %"
    assert load_config("smoke").operating_rule.text == "Youden's index"
