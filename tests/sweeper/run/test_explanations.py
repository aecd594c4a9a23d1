"""Which maps of the chosen test images are asked for, and in which order."""

from sweeper.plan.artifacts import ExplanationSettings
from sweeper.run.explanations import _asked

EXAMPLES = [{"predicted": 0, "label": 1}, {"predicted": 2, "label": 2}]


def settings(*methods: str) -> ExplanationSettings:
    return ExplanationSettings(2, 1, methods, "logit", ["black", "blurred"], 1, 64, 0.15)


def test_an_image_has_every_method_before_the_next_has_any() -> None:
    first = [
        (0, 0, "integrated_gradients", "black"),
        (0, 0, "grad_cam", ""),
        (0, 0, "occlusion", "black"),
    ]
    true_class = [(0, 1, name, baseline) for _, _, name, baseline in first]
    second = [(1, 2, name, baseline) for _, _, name, baseline in first]
    asked = _asked(EXAMPLES, settings("integrated_gradients", "grad_cam", "occlusion"))
    assert asked[:9] == [*first, *true_class, *second]


def test_further_baselines_come_last_and_only_of_integrated_gradients() -> None:
    asked = _asked(EXAMPLES, settings("integrated_gradients", "occlusion"))
    assert asked[6:] == [
        (0, 0, "integrated_gradients", "blurred"),
        (0, 1, "integrated_gradients", "blurred"),
        (1, 2, "integrated_gradients", "blurred"),
    ]


def test_a_map_that_does_not_depend_on_the_class_is_made_once() -> None:
    assert _asked(EXAMPLES, settings("attention_rollout")) == [
        (0, 0, "attention_rollout", ""),
        (1, 2, "attention_rollout", ""),
    ]
