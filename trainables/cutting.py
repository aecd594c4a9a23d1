"""Cut a timm network in two by a traced graph, without knowing its family.

The graph (torch.fx) has a node for each module that lies wholly before or wholly after the cut;
only the modules around the cut are traced, so blocks keep their own code. What the second part
needs of the first crosses the cut: one tensor as it is, several flattened and joined. Values that
depend on the shape of the input alone, such as rotary position tables, become constants of the
image size.

Names in the parts are timm's with `_` for `.`: `layer4.2.conv1.weight` -> `layer4_2.conv1.weight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import prod
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx, nn

_NET = "net"  # the model's name in the traced module
_SHAPE_ATTRIBUTES = ("shape", "dtype", "device", "ndim")
_SHAPE_METHODS = ("size", "dim")


class CutError(ValueError):
    """The network cannot be cut there."""


class Features(nn.Module):
    """A timm model without its classifier: pixels -> features.

    With `own_pooling` they are the model's own (B, C), else a map (B, C, h, w), where the h of
    tokens is their number.
    """

    def __init__(self, model: nn.Module, own_pooling: bool) -> None:
        super().__init__()
        self.net: Any = model
        self.own_pooling = own_pooling
        self.to_map = ToMap(
            str(getattr(model, "output_fmt", None)) == "NHWC",
            int(getattr(model, "num_prefix_tokens", 0) or 0),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        features = self.net.forward_features(pixels)
        if self.own_pooling:
            pooled: Tensor = self.net.forward_head(features, pre_logits=True)
            return pooled
        mapped: Tensor = self.to_map(features)
        return mapped


class ToMap(nn.Module):
    """Features of any layout as a map (B, C, h, w); tokens without the class and register ones."""

    def __init__(self, channels_last: bool, prefix_tokens: int) -> None:
        super().__init__()
        self.channels_last, self.prefix_tokens = channels_last, prefix_tokens

    def forward(self, features: Tensor) -> Tensor:
        if features.ndim == 3:  # (B, L, C)
            return features[:, self.prefix_tokens :].transpose(1, 2)[..., None]
        if features.ndim == 2:
            return features[..., None, None]
        return features.permute(0, 3, 1, 2) if self.channels_last else features


def flat(name: str) -> str:
    """A module's or tensor's name in a part."""
    return name.replace(".", "_")


def trace(features: Features, opened: Sequence[str]) -> fx.Graph:
    """The graph of a network, whose nodes are its modules, but for those `opened` (timm's names)
    and plain Sequentials, which are traced inside. Raises CutError."""
    inside = {"", _NET, *(f"{_NET}.{name}" for name in opened)}
    try:
        return _Tracer(inside).trace(features)
    except (fx.proxy.TraceError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CutError(f"its graph cannot be traced: {reason}") from None


def first_of(graph: fx.Graph, features: Features, parameters: frozenset[str]) -> str:
    """timm's name of the first module that holds one of the parameters. Raises CutError."""
    for node in graph.nodes:
        if node.op == "call_module" and parameters & _held(features, node):
            return str(node.target).removeprefix(f"{_NET}.")
    raise CutError("no module holds the weights after the cut")


def split(
    features: Features, suffix_from: str, image_size: int
) -> tuple[fx.GraphModule, fx.GraphModule, dict[str, str]]:
    """Cut before the first call of a module.

    `image_size` (pixels) sets constants that depend on it, and the shapes of what crosses, if that
    is several tensors.

    Returns prefix, suffix, and the names in them: timm's name -> `suffix.layer4_2`.

    Raises CutError: no such module, weights on both sides, or values that cannot cross.
    """
    parts = suffix_from.split(".")
    graph = trace(features, [".".join(parts[:n]) for n in range(1, len(parts))])
    _fold_constants(features, graph, image_size)
    nodes = [node for node in graph.nodes if node.op not in ("placeholder", "output")]
    at = next((i for i, n in enumerate(nodes) if n.target == f"{_NET}.{suffix_from}"), None)
    if not at:
        raise CutError(f"it has no module {suffix_from} behind its first layer")
    before, after = nodes[:at], nodes[at:]
    both = {x for n in before for x in _held(features, n)}
    if both & {x for n in after for x in _held(features, n)}:
        raise CutError(f"weights of its first layers are used again after {suffix_from}")
    parts_of = _Split(features, graph, before, after, image_size)
    names = {
        name: f"{part}.{flat(name)}"
        for part, own in (("suffix", parts_of.suffix), ("prefix", parts_of.prefix))
        for name in _names_of(features, own)
    }
    return parts_of.prefix, parts_of.suffix, names


class _Tracer(fx.Tracer):
    def __init__(self, inside: set[str]) -> None:
        from timm.models._features_fx import get_notrace_functions

        super().__init__(autowrap_functions=tuple(get_notrace_functions()))
        self.inside = inside

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.inside and type(m) is not nn.Sequential


class _Split:
    """The two parts of a graph."""

    def __init__(
        self,
        features: Features,
        graph: fx.Graph,
        before: list[fx.Node],
        after: list[fx.Node],
        image_size: int,
    ) -> None:
        self.features, self.before = features, set(before)
        self.inputs = next(node for node in graph.nodes if node.op == "placeholder")
        self.result: Any = next(node for node in graph.nodes if node.op == "output").args[0]
        self.of_pixels = _depending_on({self.inputs}, graph)
        needed = [node for node in before if set(node.users) & {*after, *self._outputs(graph)}]
        self.crossing = [node for node in needed if node in self.of_pixels]
        shapes = _shapes(features, graph, self.crossing, image_size)
        self.prefix = self._prefix(before)
        self.suffix = self._suffix(after, shapes)

    @staticmethod
    def _outputs(graph: fx.Graph) -> list[fx.Node]:
        return [node for node in graph.nodes if node.op == "output"]

    def _prefix(self, before: list[fx.Node]) -> fx.GraphModule:
        graph = fx.Graph()
        known = {self.inputs: graph.placeholder("pixels")}
        for node in before:
            known[node] = graph.node_copy(node, known.__getitem__)
        crossing = [known[node] for node in self.crossing]
        if len(crossing) > 1:
            flattened = [graph.call_function(torch.flatten, (one, 1)) for one in crossing]
            crossing = [graph.call_function(torch.cat, (flattened, 1))]
        graph.output(crossing[0])
        return self._module(graph)

    def _suffix(self, after: list[fx.Node], shapes: list[tuple[int, ...]]) -> fx.GraphModule:
        graph = fx.Graph()
        inputs = graph.placeholder("activations")
        known: dict[fx.Node, fx.Node] = {}
        if len(self.crossing) == 1:
            known[self.crossing[0]] = inputs
        else:
            ends = list(accumulate(map(prod, shapes)))
            for node, shape, end in zip(self.crossing, shapes, ends, strict=True):
                part = graph.call_function(_columns, (inputs, end - prod(shape), end))
                known[node] = graph.call_method("reshape", (part, (-1, *shape)))

        def copied(node: fx.Node) -> fx.Node:
            if node not in known:
                if node not in self.before or node in self.of_pixels:
                    raise CutError(f"{node} cannot cross the cut")
                known[node] = graph.node_copy(node, copied)
            return known[node]

        for node in after:
            known[node] = graph.node_copy(node, copied)
        graph.output(known[self.result])
        return self._module(graph)

    def _module(self, graph: fx.Graph) -> fx.GraphModule:
        """A part with the flat names of its modules and tensors."""
        root: dict[str, Any] = {}
        hidden = set()
        for node in graph.nodes:
            if node.op not in ("call_module", "get_attr"):
                continue
            name = str(node.target)
            node.target = flat(name.removeprefix(f"{_NET}."))
            value = _attribute(self.features, name)
            if root.setdefault(node.target, value) is not value:
                raise CutError(f"two of its layers are called {node.target}")
            if node.op == "get_attr" and name not in self.features.state_dict():
                hidden.add(node.target)
        graph.lint()
        module = fx.GraphModule(root, graph)
        module._non_persistent_buffers_set |= hidden
        return module


def _columns(joined: Tensor, start: int, end: int) -> Tensor:
    """(B, C) -> (B, end - start)."""
    return joined[:, start:end]


def _fold_constants(features: Features, graph: fx.Graph, image_size: int) -> None:
    """Replace tensors that depend on the image size alone by buffers with their values."""
    inputs = next(node for node in graph.nodes if node.op == "placeholder")
    of_pixels = _depending_on({inputs}, graph)
    of_weights = {node for node in graph.nodes if _held(features, node)}
    of_batch = {node for node in graph.nodes if _may_give_batch(node)}
    varying = of_pixels | _depending_on(of_weights | of_batch, graph)
    candidates = [
        node
        for node in graph.nodes
        if node not in varying and node.op.startswith("call") and set(node.users) & of_pixels
    ]
    values = _values(features, graph, image_size, candidates) if candidates else []
    for number, (node, value) in enumerate(zip(candidates, values, strict=True)):
        if isinstance(value, Tensor):
            features.register_buffer(f"constant_{number}", value, persistent=False)
            with graph.inserting_before(node):
                node.replace_all_uses_with(graph.get_attr(f"constant_{number}"))
    for node in reversed(graph.nodes):
        if node not in of_pixels and not node.users and node.op != "output":
            graph.erase_node(node)


def _may_give_batch(node: fx.Node) -> bool:
    """Whether a value may be the number of images, or contain it: a size other than `shape[i]` with
    i above 0."""
    if node.op == "call_function" and node.target is getitem and _is_of_shape(node.args[0]):
        return not isinstance(node.args[1], int) or node.args[1] == 0
    is_size = node.target == "size" or (_is_of_shape(node) and "shape" in node.args)
    return is_size and any(user.target is not getitem for user in node.users)


def _depending_on(sources: set[fx.Node], graph: fx.Graph) -> set[fx.Node]:
    """The nodes whose values depend on those of `sources`; shapes and types do not."""
    found = set(sources)
    for node in graph.nodes:
        if any(one in found for one in node.all_input_nodes) and not _is_of_shape(node):
            found.add(node)
    return found


def _is_of_shape(node: Any) -> bool:
    if not isinstance(node, fx.Node):
        return False
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in _SHAPE_ATTRIBUTES
    return node.op == "call_method" and node.target in _SHAPE_METHODS


@torch.no_grad()
def _values(
    features: Features, graph: fx.Graph, image_size: int, wanted: list[fx.Node]
) -> list[Any]:
    """What some nodes give for one image."""
    copied, known = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in graph.nodes:
        if node.op != "output":
            known[node] = copied.node_copy(node, known.__getitem__)
    copied.output(tuple(known[node] for node in wanted))
    device = next(features.parameters()).device
    pixels = torch.zeros(1, 3, image_size, image_size, device=device)
    return list(fx.GraphModule(features, copied)(pixels))


def _shapes(
    features: Features, graph: fx.Graph, nodes: list[fx.Node], image_size: int
) -> list[tuple[int, ...]]:
    """The shapes of what crosses, without the batch; [] for one tensor, whose shape may vary."""
    if not nodes:
        raise CutError("nothing crosses the cut")
    if len(nodes) == 1:
        return []
    values = _values(features, graph, image_size, nodes)
    if not all(isinstance(value, Tensor) for value in values):
        raise CutError("values other than tensors cross the cut")
    return [tuple(value.shape[1:]) for value in values]


def _held(features: Features, node: fx.Node) -> set[str]:
    """timm's names of the parameters that a node uses."""
    if node.op not in ("call_module", "get_attr"):
        return set()
    name = str(node.target).removeprefix(f"{_NET}.")
    value = _attribute(features, str(node.target))
    if isinstance(value, nn.Module):
        return {f"{name}.{own}" for own, _ in value.named_parameters()}
    return {name} if isinstance(value, nn.Parameter) else set()


def _attribute(features: Features, name: str) -> Any:
    value: Any = features
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _names_of(features: Features, part: fx.GraphModule) -> Iterator[str]:
    """timm's names of the modules and tensors of a part."""
    own = {name for name, _ in part.named_children()}
    own |= {name for name, _ in part.named_parameters(recurse=False)}
    own |= {name for name, _ in part.named_buffers(recurse=False)}
    model = features.net
    for name, _ in (*model.named_modules(), *model.named_parameters(), *model.named_buffers()):
        if name and flat(name) in own:
            yield name
            own.discard(flat(name))
