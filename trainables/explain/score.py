"""What is explained: a score of each class, from a network of logits."""

from __future__ import annotations

from torch import Tensor, nn

from trainables.registry import SCORES


class Score(nn.Module):
    """A score of each class, pixels (B, 3, H, W) float32 0..255 -> (B, classes), from a network of
    logits in eval mode.

    `log_probability` is the log of the softmax: it keeps rising where the softmax is flat at 1, and
    unlike a logit it says something about one class against the others. `temperature` divides the
    logits before it (Guo et al. 2017).
    """

    def __init__(
        self, network: nn.Module, score: str = "log_probability", temperature: float = 1.0
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise ValueError(f"score={score!r}: expected one of {', '.join(SCORES)}")
        self.network = network.eval().requires_grad_(False)
        self.score, self.temperature = score, temperature

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels) / self.temperature
        if self.score == "logit":
            return logits
        return logits.softmax(1) if self.score == "probability" else logits.log_softmax(1)
