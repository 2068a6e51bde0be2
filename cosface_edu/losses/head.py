"""Class centres + a rule = a loss: the base of every head.

A head holds one centre W_j for each class and turns embeddings and labels into a scalar loss: softmax cross entropy
over the scores `σ·u(cosθ_j)`, where u is the head's rule (`margins.py`) and σ is s, or ‖x‖ where the loss does not
normalise the features (s=None).

    head = CosFace(in_features=512, num_classes=10575, s=64.0, m=0.35)
    loss = head(features, labels)            # (B, D), (B,) -> scalar
    head.logits(features)                    # (B, C) without the margin: what accuracy is computed on
    head.logits(features, labels)            # (B, C) with the margin on the target

There is one way to the loss. A head says what is its own in *hooks*, and whoever computes the loss goes through all of
them: `head(x, y)`, a chunk or a sample of the classes, classes split over processes, the compiler, and one's own
`head.criterion(head.logits(x, y), y)`, to which a loss with a term of its own adds `head.extra(x, y)`. The criterion is
the cross entropy, but for a loss that is no softmax. The hooks:

| hook                     | says                                                        | who needs it              |
|--------------------------|-------------------------------------------------------------|---------------------------|
| `rule`                   | what is done to a cosine                                    | nearly every loss         |
| `plain_rule`             | the rule without its margin                                 | SphereFace2               |
| `build()`                | parts beside the settings: buffers, parameters              | CurricularFace, AdaFace   |
| `changed()`              | settings that go together, parts that hold one of them      | MagFace, Softmax + center |
| `observe(batch)`         | running statistics, updated in a training step              | CurricularFace, AdaFace   |
| `batch_rule(batch)`      | the rule of one batch, where it is another for each         | AdaFace, ElasticFace      |
| `scale()`                | σ, where it is not the setting s                            | AdaCos                    |
| `shift(logits)`          | the last touch to the logits                                | SphereFace2               |
| `criterion(logits, y)`   | the loss of the logits, where it is no softmax              | SphereFace2               |
| `extra(features, y)`     | a term beside it                                            | MagFace, Softmax + center |
| `schedules()`            | what the training loop steps                                | A-Softmax                 |
| `beyond_bound()`         | what to warn of, if the margin has no room                  | SphereFace2               |
| `normalise_centres`      | whether centres count by their direction alone              | Softmax, L-Softmax        |
| `sub_centers`            | K, the centres of a class                                   | Sub-center ArcFace        |
| `splits`, `samples`      | whether a part of the classes will do                       | all that it will do for   |
| `of_each_class`          | what of its state goes by class, where C = D hides it       | Softmax + center          |

Whatever the dtype of the embeddings, and under autocast, scores and loss are computed in the dtype of the centres,
in float32 at least; the parameters themselves are never cast. A zero embedding has no direction: its length counts
as 1 where one divides by it, so that its cosines are 0 and its gradient is finite.
"""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu.checks import check_count

from .checks import alike_in_length, check_features, check_labels, warn_caller, watched
from .fused import Scores, margin_logits, margin_softmax, safe_length
from .limits import max_margin
from .margins import NoMargin, Rule
from .settings import Count, Scale, Setting, documentation, settings_of, signature_of

_HOOKS = ("rule", "observe", "batch_rule", "scale", "shift", "criterion", "extra")
_PLACES = ("observe", "batch_rule", "shift", "criterion")  # hooks that see places among the classes at hand
_FINAL = ("forward", "loss", "logits", "scores")


