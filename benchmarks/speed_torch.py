"""PyTorch's and ONNX Runtime's part of benchmarks/speed.py, for a Python that has both and nothing of this project.

    PYTHON benchmarks/speed_torch.py CONFIG.json

CONFIG has the options of the network and of its loss, its image's shape, whether it is pretrained, and the noise. The
weights are random, and PyTorch's network is `plain_torch.py`, eager, float32.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks.plain_torch import Piade, ReconstructionLoss, TrainingLoop
from benchmarks.plain_torch_pretrained import ENCODED, DecoderPart, PretrainedPiade
from benchmarks.speed_networks import LEARNING_RATE, POOL, SEED, WARM_UP_STEPS, median_seconds, serve


class Torch:
    """Answers for one network."""

    def __init__(self, about: dict[str, Any]):
        self.config, self.loss = SimpleNamespace(**about["network"]), SimpleNamespace(**about["loss"])
        self.shape, self.pretrained, self.noise = about["shape"], about["pretrained"], about["noise"]
        self.calls: dict[str, Any] = {}
        torch.manual_seed(SEED)

    def versions(self) -> dict[str, str]:
        import onnxruntime

        return {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}

    def prepare_training(self, batch: int) -> dict[str, Any]:
        """Parameters that are trained, and the number of threads that was faster."""
        height, width, channels = self.shape
        images = np.random.default_rng(SEED).integers(0, 256, (POOL, *self.shape), "uint8")
        self.pool, self.batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), batch
        self.features = torch.randn(POOL, ENCODED, height // 16, width // 16) if self.pretrained else None
        trained = DecoderPart(self.config, height, width) if self.pretrained else self._network()
        self.training = TrainingLoop(trained, ReconstructionLoss(self.loss, channels), LEARNING_RATE, self.noise)
        choices = sorted({1, os.cpu_count() or 1})
        self.train(1)  # the first step of all is slower
        spent = {}
        for threads in choices:
            torch.set_num_threads(threads)
            spent[threads] = self.train(3, warm_up=1)
        threads = min(choices, key=lambda number: spent[number])
        torch.set_num_threads(threads)
        return {"parameters": sum(weight.numel() for weight in trained.parameters()), "threads": threads}

    def train(self, steps: int, warm_up: int = WARM_UP_STEPS) -> float:
        """Seconds of a step."""
        for step in range(warm_up + steps):
            if step == warm_up:
                start = time.perf_counter()
            rows = torch.randint(POOL, (self.batch,))
            features = None if self.features is None else self.features[rows]
            self.training.step(self.pool[rows].float() / 255, features)
        return (time.perf_counter() - start) / steps

    def prepare_inference(self, batch: int) -> dict[str, Any]:
        """Loads both, on one thread; answers with the parameters."""
        import onnxruntime

        torch.set_num_threads(1)
        network = self._network().eval()
        images = torch.rand(batch, self.shape[2], *self.shape[:2])
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            torch.onnx.export(network, (images,), file.name, input_names=["image"], dynamo=True, external_data=False)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            session = onnxruntime.InferenceSession(file.name, options, providers=["CPUExecutionProvider"])

        def eager() -> torch.Tensor:
            with torch.inference_mode():
                return network(images)

        fed = {"image": images.numpy()}
        difference = np.abs(session.run(None, fed)[0] - eager().numpy()).max()
        assert difference < 1e-3, f"ONNX Runtime differs from PyTorch by {difference}"
        self.calls = {"pytorch": eager, "onnxruntime": lambda: session.run(None, fed)}
        return {"parameters": sum(weight.numel() for weight in network.parameters())}

    def time(self, candidate: str) -> float:
        """Seconds of a call."""
        return median_seconds(self.calls[candidate])

    def _network(self) -> torch.nn.Module:
        if self.pretrained:
            return PretrainedPiade(self.config, *self.shape[:2])
        return Piade(self.config, *self.shape)


if __name__ == "__main__":
    of_network = Torch(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    names = ("versions", "prepare_training", "train", "prepare_inference", "time")
    serve({name: getattr(of_network, name) for name in names})
