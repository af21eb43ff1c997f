"""What a training runs on, in one line, and why not on a GPU that is there."""

import shutil
from pathlib import Path

import tensorflow as tf


def describe_devices() -> str:
    """The devices that TensorFlow uses, and why it uses none of the NVIDIA GPUs that the machine has."""
    if gpus := tf.config.list_physical_devices("GPU"):
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
        listed = ", ".join(
            f"{names.count(name)} x {name}" if names.count(name) > 1 else name for name in sorted({*names})
        )
        return f"Running on {listed}."
    if not _has_nvidia_gpu():
        return "Running on the CPU."
    if not tf.test.is_built_with_cuda():
        reason = "this TensorFlow was built without CUDA"
    else:
        reason = "TensorFlow does not find the CUDA libraries or CUDA_VISIBLE_DEVICES hides the GPU"
    return (
        f'Running on the CPU, although there is an NVIDIA GPU: {reason}; pip install "tensorflow[and-cuda]" has them.'
    )


def _has_nvidia_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None
