"""The conversion as a function: from an int8 model to a training flatbuffer."""

from __future__ import annotations

import dataclasses

from converter.errors import ConverterError, NoGradientError
from converter.memory.arena import ArenaEstimate, predict_arena
from converter.memory.targets import HOST_64
from converter.merge.seal import seal
from converter.passes.training_graph import Lowering, Source, TrainingGraph, prepare
from converter.planning import Plan
from converter.search.auto import Choice, choose_scheme, deepest_that_works, find_gains
from converter.search.fit import Limit, fit
from converter.search.gain import Gains
from converter.search.measure import Data
from converter.search.scheme import AUTO, parse_scheme
from converter.search.search import Progress
from converter.search.trials import Trial, choose_by_trials


@dataclasses.dataclass(frozen=True)
class TrainingModel:
    """A converted model.

    flatbuffer: the bytes of the training .tflite; training: its graph, layers and scheme;
    arena, arena_host: what TFLM takes from the arena on a 32-bit Cortex-M and on the 64-bit
    host; plan: how the arena was planned; lowering: how far convolutions were replaced by
    the project's own; budget: bytes, or None; why: layer index -> why it is trained or not,
    where the converter chose; trials: the trial trainings that decided, if there were any.
    """

    source: Source
    budget: int | None
    flatbuffer: bytes
    training: TrainingGraph
    plan: Plan
    lowering: Lowering
    arena: ArenaEstimate
    arena_host: ArenaEstimate
    why: dict[int, str] = dataclasses.field(default_factory=dict)
    trials: tuple[Trial, ...] = ()


def convert(
    model: bytes,
    budget: int | None = None,
    update: str = AUTO,
    loss: str | None = None,
    num_classes: int | None = None,
    spare_classes: int = 0,
    gradient_bits: int | None = None,
    weight_bits: int = 8,
    accumulate: int = 1,
    name: str = "model",
    progress: Progress = lambda done, total: None,
    data: Data | None = None,
) -> TrainingModel:
    """Convert an int8 TFLite model to one that TFLM trains.

    model: flatbuffer bytes; budget: bytes of arena on Cortex-M, None for no limit; update:
    what to train (see converter.search.scheme); loss: softmax_cross_entropy or mse, None to
    choose by the model's head; num_classes: replace the classifier by one of so many classes;
    spare_classes: so many more outputs, for classes to come;
    gradient_bits: 16 or 8, None for 8 only where the budget asks for it; weight_bits: 8, or 16
    for weights with a byte of fraction while they are trained; accumulate: samples whose
    gradients make one update, as a batch would; name: of the model, in messages; data: (x, y) of
    training samples, by the rules of tflm_training.data, on which `auto` measures what each layer
    is worth and, within a budget, tries the best schemes.

    Example, with the bytes of a model and two options of the command line:

        >>> converted = convert(model, budget=64 * 1024, update="all")
        >>> converted.arena.total <= 64 * 1024
        True
        >>> from tflm_training import Trainer
        >>> Trainer(converted.flatbuffer).classes
        3

    Raises ConverterError with one clear line.
    """
    source = Source(model, name, loss, num_classes, spare_classes)
    limit = Limit(budget, gradient_bits, weight_bits, accumulate)
    gains = find_gains(source, data, progress) if update == AUTO else {}
    return convert_source(source, limit, update, gains, progress, data)


def convert_source(
    source: Source,
    limit: Limit,
    update: str,
    gains: Gains,
    progress: Progress,
    data: Data | None = None,
) -> TrainingModel:
    """`convert` for gains that are known (see converter.search.auto.find_gains); `auto`
    alone needs them. Raises ConverterError."""
    name, budget = source.name, limit.budget
    why: dict[int, str] = {}
    trials: tuple[Trial, ...] = ()
    if update == AUTO:
        choice = _choose(source, limit, gains, progress, data)
        scheme, why, trials = choice.scheme, choice.why, choice.trials
    else:
        scheme = parse_scheme(update, prepare(source).layers)
    try:
        fitted = fit(source, scheme, limit)
    except NoGradientError as error:
        raise NoGradientError(f"{name}: {error}; {deepest_that_works(source)}") from error
    arena = fitted.plan.arena
    if not limit.holds(fitted.plan):
        raise ConverterError(
            f"{name}: --update {update} needs {arena.smallest_arena} bytes of arena, the budget is "
            f"{budget}; raise --budget, train less or use --update auto"
        )
    return TrainingModel(
        source=source,
        budget=budget,
        flatbuffer=seal(fitted.training),
        training=fitted.training,
        plan=fitted.plan,
        lowering=fitted.lowering,
        arena=arena,
        arena_host=predict_arena(fitted.training.model, HOST_64),
        why=why,
        trials=trials,
    )


def _choose(
    source: Source, limit: Limit, gains: Gains, progress: Progress, data: Data | None
) -> Choice:
    if data is None or limit.budget is None:
        return choose_scheme(source, limit, gains, progress)
    return choose_by_trials(source, limit, gains, data, progress)
