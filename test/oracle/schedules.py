#!/usr/bin/env python3
"""Writes schedules.inc: rates under PyTorch's schedules, that of a group with rate 0.1 and of one with 0.4.

  python3 schedules.py > schedules.inc      needs PyTorch

Each row has the schedule, the group, and its rates before the first step and after each of 50. "momentum" rows have the momentum instead.
"""

import warnings

import torch

STEPS = 50


def optimizer(rule=torch.optim.SGD, **options):
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.1, 0.4)]
    return rule(groups, **options)


def metric(step):
    """Falls in ever smaller steps, and for a while not at all."""
    return 1.0 if step in range(20, 35) else 3.0 / (1 + min(step, 40) // 3)


def rows(name, o, schedule, by_metric=False, momentum=None):
    rates = [[] for _ in o.param_groups]
    momenta = [[] for _ in o.param_groups]
    for step in range(STEPS + 1):
        if step:
            o.step()
            schedule.step(*([metric(step)] if by_metric else []))
        for k, group in enumerate(o.param_groups):
            rates[k].append(group["lr"])
            if momentum:
                momenta[k].append(momentum(group))
    for k in range(len(rates)):
        print(f'{{"{name}", {k}, {{{", ".join(f"{v:.15g}" for v in rates[k])}}}}},')
    if momentum:
        print(f'{{"{name} momentum", 0, {{{", ".join(f"{v:.15g}" for v in momenta[0])}}}}},')


def main():
    warnings.simplefilter("ignore")
    s = torch.optim.lr_scheduler
    print("// Rates before the first step and after each of 50. Printed by schedules.py.")
    for name, make in {
        "LambdaLR": lambda o: s.LambdaLR(o, lambda step: 0.9**step + 0.1),
        "StepLR": lambda o: s.StepLR(o, 7),
        "MultiStepLR": lambda o: s.MultiStepLR(o, [30, 4, 12], 0.5),
        "ExponentialLR": lambda o: s.ExponentialLR(o, 0.93),
        "ConstantLR": lambda o: s.ConstantLR(o),
        "LinearLR": lambda o: s.LinearLR(o, total_iters=9),
        "PolynomialLR": lambda o: s.PolynomialLR(o, 20, 2.0),
        "CosineAnnealingLR": lambda o: s.CosineAnnealingLR(o, 20, 0.01),
        "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 11, eta_min=0.02),
        "CosineAnnealingWarmRestarts doubled": lambda o: s.CosineAnnealingWarmRestarts(o, 5, 2),
        "warm-up, then cosine": lambda o: s.SequentialLR(
            o, [s.LinearLR(o, 0.25, 1.0, 10), s.CosineAnnealingLR(o, 40)], [10]),
    }.items():
        o = optimizer()
        rows(name, o, make(o))

    o = optimizer(momentum=0.9)
    rows("OneCycleLR", o, s.OneCycleLR(o, [1.0, 2.0], total_steps=50), momentum=lambda g: g["momentum"])
    o = optimizer(torch.optim.Adam)
    schedule = s.OneCycleLR(o, [0.5, 0.5], epochs=5, steps_per_epoch=11, pct_start=0.4, anneal_strategy="linear", div_factor=10,
                            final_div_factor=100, three_phase=True, base_momentum=0.8, max_momentum=0.9)
    rows("OneCycleLR three_phase", o, schedule, momentum=lambda g: g["betas"][0])
    for name, options in {
        "ReduceLROnPlateau": dict(patience=3),
        "ReduceLROnPlateau abs": dict(factor=0.5, patience=1, threshold=0.3, threshold_mode="abs", cooldown=4, min_lr=0.03),
        "ReduceLROnPlateau max": dict(mode="max", factor=0.7, patience=2),
    }.items():
        o = optimizer()
        rows(name, o, s.ReduceLROnPlateau(o, **options), by_metric=True)


if __name__ == "__main__":
    main()
