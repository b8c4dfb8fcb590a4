"""Trainer.save and Trainer.restore: the run goes on bit for bit, and nothing else gets in."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from converter import convert
from tests.runner.tiny_models import training_model
from tests.zoo.recurrent import lstm_classifier, svdf_classifier
from tflm_training import DataError, History, Trainer
from tflm_training._library import runtime

Samples = tuple[np.ndarray, np.ndarray]
EPOCHS = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.ckpt"


def _fit(trainer: Trainer, samples: Samples, **more: object) -> History:
    return trainer.fit(*samples, epochs=EPOCHS, learning_rate=0.05, **more)  # type: ignore[arg-type]


def _weights(trainer: Trainer) -> bytes:
    return b"".join(values.tobytes() for values in trainer.variables().values())


@pytest.mark.parametrize("step", [1, 119, 120, 121, 300, 360])
def test_a_restored_run_ends_like_one_that_never_stopped(
    classifier: bytes, samples: Samples, path: Path, step: int
) -> None:
    whole = Trainer(classifier, seed=3)
    history = _fit(whole, samples)
    first = Trainer(classifier, seed=3)
    _fit(first, samples, last_step=step)
    assert (first.step, first.steps) == (step, step)
    first.save(path)

    second = Trainer(classifier, seed=99)
    second.restore(path)
    assert _weights(second) == _weights(first)
    assert second.seed == 3
    rest = _fit(second, samples, initial_step=second.step)
    assert rest.steps == 360 - step and second.steps == 360
    assert _weights(second) == _weights(whole)
    assert rest.epoch == list(range(step // 120, EPOCHS))
    if step <= 240:
        assert rest.history["loss"][-1] == history.history["loss"][-1]
    # The next run is the same one too: both generators have come equally far.
    assert _fit(second, samples) == _fit(whole, samples)
    assert _weights(second) == _weights(whole)


def test_it_goes_on_within_a_process_too(classifier: bytes, samples: Samples) -> None:
    whole, parts = Trainer(classifier), Trainer(classifier)
    _fit(whole, samples)
    for last_step in (50, 51, 200, None):
        _fit(parts, samples, initial_step=parts.step, last_step=last_step)
    assert _weights(parts) == _weights(whole)


def test_without_shuffling(classifier: bytes, samples: Samples, path: Path) -> None:
    whole, parts = Trainer(classifier), Trainer(classifier)
    _fit(whole, samples, shuffle=False)
    _fit(parts, samples, shuffle=False, last_step=77)
    parts.save(path)
    parts.reset()
    assert (parts.step, parts.steps, parts.run) == (0, 0, None)
    parts.restore(path)
    _fit(parts, samples, shuffle=False, initial_step=77)
    assert _weights(parts) == _weights(whole)


def test_saving_and_restoring_twice_changes_no_byte(
    classifier: bytes, samples: Samples, path: Path
) -> None:
    trainer = Trainer(classifier)
    _fit(trainer, samples, last_step=30)
    trainer.save(path)
    first = path.read_bytes()
    trainer.restore(path)
    trainer.save(path, overwrite=True)
    assert path.read_bytes() == first


def test_an_autoencoder(autoencoder: bytes, path: Path) -> None:
    x = np.random.default_rng(1).normal(0.0, 3.0, (40, 4))
    whole, parts = Trainer(autoencoder), Trainer(autoencoder)
    whole.fit(x, epochs=2)
    parts.fit(x, epochs=2, last_step=33)
    parts.save(path)
    parts = Trainer(autoencoder)
    parts.restore(path)
    parts.fit(x, epochs=2, initial_step=33)
    assert _weights(parts) == _weights(whole)


def test_a_checkpoint_of_a_device(classifier: bytes, samples: Samples, path: Path) -> None:
    trainer = Trainer(classifier)
    _fit(trainer, samples, last_step=30)
    trainer.save(path)
    checkpoint = runtime().read_checkpoint(path.read_bytes())
    body = bytearray(path.read_bytes()[: 36 + len(checkpoint.variables)])
    body[32:36] = (5).to_bytes(4, "little")
    body += b"mine!"
    path.write_bytes(body + zlib.crc32(body).to_bytes(4, "little"))
    other = Trainer(classifier, seed=7)
    other.restore(path)
    assert _weights(other) == _weights(trainer)
    assert (other.steps, other.step, other.run, other.seed) == (30, 0, None, 7)


def test_refused_checkpoints_change_nothing(
    classifier: bytes, samples: Samples, tmp_path: Path, path: Path
) -> None:
    trainer = Trainer(classifier)
    _fit(trainer, samples, last_step=30)
    trainer.save(path)
    good = path.read_bytes()
    _fit(trainer, samples, initial_step=30, last_step=60)
    before = _weights(trainer)

    def message(content: bytes) -> str:
        bad = tmp_path / "bad.ckpt"
        bad.write_bytes(content)
        with pytest.raises(DataError) as caught:
            trainer.restore(bad)
        assert (_weights(trainer), trainer.step, trainer.steps) == (before, 60, 60)
        text = str(caught.value)
        assert text.startswith(f"{bad}: ") and "\n" not in text
        return text.removeprefix(f"{bad}: ")

    assert message(b"") == message(b"\xff" * 500) == "not a checkpoint"
    assert message(good[:-1]) == message(good + b"\0") == "a damaged checkpoint"
    for bit in range(0, 8 * len(good), 7):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        message(bytes(bad))
    other = Trainer(training_model("softmax_cross_entropy", np.full((3, 8), 2)))
    other.save(tmp_path / "other.ckpt")
    text = "the checkpoint belongs to another model or another conversion of it"
    assert message((tmp_path / "other.ckpt").read_bytes()) == text
    with pytest.raises(DataError, match=r"missing.ckpt: No such file"):
        trainer.restore(tmp_path / "missing.ckpt")


def test_files_are_not_overwritten_by_accident(classifier: bytes, path: Path) -> None:
    trainer = Trainer(classifier)
    path.write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        trainer.save(path)
    assert path.read_text() == "mine"
    trainer.save(path, overwrite=True)
    trainer.restore(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(DataError, match="not a file in an existing directory"):
        trainer.save(path.parent / "no" / "such.ckpt")


def test_a_failed_write_keeps_the_old_checkpoint(
    classifier: bytes, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(classifier)
    trainer.save(path)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        trainer.save(path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_steps_that_continue_nothing(classifier: bytes, samples: Samples) -> None:
    trainer = Trainer(classifier)
    with pytest.raises(DataError, match="initial_step 5 over 120 samples: there is no run"):
        _fit(trainer, samples, initial_step=5)
    _fit(trainer, samples, last_step=5)
    before = _weights(trainer)
    with pytest.raises(DataError, match="initial_step 4 .* there is step 5 over 120 samples"):
        _fit(trainer, samples, initial_step=4)
    with pytest.raises(DataError, match="initial_step 5 over 60 samples"):
        _fit(trainer, (samples[0][:60], samples[1][:60]), initial_step=5)
    assert _weights(trainer) == before
    assert trainer.step == 5


def test_a_model_without_an_id_makes_no_checkpoint(path: Path, tmp_path: Path) -> None:
    model = training_model("softmax_cross_entropy", np.ones((3, 8)))
    trainer = Trainer(model.replace(b"tflm_training_id", b"tflm_training_xx"))
    with pytest.raises(DataError, match="run.ckpt: not a training flatbuffer: convert"):
        trainer.save(path)
    assert not path.exists()


def test_numbers_of_numpy_make_the_same_run(
    classifier: bytes, samples: Samples, path: Path
) -> None:
    plain = Trainer(classifier, seed=1)
    plain.fit(*samples, epochs=2, learning_rate=0.25, shuffle=True, last_step=130)
    other = Trainer(classifier, seed=np.int64(1))
    other.fit(
        *samples,
        epochs=np.int64(2),
        learning_rate=np.float32(0.25),
        shuffle=1,
        last_step=np.int16(130),
    )
    assert other.checkpoint() == plain.checkpoint()
    other.save(path)
    restored = Trainer(classifier)
    restored.restore(path)
    assert restored.run == plain.run
    restored.fit(*samples, epochs=2, learning_rate=0.25, initial_step=np.int64(130))
    assert restored.step == 240
    restored.checkpoint()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 1.5}, "epochs 1.5: must be a whole number"),
        ({"epochs": "2"}, "epochs '2': must be a whole number"),
        ({"learning_rate": "0.1"}, "learning_rate '0.1': must be a number"),
        ({"learning_rate": 10**400}, "learning_rate inf: must be finite"),
        ({"shuffle": "no"}, "shuffle 'no': must be True or False"),
        ({"initial_step": 0.5}, "initial_step 0.5: must be a whole number"),
        ({"last_step": -1}, "last_step -1: must be 0 or larger"),
        ({"decay": np.array(["linear"] * 2)}, "decay array"),
    ],
)
def test_what_is_no_argument_of_a_run(
    classifier: bytes, samples: Samples, arguments: dict[str, object], message: str
) -> None:
    trainer = Trainer(classifier)
    with pytest.raises(DataError, match=message):
        trainer.fit(*samples, **arguments)  # type: ignore[arg-type]
    assert trainer.steps == 0
    for seed in (0.5, -1):
        with pytest.raises(DataError, match=f"seed {seed}: must be"):
            Trainer(classifier, seed=seed)  # type: ignore[arg-type]


def test_checkpoints_do_not_touch_the_state_of_a_stream(path: Path) -> None:
    """A SVDF goes on from one Invoke() to the next; saving, restoring and a checkpoint that is
    refused are no steps of its stream."""
    flatbuffer = convert(svdf_classifier(6, units=5, memory=4, classes=2), update="all").flatbuffer
    generator = np.random.default_rng(4)
    x = generator.standard_normal((12, 6)).astype(np.float32)
    y = generator.integers(0, 2, 12)
    whole, parts = Trainer(flatbuffer), Trainer(flatbuffer)
    losses: dict[Trainer, list[float]] = {whole: [], parts: []}
    for i in range(len(x)):
        for trainer, seen in losses.items():
            one = trainer.fit(x[i : i + 1], y[i : i + 1], epochs=1, learning_rate=0.05, decay=None)
            seen += one.history["loss"]
        content = parts.checkpoint()
        assert parts.checkpoint() == content
        with pytest.raises(DataError, match="damaged"):
            parts.restore(content[:-1])
        if i % 3 == 2:
            parts.save(path, overwrite=True)
            parts.predict_quantized(x)
            parts.restore(path)
    assert losses[parts] == losses[whole]
    assert _variables(parts) == _variables(whole)


def test_the_first_checkpoint_of_an_interpreter_leaves_its_state() -> None:
    """What is restored before the first Invoke() is there after it is saved."""
    flatbuffer = convert(svdf_classifier(6, units=5, memory=4, classes=2), update="all").flatbuffer
    trainer = Trainer(flatbuffer)
    trainer.predict_quantized(np.random.default_rng(4).standard_normal((2, 6)).astype(np.float32))
    interpreter = runtime().Interpreter(flatbuffer)
    interpreter.restore_checkpoint(trainer.checkpoint())
    first = interpreter.save_checkpoint(0, b"")
    assert interpreter.save_checkpoint(0, b"") == first
    assert _contents(first) == _variables(trainer)


def test_a_lstm_leaves_nothing_of_a_sample_in_a_checkpoint() -> None:
    """As with CMSIS-NN, which a device runs, so that both write the same bytes."""
    flatbuffer = convert(lstm_classifier(3, 4, hidden=5, classes=2), update="all").flatbuffer
    trainer = Trainer(flatbuffer)
    x = np.random.default_rng(4).standard_normal((2, 3, 4)).astype(np.float32)
    outputs, contents = [], []
    for sample in (x[:1], x[1:], x[:1]):
        outputs.append(trainer.predict_quantized(sample).tolist())
        contents.append(_variables(trainer))
    assert outputs[0] == outputs[2] != outputs[1]
    assert contents[0] == contents[1] == contents[2]


def _variables(trainer: Trainer) -> bytes:
    return _contents(trainer.checkpoint())


def _contents(checkpoint: bytes) -> bytes:
    return bytes(runtime().read_checkpoint(checkpoint).variables)
