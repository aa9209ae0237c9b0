"""What a training step of the constrained ResNets takes, beside that of a plain ResNet-50.

    python benchmarks/training_speed.py [--device cuda] [--batch 256] [--names resnet50 ...]
    python benchmarks/training_speed.py --compile resnet50 resnet50_composite_a

Pictures of 64 px lie in memory, on the device. On a GPU in mixed precision (float16, as `insilico
train` chooses) and with channels last. Prints images per second, and the seconds of a step relative
to those of the plain network; --compile does the same through torch.compile, --profile NAME prints
the kernels that a step spends most time in.
"""

import argparse
import time

import torch
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile

from insilico.models.constrained.resnet import NAMED, named_network

SIZE = 64
CLASSES = 200
WARM_UP = 4
PLAIN = "resnet50"


def make_step(name, device, batch, *, compiled=False):
    """Make a function that trains for one step."""
    network = named_network(
        name, num_classes=CLASSES, input_size=SIZE, generator=torch.Generator().manual_seed(0)
    ).to(device)
    on_gpu = torch.device(device).type == "cuda"
    images = torch.rand(batch, 3, SIZE, SIZE, device=device)
    if on_gpu:
        network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (batch,), device=device)
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)
    scaler = torch.amp.GradScaler(torch.device(device).type, enabled=on_gpu)
    run = torch.compile(network.train()) if compiled else network.train()

    def step():
        with torch.autocast(torch.device(device).type, torch.float16, enabled=on_gpu):
            loss = cross_entropy(run(images), labels)
        optimiser.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()

    return step


def wait(device):
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(step, device, seconds):
    """Seconds of a step, the mean over as many as fit into some seconds."""
    for _ in range(WARM_UP):
        step()
    wait(device)
    n, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        step()
        n += 1
        wait(device)
    return (time.perf_counter() - started) / n


def kernels(step, device):
    """Name the kernels that a step spends most time in."""
    step()
    wait(device)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
        step()
        wait(device)
    on_gpu = torch.device(device).type == "cuda"
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    return profiled.key_averages().table(
        sort_by=order, row_limit=25, max_name_column_width=60, max_shapes_column_width=10
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=1.5, help="measured for so long each")
    parser.add_argument("--names", nargs="*", default=list(NAMED))
    parser.add_argument("--compile", nargs="*", default=[], dest="compiled")
    parser.add_argument("--profile", nargs="*", default=[])
    arguments = parser.parse_args()
    device, batch = arguments.device, arguments.batch
    plan = [(name, False) for name in arguments.names]
    plan += [(name, True) for name in arguments.compiled]
    plain = {}
    for name, compiled in plan:
        started = time.perf_counter()
        step = make_step(name, device, batch, compiled=compiled)
        each = seconds_of(step, device, arguments.seconds)
        if name == PLAIN:
            plain[compiled] = each
        beside = f", {each / plain[compiled]:.2f} of the plain step" if compiled in plain else ""
        print(
            f"{name:34s} {'compiled' if compiled else 'eager':8s} {batch / each:8.0f} images/s, "
            f"{1000 * each:7.2f} ms a step{beside} "
            f"({time.perf_counter() - started:.0f} s in all)",
            flush=True,
        )
        if name in arguments.profile and not compiled:
            print(kernels(step, device), flush=True)


if __name__ == "__main__":
    main()