class Batch:
    """What a head may look at before it chooses the rule of a step. Nothing here carries a gradient.

    Args:
        features: embeddings (B, D).
        norms: ‖x‖ (B, 1), for features that are scaled already.
        weight: centres (n·K, D) at hand.
        labels: true classes (B,) among all C.
        columns: the targets' places (B,) among the n classes at hand.
        sub_centers: K, centres of a class.

    Attributes:
        norms: ‖x‖ (B, 1).
        labels: true classes (B,) among all C: what a margin of each class's own goes by.
        columns: the targets' places (B,) among the centres at hand.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Batch
        >>> x = torch.tensor([[3.0, 4.0]])
        >>> y = torch.tensor([0])
        >>> batch = Batch(x, x.norm(dim=1, keepdim=True), torch.eye(2), labels=y, columns=y, sub_centers=1)
        >>> batch.norms, batch.target_cosine(), batch.cosines()
        (tensor([[5.]]), tensor([[0.6000]]), tensor([[0.6000, 0.8000]]))
    """

    def __init__(
        self, features: Tensor, norms: Tensor, weight: Tensor, labels: Tensor, columns: Tensor, sub_centers: int
    ) -> None:
        self.norms, self.labels, self.columns = norms.detach(), labels, columns
        self._features, self._weight, self._sub_centers = features.detach(), weight.detach(), sub_centers
        self._target_cosine: Tensor | None = None

    def _unit(self) -> Tensor:
        return self._features / safe_length(self.norms)  # (B, D)

    def target_cosine(self) -> Tensor:
        """cosθ_y (B, 1), computed without the other classes."""
        if self._target_cosine is None:
            K = self._sub_centers
            rows = self.columns[:, None] * K + torch.arange(K, device=self.columns.device)  # (B, K)
            centres = F.normalize(self._weight[rows], dim=2)  # (B, K, D)
            self._target_cosine = torch.einsum("bd,bkd->bk", self._unit(), centres).amax(dim=1, keepdim=True)
        return self._target_cosine

    def cosines(self) -> Tensor:
        """cosθ_j (B, n) of all classes at hand: as much work as the scores themselves."""
        cos = self._unit() @ F.normalize(self._weight, dim=1).T  # (B, n·K)
        return cos.view(len(cos), -1, self._sub_centers).amax(dim=2)


def _fixed(rule: Rule, s: float | Tensor | None) -> bool:
    """Whether a rule of this package, which computes with its fields alone, holds nothing that wants a gradient."""
    own = type(rule).__module__.startswith(f"{__package__}.")
    return own and not any(_wants_gradient(value) for value in (s, *vars(rule).values()))


def _wants_gradient(value: Any) -> bool:
    return value.requires_grad if isinstance(value, Tensor) else not isinstance(value, float | int | str | None)


