"""One process of a training shared by several (torchrun … -m tests.tts_engine.training.shared_run OUT …).

Learns a line from batches that differ between the processes, and writes down what each of them ended with.
"""

import json
import sys

import numpy as np
import torch
from torch import nn

from tts_engine.hifigan import HifiGanConfig
from tts_engine.training import train_vocoder
from tts_engine.training.loop import Run, Watch, add_held_out, options, start
from tts_engine.training.processes import Objective

RATE = 0.1


class Line(nn.Linear):
    """A network that can be saved like the real ones."""

    def __init__(self):
        super().__init__(3, 1)
        nn.init.constant_(self.weight, 0.5)
        nn.init.constant_(self.bias, 0.0)

    def save_pretrained(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.state_dict(), folder / "line.pt")


def batch(step, rank):
    """What one process learns from in one step."""
    rng = np.random.default_rng([step, rank])
    return torch.from_numpy(rng.normal(size=(4, 3)).astype(np.float32))


def loss(network, inputs):
    return {"loss": (network(inputs) - inputs.sum(1, keepdim=True)).square().mean()}


def learn_a_line(arguments, heldout):
    """Steps of plain gradient descent; the held-out losses are given, one a step."""
    processes = start(arguments)
    network = Line()
    if processes.rank:
        nn.init.constant_(network.weight, 9.0)  # the leader's weights are everybody's
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    told = iter(heldout)
    files = {"last.pt": {"model": network, "optimizer": optimizer}}
    run = Run(arguments, processes, network, files, Watch(loss=lambda: next(told)))
    objective = processes.spread(Objective(network, loss))
    for _ in run.rates():
        parts = objective(batch(run.step, processes.rank))
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
        run.report({"loss": parts["loss"].item()})
    end = {"step": run.step, "weight": network.weight.flatten().tolist(), "seed": run.seed}
    (arguments.out / f"end-{processes.rank}.json").write_text(json.dumps(end))
    return run.finish()


def learn_to_speak(arguments):
    """The real script with its discriminators, and every process's weights at its end."""
    finish = Run.finish

    def written(run):
        ends = {name: parts["model"].state_dict() for name, parts in run._files.items()}
        torch.save(ends, arguments.out / f"end-{run._processes.rank}.pt")
        return finish(run)

    Run.finish = written
    train_vocoder.HifiGanConfig = lambda: HifiGanConfig(channels=(16, 12, 8))
    return train_vocoder.train(arguments)


def main():
    what, *rest = sys.argv[1:]
    if what == "line":
        parser = options("", "test")
        add_held_out(parser)
        parser.add_argument("--told", type=float, nargs="+", default=[])
        arguments = parser.parse_args(rest)
        learn_a_line(arguments, arguments.told)
    else:
        learn_to_speak(train_vocoder.parser().parse_args(rest))


if __name__ == "__main__":
    main()
