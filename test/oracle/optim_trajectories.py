#!/usr/bin/env python3
"""Writes optim_trajectories.inc: four parameters under each optimizer of PyTorch, and under Lion by its formula.

  python3 optim_trajectories.py > optim_trajectories.inc      needs PyTorch

The gradient of parameter k at step s is 2 a[k] (p[k] - t[k]) + sin(s), in float64. The rate is halved before step 26.
"groups" has parameters 0 and 1 in a group of their own, at a tenth of the rate.
"""

import math

import torch

A = torch.tensor([0.5, 1.0, 2.0, 0.01], dtype=torch.float64)
T = torch.tensor([1.0, -1.0, 0.5, 20.0], dtype=torch.float64)
START = [0.0, 0.3, -2.0, 1.0]
REPORTED = [1, 2, 10, 25, 26, 50]


class Lion(torch.optim.Optimizer):
    """Chen et al., Symbolic discovery of optimization algorithms, 2023, algorithm 2."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                c = beta1 * m + (1 - beta1) * p.grad
                p -= group["lr"] * (torch.sign(c) + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


def rows(name, rule, grouped=False, **options):
    p = [torch.tensor(START[:2], dtype=torch.float64, requires_grad=True), torch.tensor(START[2:], dtype=torch.float64, requires_grad=True)]
    groups = [{"params": p[:1], "lr": options["lr"] / 10}, {"params": p[1:]}] if grouped else p
    optimizer = rule(groups, **options)
    for step in range(1, 51):
        if step == 26:
            for group in optimizer.param_groups:
                group["lr"] /= 2
        optimizer.zero_grad()
        x = torch.cat(p)
        (A * (x - T) ** 2 + x * math.sin(step)).sum().backward()
        optimizer.step()
        if step in REPORTED:
            values = ", ".join(repr(v) for v in torch.cat(p).tolist())
            print(f'{{"{name}", {step}, {{{values}}}}},')


def main():
    o = torch.optim
    print("// Parameters after some steps, in float64. Printed by optim_trajectories.py.")
    rows("sgd", o.SGD, lr=0.1)
    rows("momentum", o.SGD, lr=0.05, momentum=0.9)
    rows("nesterov", o.SGD, lr=0.05, momentum=0.8, weight_decay=0.02, nesterov=True)
    rows("dampening", o.SGD, lr=0.05, momentum=0.7, dampening=0.4)
    rows("maximize", o.SGD, lr=0.001, momentum=0.5, maximize=True)
    rows("adamw", o.AdamW, lr=0.05)
    rows("adamw_decay", o.AdamW, lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.3)
    rows("adamw_amsgrad", o.AdamW, lr=0.05, betas=(0.8, 0.9), amsgrad=True)
    rows("adam", o.Adam, lr=0.05, weight_decay=0.1)
    rows("adam_amsgrad", o.Adam, lr=0.05, betas=(0.8, 0.9), amsgrad=True, maximize=True)
    rows("adagrad", o.Adagrad, lr=0.2)
    rows("adagrad_decay", o.Adagrad, lr=0.3, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-8)
    rows("rmsprop", o.RMSprop, lr=0.02, alpha=0.9)
    rows("rmsprop_momentum", o.RMSprop, lr=0.01, alpha=0.95, eps=1e-6, weight_decay=0.05, momentum=0.7)
    rows("rmsprop_centered", o.RMSprop, lr=0.02, alpha=0.9, centered=True)
    rows("rmsprop_both", o.RMSprop, lr=0.01, alpha=0.95, momentum=0.5, centered=True)
    rows("lion", Lion, lr=0.02)
    rows("lion_decay", Lion, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1)
    rows("groups", o.Adam, grouped=True, lr=0.05)


if __name__ == "__main__":
    main()
