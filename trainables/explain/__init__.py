"""Attribution maps: which pixels speak for a class, by several methods, each in a file of its own.

    score         what is explained: a score of each class
    method        what a method is, and what it returns
    baselines     the images that a map compares with
    integrated_gradients, grad_cam, attention_rollout, occlusion

A map is signed, (H, W) float32: positive where the image speaks for the class.
"""

from trainables.explain.attention_rollout import AttentionRollout
from trainables.explain.grad_cam import GradCam
from trainables.explain.integrated_gradients import TOLERANCE, IntegratedGradients, attribute
from trainables.explain.method import Attribution, Method, Options
from trainables.explain.occlusion import Occlusion
from trainables.explain.score import Score

METHODS: dict[str, Method] = {
    method.name: method
    for method in (IntegratedGradients(), GradCam(), AttentionRollout(), Occlusion())
}
"""Every method by its name, which `trainables.registry.METHODS` lists for the configuration."""

__all__ = [
    "METHODS",
    "TOLERANCE",
    "Attribution",
    "Method",
    "Options",
    "Score",
    "attribute",
]
