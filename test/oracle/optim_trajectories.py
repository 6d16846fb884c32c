"""Prints the rows of test/oracle/optim_trajectories.inc: parameters under each optimizer.

The formulas are those of the PyTorch 2 documentation (torch.optim.SGD, AdamW, Adam, RMSprop), here in
scalar float64. The gradient of parameter k at step s is 2 a[k] (p[k] - t[k]) + sin(s).
"""

import math

A = [0.5, 1.0, 2.0, 0.01]
T = [1.0, -1.0, 0.5, 20.0]
START = [0.0, 0.3, -2.0, 1.0]
REPORTED = [1, 2, 10, 50]


def gradient(p, k, step):
    return 2 * A[k] * (p - T[k]) + math.sin(step)


def sgd(p, k, step, state, lr, momentum, weight_decay, nesterov):
    g = gradient(p, k, step) + weight_decay * p
    if momentum:
        b = momentum * state["b"] + g if "b" in state else g
        state["b"] = b
        g = g + momentum * b if nesterov else b
    return p - lr * g


def adamw(p, k, step, state, lr, beta1, beta2, eps, weight_decay):
    g = gradient(p, k, step)
    p = p - lr * weight_decay * p
    m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    return p - lr * m_hat / (math.sqrt(v_hat) + eps)


def adam(p, k, step, state, lr, beta1, beta2, eps, weight_decay):
    g = gradient(p, k, step) + weight_decay * p
    m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    return p - lr * (m / (1 - beta1**step)) / (math.sqrt(v / (1 - beta2**step)) + eps)


def rmsprop(p, k, step, state, lr, alpha, eps, weight_decay, momentum):
    g = gradient(p, k, step) + weight_decay * p
    v = state["v"] = alpha * state.get("v", 0.0) + (1 - alpha) * g * g
    move = g / (math.sqrt(v) + eps)
    if momentum:
        move = state["b"] = momentum * state.get("b", 0.0) + move
    return p - lr * move


def trajectory(rule, options):
    p = list(START)
    states = [{} for _ in p]
    for step in range(1, 51):
        if step == 26:  # the rate changes between steps
            options = dict(options, lr=options["lr"] / 2)
        for k in range(len(p)):
            p[k] = rule(p[k], k, step, states[k], **options)
        if step in REPORTED:
            yield step, p


def rows(name, rule, options):
    for step, p in trajectory(rule, options):
        print(f'{{"{name}", {step}, {{{", ".join(repr(v) for v in p)}}}}},')


print("// Parameters after some steps, in float64. Printed by optim_trajectories.py.")
rows("sgd", sgd, dict(lr=0.1, momentum=0.0, weight_decay=0.0, nesterov=False))
rows("momentum", sgd, dict(lr=0.05, momentum=0.9, weight_decay=0.0, nesterov=False))
rows("nesterov", sgd, dict(lr=0.05, momentum=0.8, weight_decay=0.02, nesterov=True))
rows("adamw", adamw, dict(lr=0.05, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01))
rows("adamw_decay", adamw, dict(lr=0.02, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.3))
rows("adam", adam, dict(lr=0.05, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.1))
rows("rmsprop", rmsprop, dict(lr=0.02, alpha=0.9, eps=1e-8, weight_decay=0.0, momentum=0.0))
rows("rmsprop_momentum", rmsprop, dict(lr=0.01, alpha=0.95, eps=1e-6, weight_decay=0.05, momentum=0.7))
