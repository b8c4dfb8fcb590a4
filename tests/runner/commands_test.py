"""`eval`, `merge` and `inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.command_line import error_of
from tests.runner.tiny_models import plain_model, training_model
from tflm_training import Trainer
from tflm_training.cli import main


@pytest.fixture
def checkpoint(model_file: Path, samples: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    """The classifier after 50 steps of 240."""
    trainer = Trainer(model_file)
    trainer.fit(*samples, epochs=2, learning_rate=0.05, last_step=50)
    path = tmp_path / "trained.ckpt"
    trainer.save(path)
    return path


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_eval(
    model_file: Path,
    data_file: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "report.json"
    shipped = _run(capsys, "eval", model_file, "--data", data_file)
    trained = _run(
        capsys,
        *("eval", model_file, "--data", data_file, "--checkpoint", checkpoint, "--json", report),
    )
    content = json.loads(report.read_text())
    assert set(content) == {*("loss", "accuracy", "samples", "training_steps", "confusion_matrix")}
    matrix = np.array(content["confusion_matrix"])
    assert matrix.sum() == 30 and np.trace(matrix) / 30 == content["accuracy"]
    assert (content["samples"], content["training_steps"]) == (30, 50)
    assert trained.startswith(f"accuracy {100 * content['accuracy']:.2f} %, loss ")
    assert "30 samples, 50 training steps" in trained and "30 samples, 0 training" in shipped
    assert content["accuracy"] > float(shipped.split()[1]) / 100
    limited = _run(capsys, "eval", model_file, "--data", data_file, "--limit", 7)
    assert "7 samples" in limited


def test_eval_needs_the_test_split_only(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "test.npz"
    np.savez(path, x_test=np.ones((3, 8)), y_test=np.zeros(3, np.int32))
    assert "3 samples" in _run(capsys, "eval", model_file, "--data", path)
    np.savez(path, x_test=np.ones((3, 8)))
    assert error_of(capsys, "eval", model_file, "--data", path) == f"{path}: no array y_test"


def test_eval_of_an_autoencoder(
    autoencoder: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = tmp_path / "m.tflite", tmp_path / "d.npz"
    model.write_bytes(autoencoder)
    np.savez(data, x_test=np.ones((5, 4)))
    assert _run(capsys, "eval", model, "--data", data).startswith("error (mse) ")


def test_merge(
    model_file: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "updated.tflite"
    printed = _run(capsys, "merge", model_file, checkpoint, "--output", path)
    assert printed == f"{path}: {path.stat().st_size} bytes, 50 training steps\n"
    trainer = Trainer(model_file)
    trainer.restore(checkpoint)
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    x = np.random.default_rng(3).integers(-128, 128, (20, 8)).astype(np.int8)
    for sample, expected in zip(x, trainer.predict_quantized(x), strict=True):
        interpreter.set_tensor(source["index"], sample[None])
        interpreter.invoke()
        # LiteRT rounds FULLY_CONNECTED once, TFLM twice.
        difference = interpreter.get_tensor(result["index"])[0].astype(int) - expected
        assert np.abs(difference).max() <= 1
    assert "exists already" in error_of(capsys, "merge", model_file, checkpoint, "--output", path)
    _run(capsys, "merge", model_file, checkpoint, "--output", path, "--overwrite", "--quiet")


def test_merge_refuses(
    model_file: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "out.tflite", tmp_path / "other.tflite"
    other.write_bytes(training_model("softmax_cross_entropy", np.full((3, 8), 2)))
    error = error_of(capsys, "merge", other, checkpoint, "--output", out)
    text = "the checkpoint belongs to another model or another conversion of it"
    assert error == f"{checkpoint}: {text}"
    other.write_bytes(plain_model(np.ones((3, 8)), (1, 8)))
    error = error_of(capsys, "merge", other, checkpoint, "--output", out)
    assert error == f"{other}: is not a training flatbuffer: run python -m converter first"
    assert not out.exists()
    for replaced in (model_file, checkpoint):
        before = replaced.read_bytes()
        error = error_of(
            capsys, "merge", model_file, checkpoint, "--output", replaced, "--overwrite"
        )
        assert error == f"{replaced}: would be replaced by what is made of it"
        assert replaced.read_bytes() == before


def test_inspect_a_checkpoint(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(_run(capsys, "inspect", checkpoint).split())
    assert text.startswith(f"{checkpoint}: a checkpoint, {checkpoint.stat().st_size:,} bytes")
    assert checkpoint.read_bytes()[8:24].hex() in text
    assert "training steps 50" in text and "variables 40 bytes" in text
    assert "2 epochs of 120 samples, step 50 of 240: can be resumed" in text
    assert "0.05, falling linearly" in text


def test_inspect_models(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(_run(capsys, "inspect", model_file).split())
    assert ": a training flatbuffer, " in text and "softmax cross entropy, 3 classes" in text
    assert "trained: 36 bytes in 2 tensors" in text
    assert "filter int8 [3, 8] 24" in text and "bias int32 [3] 12" in text
    assert "BIAS_UPDATE custom 1" in text and "FULLY_CONNECTED TFLite 1" in text
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(plain_model(np.ones((3, 8)), (1, 8)))
    text = " ".join(_run(capsys, "inspect", plain).split())
    assert "an inference model: nothing to train" in text and "1 operators" in text


def test_inspect_refuses(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(checkpoint.read_bytes()[:-1])
    assert error_of(capsys, "inspect", path) == f"{path}: a damaged checkpoint"
    path.write_bytes(b"nothing of the kind")
    assert error_of(capsys, "inspect", path) == f"{path}: not a TFLite model (or a damaged one)"
