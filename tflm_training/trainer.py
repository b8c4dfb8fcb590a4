"""Training and evaluation of a training flatbuffer on this computer.

The same flatbuffer, kernels and interpreter as on a microcontroller: batch size 1, one
Invoke() a sample, bit for bit the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tflm_training._library import runtime
from tflm_training.arena import check_arena
from tflm_training.arguments import whole_number
from tflm_training.callbacks import Callback, CallbackList
from tflm_training.data import DataError, Samples
from tflm_training.evaluation import NO_LEARNING_RATE, Evaluator
from tflm_training.files import check_writable, read_file, write_file
from tflm_training.history import History, Running
from tflm_training.replay import epoch_order
from tflm_training.run_record import Run, RunRecord, make_run, unpack_record
from tflm_training.signature import Signature, read_signature

DEFAULT_LEARNING_RATE = 0.01
DEFAULT_EPOCHS = 5


class Trainer(Evaluator):
    """A training flatbuffer with its weights.

    model: the path of the .tflite or its bytes, which are copied. seed: any integer >= 0,
    for the order of the samples and for stochastic rounding; two trainers with the same
    seed that are called alike hold the same weights bit for bit. arena_bytes: None takes
    as much as the model needs.

    Arrays follow the rules in `tflm_training.data`; x is [N, ...]. y holds class indices
    [N], or, for a model with the mean squared error, targets shaped like the output, where
    None makes the inputs the targets. Every method raises DataError for what it cannot use
    and RuntimeError, with TFLite Micro's text, when the interpreter fails.

    stop_training: a callback sets it to end `fit` after the present epoch.

    Example, with a flatbuffer from `converter.convert`:

        >>> trainer = Trainer(flatbuffer, seed=0)
        >>> history = trainer.fit(x, y, epochs=4, learning_rate=0.05)
        >>> history.epoch, history.steps == 4 * len(x)
        ([0, 1, 2, 3], True)
        >>> trainer.evaluate(x_test, y_test)["accuracy"] > 0.95
        True
        >>> trainer.save(folder / "trained.ckpt")
    """

    stop_training = False
    _run: Run | None = None
    _step_of_run = 0
    _steps = 0

    def __init__(
        self, model: str | Path | bytes, seed: int = 0, arena_bytes: int | None = None
    ) -> None:
        name, content = _named_content("model", model)
        if arena_bytes is not None:
            arena_bytes = whole_number("arena_bytes", arena_bytes, 1)
            check_arena(name, content, arena_bytes)
        try:
            self._interpreter = runtime().Interpreter(content, arena_bytes)
            signature = read_signature(self._interpreter)
        except ValueError as error:
            raise DataError(f"{name}: {error}") from error
        self._begin(seed, signature)
        self._seed_graph()

    def _seed_order(self) -> None:
        self._generator = np.random.default_rng(self._seed)

    def _begin(self, seed: int, signature: Signature) -> None:
        """What every trainer starts with. Raises DataError."""
        self._seed = whole_number("seed", seed, 0)
        self._seed_order()
        self._signature = signature
        self._no_label = np.array([-1], np.int32)
        if self.is_regression:
            self._no_label = np.zeros(signature.output.shape, signature.output.dtype)

    @property
    def arena_used_bytes(self) -> int:
        """Bytes of the arena in use on this host; a 32-bit target needs fewer."""
        return self._interpreter.arena_used_bytes()

    def describe(self) -> str:
        """The loss and the tensors of the flatbuffer's signature, one a line."""
        return self._signature.describe()

    def variables(self) -> dict[str, np.ndarray]:
        """Copies of the tensors that a step changes, by their names in the flatbuffer: weights,
        what is kept or pending beside them, and the state of recurrent layers."""
        return {v.name: self._interpreter.tensor(v.index) for v in self._signature.variables}

    @property
    def seed(self) -> int:
        """The seed of this trainer or of the restored checkpoint."""
        return self._seed

    @property
    def steps(self) -> int:
        """Training steps behind the present weights."""
        return self._steps

    @property
    def run(self) -> Run | None:
        """The arguments of the last `fit`, also of the one in a restored checkpoint."""
        return self._run

    @property
    def step(self) -> int:
        """The step that `run` has reached; `fit(..., initial_step=step)` continues it."""
        return self._step_of_run

    def reset(self) -> None:
        """Back to the weights of the flatbuffer and to the seed, as after construction."""
        self._interpreter.reset()
        self._run, self._step_of_run, self._steps = None, 0, 0
        self._seed_order()
        self._seed_graph()

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write a checkpoint: the weights, the generators and how far the run has come.

        A device restores the weights of the same file. The file is written whole or not at
        all. Raises DataError, also for a model without an id, and OSError.
        """
        path = Path(path)
        check_writable(path, overwrite)
        try:
            content = self.checkpoint()
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        write_file(path, content)

    def checkpoint(self) -> bytes:
        """The content of the file that `save` writes. Raises DataError as it does."""
        record = RunRecord(self._seed, self._order_state(), self._step_of_run, self._run)
        try:
            return self._interpreter.save_checkpoint(self._steps, record.pack())
        except ValueError as error:
            raise DataError(str(error)) from error

    def restore(self, source: str | Path | bytes) -> None:
        """Continue from a checkpoint, a path or its content, bit for bit, its seed included.

        One that a device wrote brings its weights; the order of the samples and `run` stay. Raises
        DataError if it is not whole or not of this very conversion; nothing has changed then.
        """
        name, content = _named_content("checkpoint", source)
        try:
            checkpoint = runtime().read_checkpoint(content)
            record = unpack_record(checkpoint.app_data)
            self._interpreter.restore_checkpoint(content)
        except ValueError as error:
            raise DataError(f"{name}: {error}") from error
        self._steps = checkpoint.steps
        if record is not None:
            self._seed, self._run, self._step_of_run = record.seed, record.run, record.step
            self._generator.bit_generator.state = record.order

    def check_data(self, x: np.ndarray, y: np.ndarray | None = None, suffix: str = "") -> None:
        """Raise DataError if x and y cannot be used; it calls them x<suffix> and y<suffix>."""
        self._signature.prepare(x, y, suffix)

    def fit(
        self,
        x_train: np.ndarray,
        y_train: np.ndarray | None = None,
        epochs: int = DEFAULT_EPOCHS,
        learning_rate: float = DEFAULT_LEARNING_RATE,
        validation_data: Samples | None = None,
        shuffle: bool = True,
        decay: str | None = "linear",
        callbacks: Sequence[Callback] = (),
        initial_step: int = 0,
        last_step: int | None = None,
        replay: Samples | None = None,
    ) -> History:
        """Train `epochs` times on every sample, one sample a step.

        decay: "linear" lowers the learning rate from `learning_rate` at the first step to
        `learning_rate / steps` at the last; None keeps it. callbacks: told of what happens, in
        their order (tflm_training.callbacks). The loss and accuracy of an epoch are those of the
        forward passes, each before its own update. Continues from the present weights.

        last_step: stop after that step of the run. initial_step: the steps up to it are done
        already, in this process or before a checkpoint; called with the same data and
        arguments, the run goes on as if it had never stopped.

        replay: samples seen before, (x, y). After each new sample one of them is trained on, so
        that an epoch has twice the steps and what was learned stays (tflm_training.replay).
        """
        inputs, labels, _ = self._signature.prepare(x_train, y_train, "_train")
        if validation_data is not None:
            self.check_data(*validation_data, suffix="_validation")
        samples = len(inputs)
        if replay is not None:
            old_inputs, old_labels, _ = self._signature.prepare(*replay, "_replay")
            inputs = np.concatenate([inputs, old_inputs])
            labels = np.concatenate([labels, old_labels])
        replayed = len(inputs) - samples
        per_epoch = 2 * samples if replayed else samples
        run = make_run(per_epoch, epochs, learning_rate, decay, shuffle, self._order_state())
        initial_step = whole_number("initial_step", initial_step, 0)
        stop = run.steps
        if last_step is not None:
            stop = min(stop, whole_number("last_step", last_step, 0))
        self._begin_run(run, initial_step)
        result = History()
        told = CallbackList(callbacks)
        self.stop_training = False
        told.set_trainer(self)
        told.on_train_begin()
        for epoch in range(run.epochs):
            start = epoch * per_epoch
            if start >= stop or self.stop_training:
                break
            order = epoch_order(self._generator, samples, replayed, run.shuffle)
            first, end = max(self.step - start, 0), min(stop - start, per_epoch)
            if first >= end:
                continue  # done before
            told.on_epoch_begin(epoch)
            running = Running(self.is_regression)
            for sample in order[first:end]:
                rate = np.array([run.learning_rate_at(self.step)], np.float32)
                output, loss = self._step(inputs[sample], labels[sample], rate)
                running.add(loss, self._is_correct(output, labels[sample]))
                self._step_of_run += 1
                self._steps += 1
                if told:
                    told.on_train_batch_end(self.step, running.values())
            values = running.values()
            if validation_data is not None:
                for key, value in self.evaluate(*validation_data).items():
                    values[f"val_{key}"] = value
            result.append(epoch, values)
            told.on_epoch_end(epoch, values)
        result.steps = self.step - initial_step
        told.on_train_end()
        return result

    def _step(
        self, sample: np.ndarray, label: np.ndarray, learning_rate: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """One Invoke(): the quantised output and the loss."""
        interpreter = self._interpreter
        # All of them each time: TFLite Micro reuses the memory of its inputs.
        for i, values in enumerate((sample, label, learning_rate)):
            interpreter.set_input(i, values)
        interpreter.invoke()
        return interpreter.get_output(0), float(interpreter.get_output(1)[0])

    def _begin_run(self, run: Run, initial_step: int) -> None:
        """Take up `run` after `initial_step`. Raises DataError if it is another one."""
        if initial_step != 0:
            run = run.continued(self._run, self.step, initial_step)
            self._generator.bit_generator.state = run.order
        self._run, self._step_of_run = run, initial_step

    def _order_state(self) -> Mapping[str, Any]:
        return self._generator.bit_generator.state

    def _is_correct(self, output: np.ndarray, label: np.ndarray) -> bool:
        return not self.is_regression and self._signature.predicted_class(output) == label[0]

    def _seed_graph(self) -> None:
        """Seed the graph's generator.

        The graph copies its variables out of the flatbuffer in the first Invoke() after a
        reset, so one inference comes first. The state is the first 32-bit word of
        numpy.random.SeedSequence(seed), or 1 if that is 0, at which xorshift would stay.
        """
        signature = self._signature
        self._step(
            np.zeros(signature.input.shape, signature.input.dtype),
            self._no_label,
            NO_LEARNING_RATE,
        )
        word = int(np.random.SeedSequence(self._seed).generate_state(1)[0]) or 1
        state = np.array([word], np.uint32).view(np.int32)
        self._interpreter.set_tensor(signature.random_state, state)


def _named_content(name: str, source: str | Path | bytes) -> tuple[str | Path, bytes]:
    """What errors call it, and the bytes."""
    return (name, source) if isinstance(source, bytes) else (source, read_file(source))