class Head(nn.Module):
    """Class centres and softmax cross entropy over scores u(cosθ). `head.py` lists the hooks of a loss of one's own.

    A subclass declares its settings; its constructor, with the sizes before them, follows from these.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Head, Scale, Setting
        >>> class Wide(Head):
        ...     s = Scale(30.0)
        ...     width = Setting(2.0, 1, text="how many times")
        ...     def scale(self):
        ...         return self.s * self.width
        >>> head = Wide(in_features=2, num_classes=2)
        >>> head.weight.data = torch.eye(2)
        >>> head.logits(torch.tensor([[3.0, 4.0]])).round(decimals=1).tolist()
        [[36.0, 48.0]]
    """

    s = Scale(None)
    chunk_size = Count(
        None,
        1,
        text="number of samples whose logits exist at a time, None for the whole batch; loss and gradient are the same",
        optional=True,
    )
    normalise_centres = True  # False only where the paper keeps ‖W_j‖
    sub_centers = 1
    #: Whether a process with a part of the classes can score them, though targets live elsewhere: the rule asks of a
    #: sample its length and its own target's cosine at most. A class with hooks of its own must say so anew; one with
    #: several centres a class cannot, since processes split by rows of `weight`.
    splits: Any = False
    #: Whether the loss over a sample of the classes, all targets among them, makes sense. A class with a hook of its
    #: own that is handed places among the classes at hand, or logits of these alone, must say so anew.
    samples: Any = True
    #: Names in the state, beside `weight`, of what has a row for each class: what `keep` takes over class by class.
    #: None: what has as many rows as there are classes, or centres.
    of_each_class: Any = None
    #: Whether the length of an embedding decides about its margin.
    by_length: Any = False
    _seen = False  # whether a batch's lengths were looked at
    built = False  # from then on a setting that is set is a change
    settings: ClassVar[dict[str, Setting[Any]]]
    _stored: ClassVar[tuple[str, ...]]  # where an instance keeps their values

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _FINAL:
            if name in vars(cls):
                raise TypeError(
                    f"{cls.__name__}.{name}: the way to the loss is the same for all heads, so that sampling, splitting"
                    f" and chunks cannot lose a part of it; override a hook ({', '.join(_HOOKS)})"
                )
        if "splits" not in vars(cls) and any(name in vars(cls) for name in (*_HOOKS, "sub_centers")):
            cls.splits = False
        if "samples" not in vars(cls) and any(name in vars(cls) for name in _PLACES):
            cls.samples = False
        cls._declare()

    @classmethod
    def _declare(cls) -> None:
        """The constructor's signature and documentation, from the settings."""
        cls.settings = settings_of(cls)
        cls._stored = tuple(f"_{name}" for name in cls.settings)
        if "__init__" not in vars(cls) or cls is Head:
            cls.__signature__ = signature_of(cls.settings)  # type: ignore[attr-defined]
            cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or cls.__name__)}\n\n{documentation(cls.settings)}\n"

    if TYPE_CHECKING:  # the settings follow the sizes: they are declared in each class, where no checker looks

        def __init__(self, in_features: int, num_classes: int, *settings: Any, **named: Any) -> None: ...

        def __call__(self, features: Tensor, labels: Tensor) -> Tensor: ...  # Any, says nn.Module

    else:

        def __init__(self, *args, **options):
            super().__init__()
            self._make(args, options)

    def _make(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        signature = signature_of(self.settings)
        try:
            given = signature.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}; it takes {', '.join(signature.parameters)}") from None
        given.apply_defaults()
        self.in_features = check_count("in_features", given.arguments["in_features"], 1)
        self.num_classes = check_count("num_classes", given.arguments["num_classes"], 2)
        for name in self.settings:
            setattr(self, name, given.arguments[name])
        self._checked: tuple[Any, ...] | None = None
        self._warned = False
        self.weight = nn.Parameter(torch.empty(self.num_classes * self.sub_centers, self.in_features))
        self.reset_parameters()
        self.build()
        self._widen()
        self.changed()
        self.built = True

    def __setattr__(self, name: str, value: Any) -> None:
        learned = isinstance(value, nn.Module) or (isinstance(value, Tensor) and value.requires_grad)
        if learned and name in self.settings:
            raise ValueError(
                f"{name} must be a number, got a {type(value).__name__}: what is learned is made in build(), under a"
                " name of its own, and takes the setting's place in scale() or `rule`"
            )
        super().__setattr__(name, value)

    def reset_parameters(self) -> None:
        """Xavier, as in the released SphereFace networks."""
        nn.init.xavier_uniform_(self.weight)

    def _apply(self, *args: Any, **options: Any) -> Any:
        moved = super()._apply(*args, **options)
        self._widen()
        return moved

    def _widen(self) -> None:
        """Running statistics stay in float32 at least: half precision would lose steps of a hundredth."""
        for name, buffer in self._buffers.items():
            if buffer is not None and buffer.dtype in (torch.float16, torch.bfloat16):
                self._buffers[name] = buffer.float()

    @torch.no_grad()
    def keep(self, old: "Head", classes: Sequence[int] | Tensor) -> None:
        """Take over what another head has learned, for a set of people that has some in common with its own.

        What has a row for each class, or K of them, goes by class, and a new class's stays as it is: the centres first
        of all. What is one for all, such as running statistics or a bias, is taken over whole. A head whose state the
        lengths do not tell, since it has as many classes as features, names the former in `of_each_class`.

        Args:
            old: the head that knew them; of another loss too, as far as their state has the same names.
            classes: for each class of this head its class in `old` (C,), -1 for a new one.

        Raises:
            ValueError: the heads do not fit, `classes` has another length or a class that `old` has not, or the state
                leaves open what goes by class. Nothing is taken over then.

        Example:
            >>> import torch
            >>> from cosface_edu.losses import CosFace
            >>> old, new = CosFace(in_features=8, num_classes=3), CosFace(in_features=8, num_classes=4)
            >>> new.keep(old, [-1, 2, 0, -1])
            >>> torch.equal(new.weight[1], old.weight[2])
            True
        """
        if not isinstance(old, Head):
            raise ValueError(f"old must be a head, got {type(old).__name__} (a PartialFC has one as its .head)")
        for size in ("in_features", "sub_centers"):
            if getattr(self, size) != getattr(old, size):
                raise ValueError(f"{size} must be the same, got {getattr(self, size)} here, {getattr(old, size)} there")
        came = torch.as_tensor(classes, device=self.weight.device)
        if came.shape != (self.num_classes,) or came.is_floating_point() or came.dtype == torch.bool:
            raise ValueError(f"classes must be {self.num_classes} whole numbers, one for each class here")
        if came.min() < -1 or came.max() >= old.num_classes:
            raise ValueError(f"classes must lie between -1 and {old.num_classes - 1}, got {came.tolist()}")
        here, there = (came >= 0).nonzero()[:, 0], came[came >= 0]
        given, by_class = old.state_dict(), self._by_class()
        for name, own in self.state_dict().items():
            if name not in given:
                continue
            theirs = given[name].to(own)
            if name in by_class and theirs.dim() > 0 and len(theirs) * self.num_classes == len(own) * old.num_classes:
                rows, source = own.unflatten(0, (self.num_classes, -1)), theirs.unflatten(0, (old.num_classes, -1))
                rows[here] = source[there]
            elif own.shape == theirs.shape:
                own.copy_(theirs)

    def _by_class(self) -> set[str]:
        """Names in the state of what has a row for each class, or K."""
        if self.of_each_class is not None:
            names = self.of_each_class
            return {"weight", *([names] if isinstance(names, str) else names)}
        rows = (self.num_classes, self.num_classes * self.sub_centers)
        found = {name for name, own in self.state_dict().items() if own.dim() > 0 and len(own) in rows}
        if self.in_features in rows and (open_ones := sorted(found - {"weight"})):
            raise ValueError(
                f"{', '.join(open_ones)}: {self.in_features} rows may be classes or features here; name what has a row"
                f" for each class in {type(self).__name__}.of_each_class"
            )
        return found

    # --- the one way to the loss

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss: mean cross entropy of the scores with the margin, and the head's own term if it has one.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64.

        Returns:
            Scalar loss.

        Raises:
            ValueError: for features or labels of a wrong dtype, shape or range.
        """
        self.check(features, labels)
        return self.loss(features, self.weight, labels, labels)

    @final
    def loss(self, features: Tensor, weight: Tensor, labels: Tensor, columns: Tensor) -> Tensor:
        """The loss over other centres than all of the head's own, such as a sample of them (`PartialFC`).

        Args:
            features: embeddings (B, D).
            weight: centres (n·K, D) of n classes.
            labels: true classes (B,) int64.
            columns: which of the n classes these are (B,) int64.

        Returns:
            Scalar loss.
        """
        with torch.autocast(features.device.type, enabled=False):
            x, norms, weight, scores = self._prepare(features, weight, labels, columns)
            if type(self).shift is Head.shift and type(self).criterion is Head.criterion:
                loss = margin_softmax(x, weight, norms, columns, scores)
            else:
                loss = self.criterion(self.shift(margin_logits(x, weight, norms, columns, scores)), columns)
        extra = self.extra(features, labels)
        return loss if extra is None else loss + extra

    @final
    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores of all classes.

        In training mode with labels this is a training step, as `head(features, labels)` is: running statistics are
        updated and random margins drawn. One's own `head.criterion(head.logits(x, y), y)`, the cross entropy but for
        SphereFace2, is then the head's loss, less `head.extra(x, y)`. In evaluation mode, and without labels, nothing
        changes.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64; without them no margin is applied.

        Returns:
            (B, C), with the margin on the true class where labels are given.

        Raises:
            ValueError: for features or labels of a wrong dtype, shape or range.
        """
        self.check(features, labels)
        return self.scores(features, self.weight, labels, labels)

    @final
    def scores(self, features: Tensor, weight: Tensor, labels: Tensor | None, columns: Tensor | None) -> Tensor:
        """`logits` over other centres than all of the head's own, such as one process's part of them.

        Args:
            features: embeddings (B, D).
            weight: centres (n·K, D) of n classes.
            labels: true classes (B,) int64; None for no margin.
            columns: which of the n classes these are (B,) int64; None for no margin.

        Returns:
            (B, n).
        """
        with torch.autocast(features.device.type, enabled=False):
            x, norms, weight, scores = self._prepare(features, weight, labels, columns)
            return self.shift(margin_logits(x, weight, norms, columns, scores))

    def _prepare(
        self, features: Tensor, weight: Tensor, labels: Tensor | None, columns: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Scores]:
        """Scaled embeddings (B, D), their original lengths (B, 1), centres and scores, in one common dtype."""
        dtype = torch.promote_types(weight.dtype, torch.float32)
        x, weight = features.to(dtype), weight.to(dtype)
        norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)  # (B, 1)
        if labels is None or columns is None:
            rule, cos_y = self.plain_rule, None
        else:
            batch = Batch(x, norms, weight, labels, columns, self.sub_centers)
            if self.training and type(self).observe is not Head.observe:
                with torch.no_grad():
                    self.observe(batch)
            rule = self.batch_rule(batch)
            cos_y = None if rule.plain_others else batch.target_cosine()
        s = self.scale()  # after `observe`, which may change it
        scaled = x if s is None else x * (s / safe_length(norms))
        return scaled, norms, weight, self._scores(rule, s, cos_y)

    def _scores(self, rule: Rule, s: float | Tensor | None, cos_y: Tensor | None) -> Scores:
        normalise = self.normalise_centres
        if not rule.plain_others and (s is None or not normalise):
            raise ValueError(
                f"s must be a number and normalise_centres True: {type(self).__name__} bends the scores of the other"
                " classes too"
            )

        def target(z: Tensor, norms: Tensor, lengths: Tensor) -> Tensor:
            if s is None and type(rule) is NoMargin:  # a rule derived from it has a target of its own
                return z  # the bare product has a gradient where a length is zero, and no cosine has
            scale = norms if s is None else s
            if not normalise:
                scale = scale * lengths
            cos = z / (safe_length(scale) if isinstance(scale, Tensor) else scale)
            given = (cos, norms) if rule.uses_length else (cos,)
            return scale * rule.target(*given)  # type: ignore[operator]

        def others(z: Tensor, rows: slice) -> Tensor:
            return s * rule.others(z / s, None if cos_y is None else cos_y[rows])  # type: ignore[operator]

        bends = None if rule.plain_others else others
        return Scores(target, bends, normalise, self.sub_centers, self.chunk_size, _fixed(rule, s))

    # --- hooks: what a loss may say of itself

    @property
    def rule(self) -> Rule:
        """What the head does to a cosine, with the margin as it is now."""
        return NoMargin()

    @property
    def plain_rule(self) -> Rule:
        """The rule without its margin, by which `logits` without labels scores."""
        return NoMargin()

    def build(self) -> None:
        """Parts beside the settings: buffers, parameters, modules; called once, when the centres are there.

        A parameter may stand in any hook and gets its gradient. One that the scores hold, in `scale`, `rule` or
        `batch_rule`, makes the head leave the quick way (`fused`): all logits then exist at once.
        """

    def changed(self) -> None:
        """What follows from a setting: called after `build`, and after each time that one is set.

        Raises:
            ValueError: the settings do not go together; what was set is then as it was.
        """

    def observe(self, batch: Batch) -> None:
        """Update running statistics; called once in a training step, before anything else, without gradients."""

    def batch_rule(self, batch: Batch) -> Rule:
        """The rule for one batch: heads whose margin differs by sample or by step override this."""
        return self.rule

    def scale(self) -> float | Tensor | None:
        """The length that embeddings are scaled to now; None for their own."""
        return self.s

    def shift(self, logits: Tensor) -> Tensor:
        """The last touch to the logits (B, n)."""
        return logits

    def criterion(self, logits: Tensor, columns: Tensor) -> Tensor:
        """The loss of logits (B, n) whose true classes are `columns` (B,): mean cross entropy."""
        return F.cross_entropy(logits, columns)

    def extra(self, features: Tensor, labels: Tensor) -> Tensor | None:
        """A term of the loss beside the scores', if the loss has one.

        Args:
            features: embeddings (B, D), in any floating-point dtype.
            labels: true classes (B,) int64, among all C.

        Returns:
            Scalar in float32 at least, or None.
        """
        return None

    def schedules(self) -> list[Any]:
        """What the training loop must step once an iteration and keep in its checkpoint, such as λ's annealing.

        Objects with `step()`, `state_dict()` and `load_state_dict()`, as schedulers have; where the margin follows from
        one's `value`, its bound is looked at again when that changes.
        """
        return []

    # --- checks

    def check(self, features: Tensor, labels: Tensor | None = None) -> None:
        """Raises ValueError for a bad batch; warns, once, of a margin that no arrangement of the centres can meet.

        A loss for which the length of an embedding matters warns where the first batch has none but 1; on a GPU that
        is not looked at.
        """
        if watched():
            return
        check_features(features, self.in_features)
        if labels is not None:
            check_labels(labels, len(features), self.num_classes)
            if not self._seen and len(features) > 1:
                self._seen = True
                if (self.s is None or self.by_length) and alike_in_length(features):
                    warn_caller(
                        f"all embeddings given to {type(self).__name__} have length 1, and with it the length decides: "
                        "give them as the network makes them, not normalised"
                    )
        if self._warned:
            return
        schedules = (getattr(schedule, "value", None) for schedule in self.schedules())
        now = (*map(self.__dict__.get, self._stored), *schedules)
        if now != self._checked:
            self._checked = now
            if message := self.beyond_bound():
                self._warned = True
                warn_caller(message)

    def beyond_bound(self) -> str | None:
        """What to warn of, if no arrangement of the class centres can meet the margin."""
        rule, bound = self.rule, max_margin(self.num_classes, self.in_features)
        # on the CPU, whatever the default device: not every GPU has float64
        best = rule.target(torch.ones((), dtype=torch.float64, device="cpu")).item()
        nearest = rule.others(torch.tensor(1 - bound, dtype=torch.float64, device="cpu")).item()
        if best >= nearest - 1e-9:
            return None
        return (
            f"{rule} is beyond the geometric bound: of {self.num_classes} class centres in {self.in_features}"
            f" dimensions two are closer than cosine {1 - bound:.4f}, so a sample on its own centre scores"
            f" {best:.4f}, less than another class. A margin on the cosine can be at most {bound:.4f} here."
        )

    def extra_repr(self) -> str:
        """Sizes, scale and rule."""
        text = f"in_features={self.in_features}, num_classes={self.num_classes}, s={self.s}, rule={self.rule}"
        return text if self.chunk_size is None else f"{text}, chunk_size={self.chunk_size}"


Head._declare()
