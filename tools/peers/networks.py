"""The networks among weft-bench's workloads, which are no single expression there, over the functions `o` of one library.

Their sizes are those of their parameters and inputs. Parameters have the names of tools/weft-bench/*_workloads.cpp.
"""


def heads(o, x, count):
    batch, positions, width = x.shape
    return o.permute(o.reshape(x, (batch, positions, count, width // count)), (0, 2, 1, 3))


def self_attention(o, p, prefix, x, count, causal):
    width = x.shape[-1]
    qkv = o.affine(x, p, prefix + "qkv")
    q, k, v = (heads(o, qkv[..., n * width:(n + 1) * width], count) for n in range(3))
    y = o.scaled_dot_product_attention(q, k, v, None, 0.0, causal)
    return o.affine(o.reshape(o.permute(y, (0, 2, 1, 3)), x.shape), p, prefix + "o")


def layers(p):
    return len({name.split("_")[0] for name in p if name.startswith("b") and "_" in name})


def attn_causal(o, p, x):
    return o.scaled_dot_product_attention(*x, None, 0.0, True)


def distances(o, x):
    """Rows less columns, [positions, positions]."""
    positions = o.positions_of(x)
    return positions[:, None] - positions[None]


def attn_alibi(o, p, x):
    behind = distances(o, x[0])
    bias = o.where(behind >= 0, -p["slopes"][:, None, None] * behind, -float("inf"))
    return o.scaled_dot_product_attention(*x, bias)


def attn_window(o, p, x):
    behind = distances(o, x[0])
    return o.scaled_dot_product_attention(*x, (behind >= 0) & (behind < x[0].shape[-2] // 4))


def weighted(forward):
    """A loss over trained q, k and v, by the weights x[0]; slopes are x[1]."""
    return lambda o, p, x: o.sum(forward(o, {"slopes": x[1]}, [p["q"], p["k"], p["v"]]) * x[0])


attn_causal_grad, attn_alibi_grad, attn_window_grad = map(weighted, (attn_causal, attn_alibi, attn_window))


def block_inf(o, p, x):
    return block(o, p, "", x[0], 12)


def block(o, p, prefix, x, count):
    x = o.norm(x + self_attention(o, p, prefix, x, count, False), p, prefix + "n1")
    return o.norm(x + o.affine(o.gelu(o.affine(x, p, prefix + "f1")), p, prefix + "f2"), p, prefix + "n2")


def gpt_train(o, p, x):
    h = o.embedding(x[0], p["tok"]) + p["pos"]
    for k in range(layers(p)):
        prefix = f"b{k}_"
        h = h + self_attention(o, p, prefix, o.norm(h, p, prefix + "n1"), 6, True)
        h = h + o.affine(o.gelu_tanh(o.affine(o.norm(h, p, prefix + "n2"), p, prefix + "f1")), p, prefix + "f2")
    logits = o.affine(o.norm(h, p, "nf"), p, "head")
    return o.cross_entropy(o.reshape(logits, (-1, logits.shape[-1])), x[1])


def encoder(o, p, x):
    tokens = x[0].shape[1]
    h = o.norm(o.embedding(x[0], p["tok"]) + p["pos"][:tokens], p, "n0")
    for k in range(layers(p)):
        h = block(o, p, f"b{k}_", h, 12)
    return o.mean(h, 1)


def conv_norm(o, p, name, x, stride, padding):
    y = o.conv2d(x, p[name + "_cw"], None, stride, padding)
    return o.batch_norm(y, p[name + "m"], p[name + "v"], p[name + "g"], p[name + "b"])


def convblock(o, p, x):
    return o.relu(conv_norm(o, p, "c", o.image(x[0]), 1, 1))


def resnet18(o, p, x):
    y = o.max_pool2d(o.relu(conv_norm(o, p, "stem", o.image(x[0]), 2, 3)), 3, 2, 1)
    for k in range(8):
        shortcut = f"r{k}d"
        stride = 2 if shortcut + "_cw" in p else 1
        z = o.relu(conv_norm(o, p, f"r{k}a", y, stride, 1))
        z = conv_norm(o, p, f"r{k}b", z, 1, 1)
        y = o.relu(z + (conv_norm(o, p, shortcut, y, stride, 0) if stride == 2 else y))
    return o.affine(o.mean(y, (2, 3)), p, "fc")


def rotate(o, x, cosines, sines):
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return o.concatenate((a * cosines - b * sines, b * cosines + a * sines), -1)


def decode(o, p, x):
    """Returns the logits, and the caches where the library cannot write them in place."""
    token, position, *caches = x
    count, context, head = caches[0].shape
    width = count * head
    h = o.embedding(token, p["tok"])
    cosines, sines = o.embedding(position, p["cos"]), o.embedding(position, p["sin"])
    seen, written = o.positions_up_to(position, context), []
    for k in range(layers(p)):
        prefix = f"b{k}_"
        z = o.rms_norm(h, (width,), p[prefix + "n1g"], 1e-5)
        q, key, value = (o.permute(o.reshape(o.product(z, p, prefix + n), (1, count, head)), (1, 0, 2)) for n in "qkv")
        keys = o.write_at(caches[2 * k], rotate(o, key, cosines, sines), position)
        values = o.write_at(caches[2 * k + 1], value, position)
        written += [keys, values]
        y = o.masked_attention(rotate(o, q, cosines, sines), keys, values, seen)
        h = h + o.product(o.reshape(o.permute(y, (1, 0, 2)), (1, width)), p, prefix + "o")
        z = o.rms_norm(h, (width,), p[prefix + "n2g"], 1e-5)
        h = h + o.product(o.silu(o.product(z, p, prefix + "g")) * o.product(z, p, prefix + "u"), p, prefix + "d")
    return o.product(o.rms_norm(h, (width,), p["nfg"], 1e-5), p, "head"), written
