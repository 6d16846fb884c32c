"""The functions that weft-bench's expressions and networks.py are written with, of each library: PyTorch's names mostly."""
from types import SimpleNamespace


def dequantized(o, codes, scales):
    """Weights [out, in] of codes of 8 bits, or of 4, which lie in two halves of a byte and are 8 higher; a scale a block of 32."""
    blocks = o.reshape(codes, (*scales.shape, -1))
    scales = scales[..., None]
    if blocks.shape[-1] == 16:
        numbers = o.concatenate((blocks & 15, blocks >> 4), -1) * scales - 8 * scales
    else:
        numbers = blocks * scales
    return o.reshape(numbers, (codes.shape[0], -1))


class Torch(SimpleNamespace):
    """PyTorch, eager, compiled or exported. Weights NAME_w lie as [out, in], as its products like them, or are codes with NAME_w_scales."""

    def __init__(self, torch, exported=False):
        functional = torch.nn.functional
        both = {**vars(torch), **vars(functional)}
        super().__init__(**{name: f for name, f in both.items() if not name.startswith("_") and callable(f)})
        linear, layer_norm = functional.linear, functional.layer_norm
        self.gelu_tanh = lambda x: functional.gelu(x, approximate="tanh")

        def weight(p, name):
            scales = p.get(name + "_w_scales")
            return p[name + "_w"] if scales is None else dequantized(self, p[name + "_w"], scales)

        self.affine = lambda x, p, name: linear(x, weight(p, name), p[name + "_b"])
        self.product = lambda x, p, name: linear(x, weight(p, name))
        self.norm = lambda x, p, name: layer_norm(x, x.shape[-1:], p[name + "g"], p[name + "b"])
        self.image = lambda x: x if exported else x.contiguous(memory_format=torch.channels_last)
        self.positions_up_to = lambda position, n: (torch.arange(n, device=position.device) <= position)[None]
        self.masked_attention = lambda q, k, v, seen: functional.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=seen)[0]
        self.integer_product = torch._int_mm
        self.positions_of = lambda x: torch.arange(x.shape[-2], device=x.device)
        if exported:
            self.integer_product = lambda a, b: torch.matmul(a.float(), b.float())  # exact: 1024 products of i8 stay below 2^24
            self.write_at = lambda cache, x, position: torch.where((torch.arange(cache.shape[1]) == position)[None, :, None], x, cache)
            self.cross_entropy = lambda x, y: -functional.log_softmax(x, -1).gather(1, y[:, None]).mean()
        else:
            self.write_at = lambda cache, x, position: cache.index_copy_(1, position, x)


class Jax(SimpleNamespace):
    """JAX. Images lie as everywhere, [N, C, H, W]: XLA chooses its own layouts."""

    def __init__(self, jax):
        n, lax, nn = jax.numpy, jax.lax, jax.nn

        def layer_norm(x, shape, g, b, eps=1e-5):
            mean = n.mean(x, -1, keepdims=True)
            return (x - mean) * lax.rsqrt(n.mean((x - mean) ** 2, -1, keepdims=True) + eps) * g + b

        def attention(q, k, v, seen):
            scores = n.einsum("...qd,...kd->...qk", q, k) * q.shape[-1] ** -0.5
            if seen is not None:
                scores = n.where(seen, scores, -n.inf) if seen.dtype == bool else scores + seen
            return n.einsum("...qk,...kd->...qd", nn.softmax(scores, -1), v)

        def scaled_dot_product_attention(q, k, v, mask=None, dropout=0, causal=False):
            return attention(q, k, v, n.tril(n.ones((q.shape[-2],) * 2, bool)) if causal else mask)

        def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
            return lax.conv_general_dilated(x, w, (stride,) * 2, [(padding,) * 2] * 2, rhs_dilation=(dilation,) * 2,
                                            feature_group_count=groups, dimension_numbers=("NCHW", "OIHW", "NCHW"))

        def batch_norm(x, mean, var, g, b):
            scale = g * lax.rsqrt(var + 1e-5)
            return x * scale[:, None, None] + (b - mean * scale)[:, None, None]

        def max_pool2d(x, kernel, stride, padding):
            pad = [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2]
            return lax.reduce_window(x, -n.inf, lax.max, (1, 1, kernel, kernel), (1, 1, stride, stride), pad)

        def product(x, p, name):
            scales = p.get(name + "_w_scales")
            return x @ (p[name + "_w"] if scales is None else dequantized(self, p[name + "_w"], scales).T)

        super().__init__(
            **{name: getattr(n, name) for name in ("matmul", "tanh", "exp", "log", "sqrt", "cos", "where", "sum", "argmax", "cumsum", "mean",
                                                   "reshape", "concatenate")},
            relu=nn.relu, sigmoid=nn.sigmoid, silu=nn.silu, erf=jax.scipy.special.erf, amax=n.max, clamp=n.clip, permute=n.transpose,
            gelu=lambda x: nn.gelu(x, approximate=False), gelu_tanh=lambda x: nn.gelu(x, approximate=True), softmax=nn.softmax,
            transpose=n.swapaxes, embedding=lambda i, w: w[i], image=lambda x: x, layer_norm=layer_norm, conv2d=conv2d,
            batch_norm=batch_norm, max_pool2d=max_pool2d, scaled_dot_product_attention=scaled_dot_product_attention,
            rms_norm=lambda x, shape, g, eps: x * lax.rsqrt(n.mean(x * x, -1, keepdims=True) + eps) * g,
            cross_entropy=lambda x, y: -n.mean(n.take_along_axis(nn.log_softmax(x, -1), y[:, None], 1)),
            linear=lambda x, w, b: x @ w.T + b, affine=lambda x, p, name: product(x, p, name) + p[name + "_b"], product=product,
            positions_of=lambda x: n.arange(x.shape[-2]),
            norm=lambda x, p, name: layer_norm(x, None, p[name + "g"], p[name + "b"]),
            positions_up_to=lambda position, count: (n.arange(count) <= position[0])[None], masked_attention=attention,
            write_at=lambda cache, x, position: lax.dynamic_update_slice(cache, x, (0, position[0], 0)),
            integer_product=lambda a, b: lax.dot(a, b, preferred_element_type=n.int32))
