"""Learns a cart-pole on two processes: each solves its half of the demonstrated problems, and PyTorch adds the gradients.

Every process has the whole parameters and a share of the batch. `torch.distributed` sums losses and gradients over the processes
(backend gloo), so all take the same steps. The script starts its processes itself and compares the first gradient with that of a
single process.

    python distributed.py --processes 2
"""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path

import numpy as np

import dilqr

HORIZON, SEED = 40, 7
EXPERT = {"gravity": 9.81, "mass_cart": 1.3, "mass_pole": 0.35, "length": 0.6}


def demonstrations(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Initial states, and the controls of the expert's controller from there."""
    x0 = np.random.default_rng(SEED).uniform(-0.5, 0.5, (count, 4))
    model = dilqr.models.cartpole
    shown = dilqr.Solver(model, HORIZON).batch(x0, model.params.to_array(EXPERT))
    assert shown.converged.all(), shown
    return x0, shown.controls


def loss_and_gradient(layer, learned, x0, shown, count: int):
    """The part of the loss that these problems have, and its gradient in the logarithms of the parameters."""
    import torch

    learned.grad = None
    controls = layer(torch.tensor(x0), learned.exp()).controls
    loss = ((controls - torch.tensor(shown)) ** 2).sum() / (count * HORIZON)
    loss.backward()
    return torch.stack([loss.detach()]), learned.grad


def first_guess():
    import torch

    model = dilqr.models.cartpole
    learned = torch.tensor(np.log(model.params.to_array(model.params.defaults)))
    learned[0] = float(np.log(EXPERT["gravity"]))
    return learned.requires_grad_()


def work(rank: int, processes: int, port: int, steps: int, count: int) -> None:
    """What each process does."""
    import torch
    import torch.distributed as dist

    import dilqr.torch

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=processes)
    torch.set_num_threads(1)
    layer = dilqr.torch.Layer(dilqr.models.cartpole, HORIZON, threads=1)
    x0, shown = demonstrations(count)
    share = slice(rank * count // processes, (rank + 1) * count // processes)
    learned = first_guess()
    optimizer = torch.optim.Adam([learned], lr=0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.01 ** (1.0 / steps))
    losses = []
    for step in range(steps):
        loss, gradient = loss_and_gradient(layer, learned, x0[share], shown[share], count)
        dist.all_reduce(loss)
        dist.all_reduce(gradient)
        if step == 0 and rank == 0:
            alone = first_guess()
            _, whole = loss_and_gradient(layer, alone, x0, shown, count)
            # Two sums in another order.
            assert torch.allclose(gradient, whole, rtol=1e-12, atol=1e-12), (gradient, whole)
        # Gravity is known.
        gradient[0] = 0.0
        losses.append(loss.item())
        optimizer.step()
        schedule.step()
    if rank == 0:
        for name, value in zip(dilqr.models.cartpole.params, learned.exp().tolist()):
            print(f"{name:10} learned {value:.4f}, expert's {EXPERT[name]:.4f}")
        print(f"loss {losses[0]:.3e} -> {losses[-1]:.3e}, {processes} processes")
        assert losses[-1] < 5e-2 * losses[0], losses
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps and demonstrations")
    parser.add_argument("--processes", type=int, default=2, help="how many")
    parser.add_argument("--out", type=Path, help="without effect: it draws no picture")
    given = parser.parse_args()
    try:
        import torch.distributed
        import torch.multiprocessing
    except ImportError:
        print("skipped: PyTorch is not installed")
        return
    if not torch.distributed.is_gloo_available():
        print("skipped: this PyTorch has no gloo")
        return
    steps, count = (150, 6) if given.quick else (300, 32)
    if not 1 <= given.processes <= count:
        parser.error(f"--processes must be from 1 to {count}, one problem each; it is {given.processes}")
    # A port that is free now.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(work, (given.processes, port, steps, count), given.processes)


if __name__ == "__main__":
    main()
