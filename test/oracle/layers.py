#!/usr/bin/env python3
"""Writes data/layers.safetensors: what PyTorch's layers give for some inputs, and the gradients of all that requires one.

  python3 layers.py      needs PyTorch

A case NAME has the tensors NAME/state/PARAMETER (the state_dict before the call, names unchanged), NAME/in/K, NAME/out/K,
NAME/dy/K (the weights of the outputs in the sum that is differentiated), NAME/grad/PARAMETER and NAME/grad_in/K, and
NAME/after/BUFFER where a call changes buffers. Values are computed in float64 and rounded to float32. Layers are in training mode but
for names that end in " eval".
"""

import collections
import copy
import json
import pathlib
import struct

import torch
from torch import nn

DTYPES = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}
generator = torch.Generator().manual_seed(3)
tensors = collections.OrderedDict()


def numbers(*shape):
    """Sixteenths, which are short in binary, with few ties."""
    return (torch.randn(*shape, generator=generator) * 64).round() / 64


def whole(high, *shape):
    return torch.randint(high, shape, generator=generator)


def flat(results):
    return [results] if isinstance(results, torch.Tensor) else [t for part in results for t in flat(part)]


def keep(name, t):
    t = t.detach()
    tensors[name] = (t.float() if t.is_floating_point() else t).contiguous()


class Fixed:
    """An input that no gradient is wanted of."""

    def __init__(self, t):
        self.t = t.detach()


def is_variable(t):
    return isinstance(t, torch.Tensor) and t.is_floating_point()


def case(name, module, *inputs, call=None):
    for p in list(module.parameters()) + list(module.buffers()):
        if p.is_floating_point():
            with torch.no_grad():
                # Values that float32 has, of an order of 1 where they start as 0 or 1.
                p.copy_(((p + torch.rand(p.shape, generator=generator) * 0.5) * 256).round() / 256)
    state = copy.deepcopy(module.state_dict())
    module = module.double().train(not name.endswith(" eval"))
    given = [t.double().requires_grad_() if is_variable(t) else t for t in inputs]
    given = [(t.t.double() if t.t.is_floating_point() else t.t) if isinstance(t, Fixed) else t for t in given]
    outputs = flat((call or (lambda m, *a: m(*a)))(module, *given))
    weights = [numbers(*t.shape) if t.dim() else torch.tensor(1.0) for t in outputs]
    sum((t * w).sum() for t, w in zip(outputs, weights)).backward()
    for key, t in state.items():
        keep(f"{name}/state/{key}", t)
    for k, t in enumerate(inputs):
        keep(f"{name}/in/{k}", t.t if isinstance(t, Fixed) else t)
        if given[k].requires_grad:
            keep(f"{name}/grad_in/{k}", given[k].grad)
    for k, (t, w) in enumerate(zip(outputs, weights)):
        keep(f"{name}/out/{k}", t)
        keep(f"{name}/dy/{k}", w)
    for key, p in module.named_parameters():
        keep(f"{name}/grad/{key}", p.grad)
    for key, b in module.named_buffers():
        if not torch.equal(b.float(), state[key].float()):
            keep(f"{name}/after/{key}", b)


def convolutions():
    case("Conv1d", nn.Conv1d(4, 6, 3, padding=2, dilation=2, groups=2), numbers(2, 4, 7))
    case("Conv2d", nn.Conv2d(3, 4, (3, 2), stride=2, padding=1), numbers(2, 3, 6, 5))
    case("Conv2d same", nn.Conv2d(2, 3, 3, padding="same", bias=False), numbers(1, 2, 4, 5))
    case("Conv3d", nn.Conv3d(2, 3, 2, stride=(1, 2, 1)), numbers(1, 2, 3, 4, 3))
    case("ConvTranspose1d", nn.ConvTranspose1d(4, 6, 3, stride=2, groups=2, output_padding=1), numbers(2, 4, 5))
    case("ConvTranspose2d", nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, dilation=2), numbers(1, 3, 3, 4))
    case("ConvTranspose3d", nn.ConvTranspose3d(2, 2, 2, bias=False), numbers(1, 2, 2, 3, 2))


def poolings():
    for n, shape in ((1, (2, 3, 9)), (2, (1, 2, 6, 7)), (3, (1, 2, 4, 5, 4))):
        case(f"MaxPool{n}d", getattr(nn, f"MaxPool{n}d")(3, stride=2, padding=1, ceil_mode=True), numbers(*shape))
        case(f"AvgPool{n}d", getattr(nn, f"AvgPool{n}d")(2, padding=1, count_include_pad=False), numbers(*shape))
        case(f"AdaptiveAvgPool{n}d", getattr(nn, f"AdaptiveAvgPool{n}d")(3), numbers(*shape))
        case(f"AdaptiveMaxPool{n}d", getattr(nn, f"AdaptiveMaxPool{n}d")(2), numbers(*shape))
        case(f"LPPool{n}d", getattr(nn, f"LPPool{n}d")(2, 2), numbers(*shape))


def norms():
    for n, shape in ((1, (3, 4, 5)), (2, (3, 4, 2, 3)), (3, (2, 4, 2, 1, 3))):
        for mode in ("", " eval"):
            case(f"BatchNorm{n}d{mode}", getattr(nn, f"BatchNorm{n}d")(4, momentum=0.3), numbers(*shape))
        case(f"InstanceNorm{n}d", getattr(nn, f"InstanceNorm{n}d")(4, affine=True), numbers(*shape))
    case("BatchNorm1d of rows", nn.BatchNorm1d(4, affine=False), numbers(5, 4))
    case("InstanceNorm1d tracked", nn.InstanceNorm1d(4, track_running_stats=True), numbers(2, 4, 5))
    case("GroupNorm", nn.GroupNorm(2, 4, eps=1e-3), numbers(2, 4, 3))
    case("LayerNorm", nn.LayerNorm((3, 4)), numbers(2, 3, 4))
    case("LayerNorm without bias", nn.LayerNorm(4, bias=False), numbers(3, 4))
    case("RMSNorm", nn.RMSNorm(4, eps=1e-4), numbers(3, 4))
    case("LocalResponseNorm", nn.LocalResponseNorm(3, alpha=0.5), numbers(1, 5, 4))


def tables():
    case("Linear", nn.Linear(4, 3), numbers(2, 5, 4))
    case("Bilinear", nn.Bilinear(3, 4, 2), numbers(5, 3), numbers(5, 4))
    case("Embedding", nn.Embedding(6, 3, padding_idx=2), whole(6, 2, 4))
    for mode in ("mean", "sum", "max"):
        case(f"EmbeddingBag {mode}", nn.EmbeddingBag(6, 3, mode=mode), whole(6, 7), torch.tensor([0, 2, 2, 6]))
    case("EmbeddingBag rows", nn.EmbeddingBag(6, 3, mode="sum", padding_idx=1), whole(6, 3, 4))
    case("EmbeddingBag weighted", nn.EmbeddingBag(6, 3, mode="sum", include_last_offset=True), whole(6, 5), torch.tensor([0, 2, 5]), numbers(5),
         call=lambda m, i, o, w: m(i, o, per_sample_weights=w))


def recurrent():
    x = numbers(4, 2, 3)
    case("RNN", nn.RNN(3, 4), x)
    case("RNN relu", nn.RNN(3, 4, num_layers=2, nonlinearity="relu", bias=False), x, numbers(2, 2, 4))
    case("RNN both ways", nn.RNN(3, 4, bidirectional=True, batch_first=True), numbers(2, 4, 3))
    case("GRU", nn.GRU(3, 4, num_layers=2, bidirectional=True), x, numbers(4, 2, 4))
    case("GRU of one", nn.GRU(3, 4), numbers(4, 3), numbers(1, 4))
    case("LSTM", nn.LSTM(3, 4), x)
    case("LSTM deep", nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True), numbers(2, 4, 3), numbers(4, 2, 4), numbers(4, 2, 4),
         call=lambda m, x, h, c: m(x, (h, c)))
    case("LSTM projected", nn.LSTM(3, 4, num_layers=2, proj_size=2), x)
    case("LSTM of one", nn.LSTM(3, 4, bias=False, batch_first=True), numbers(4, 3))
    case("RNNCell", nn.RNNCell(3, 4), numbers(2, 3), numbers(2, 4))
    case("RNNCell relu", nn.RNNCell(3, 4, nonlinearity="relu"), numbers(2, 3))
    case("GRUCell", nn.GRUCell(3, 4), numbers(2, 3), numbers(2, 4))
    case("LSTMCell", nn.LSTMCell(3, 4, bias=False), numbers(3), numbers(4), numbers(4), call=lambda m, x, h, c: m(x, (h, c)))


def transformers():
    x, padding = numbers(5, 2, 8), torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    later = torch.ones(5, 5).triu(1).bool()
    case("MultiheadAttention", nn.MultiheadAttention(8, 2), x, numbers(4, 2, 8), numbers(4, 2, 8), call=lambda m, *a: m(*a)[0])
    case("MultiheadAttention masked", nn.MultiheadAttention(8, 2, bias=False, batch_first=True), numbers(2, 5, 8), padding, later,
         call=lambda m, x, p, a: m(x, x, x, key_padding_mask=p, attn_mask=a)[0])
    case("MultiheadAttention of others", nn.MultiheadAttention(8, 4, kdim=3, vdim=5), x, numbers(4, 2, 3), numbers(4, 2, 5),
         call=lambda m, *a: m(*a)[0])
    case("MultiheadAttention weights", nn.MultiheadAttention(8, 2), x, padding, later,
         call=lambda m, x, p, a: m(x, x, x, key_padding_mask=p, attn_mask=a))
    small = dict(dim_feedforward=12, dropout=0.0)
    case("TransformerEncoderLayer", nn.TransformerEncoderLayer(8, 2, **small), x)
    case("TransformerEncoderLayer first", nn.TransformerEncoderLayer(8, 2, activation="gelu", norm_first=True, batch_first=True, bias=False, **small),
         numbers(2, 5, 8), later, padding, call=lambda m, x, a, p: m(x, src_mask=a, src_key_padding_mask=p))
    case("TransformerDecoderLayer", nn.TransformerDecoderLayer(8, 2, **small), x, numbers(4, 2, 8), later,
         call=lambda m, x, y, a: m(x, y, tgt_mask=a))
    case("TransformerDecoderLayer first", nn.TransformerDecoderLayer(8, 2, activation="gelu", norm_first=True, layer_norm_eps=1e-3, **small),
         numbers(3, 2, 8), x, padding, call=lambda m, x, y, p: m(x, y, memory_key_padding_mask=p))
    case("TransformerEncoder", nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, **small), 2, nn.LayerNorm(8)), x)
    case("TransformerDecoder", nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, **small), 2), x, numbers(4, 2, 8))
    case("Transformer", nn.Transformer(8, 2, 1, 1, batch_first=True, **small), numbers(2, 3, 8), numbers(2, 5, 8), later,
         call=lambda m, x, y, a: m(x, y, tgt_mask=a))


def activations():
    plain = ("ELU CELU SELU ReLU ReLU6 LeakyReLU GELU SiLU Mish Sigmoid LogSigmoid Tanh Tanhshrink Softplus Softsign Softshrink Hardshrink "
             "Hardtanh Hardsigmoid Hardswish")
    for name in plain.split():
        case(name, getattr(nn, name)(), numbers(3, 5) * 2)
    case("GELU tanh", nn.GELU("tanh"), numbers(3, 5))
    case("Threshold", nn.Threshold(0.25, -1.0), numbers(3, 5))
    case("PReLU", nn.PReLU(4), numbers(2, 4, 3))
    case("RReLU eval", nn.RReLU(), numbers(3, 5))
    for name in ("Softmax", "LogSoftmax", "Softmin", "GLU"):
        case(name, getattr(nn, name)(dim=1), numbers(3, 4, 2))
    case("Softmax2d", nn.Softmax2d(), numbers(2, 3, 2, 2))


def shapes():
    image = numbers(1, 4, 4, 6)
    case("Flatten", nn.Flatten(2), image)
    case("Unflatten", nn.Unflatten(1, (2, -1)), image)
    case("PixelShuffle", nn.PixelShuffle(2), image)
    case("PixelUnshuffle", nn.PixelUnshuffle(2), image)
    case("ChannelShuffle", nn.ChannelShuffle(2), image)
    case("Unfold", nn.Unfold((2, 3), stride=2, padding=1), image)
    case("Fold", nn.Fold((4, 5), (2, 2)), numbers(1, 8, 12))
    case("Upsample", nn.Upsample(scale_factor=2), image)
    case("Upsample bilinear", nn.Upsample(size=(7, 5), mode="bilinear", align_corners=True), image)
    case("ConstantPad1d", nn.ConstantPad1d((1, 2), 3.5), numbers(2, 2, 3))
    case("ZeroPad2d", nn.ZeroPad2d((1, 0, 2, -1)), image)
    case("ReflectionPad2d", nn.ReflectionPad2d(2), image)
    case("ReplicationPad3d", nn.ReplicationPad3d((1, 2, 0, 1, 1, 0)), numbers(1, 2, 2, 3, 2))
    case("CircularPad1d", nn.CircularPad1d((2, 1)), numbers(2, 2, 3))
    case("CosineSimilarity", nn.CosineSimilarity(), numbers(3, 4), numbers(3, 4))
    case("PairwiseDistance", nn.PairwiseDistance(p=3.0, keepdim=True), numbers(3, 4), numbers(3, 4))
    case("MaxUnpool2d", nn.MaxUnpool2d(2), numbers(1, 1, 2, 2), torch.tensor([[[[0, 3], [9, 14]]]]))
    case("Dropout eval", nn.Dropout(0.5), numbers(3, 4))
    case("AlphaDropout eval", nn.AlphaDropout(0.5), numbers(3, 4))


def losses():
    x, y = numbers(4, 3), numbers(4, 3)
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0])
    classes, weight = torch.tensor([0, 2, 1, 2]), torch.tensor([0.5, 1.0, 2.0])
    case("L1Loss", nn.L1Loss(), x, y)
    case("MSELoss", nn.MSELoss(reduction="sum"), x, y)
    case("SmoothL1Loss", nn.SmoothL1Loss(beta=0.5), x, y)
    case("HuberLoss", nn.HuberLoss(reduction="none", delta=0.5), x, y)
    case("PoissonNLLLoss", nn.PoissonNLLLoss(full=True), x, Fixed(y.abs()))
    case("GaussianNLLLoss", nn.GaussianNLLLoss(), x, y, numbers(4, 3).abs() + 0.25)
    case("CrossEntropyLoss", nn.CrossEntropyLoss(weight=weight.clone(), ignore_index=1, label_smoothing=0.25), x, classes)
    case("CrossEntropyLoss of probabilities", nn.CrossEntropyLoss(reduction="none"), x, torch.softmax(y, 1))
    case("NLLLoss", nn.NLLLoss(weight=weight.clone()), x, classes)
    case("BCELoss", nn.BCELoss(), torch.sigmoid(x).mul(64).round().clamp(1, 63) / 64, Fixed((y > 0).float()))
    case("BCEWithLogitsLoss", nn.BCEWithLogitsLoss(pos_weight=weight.clone(), reduction="sum"), x, Fixed((y > 0).float()))
    case("KLDivLoss", nn.KLDivLoss(reduction="batchmean", log_target=True), torch.log_softmax(x, 1), torch.log_softmax(y, 1))
    case("MultiMarginLoss", nn.MultiMarginLoss(p=2, margin=0.5, weight=weight.clone()), x, classes)
    case("MultiLabelMarginLoss", nn.MultiLabelMarginLoss(), x, torch.tensor([[0, 2, -1], [1, -1, 0], [2, 1, 0], [-1, 0, 1]]))
    case("MultiLabelSoftMarginLoss", nn.MultiLabelSoftMarginLoss(), x, Fixed((y > 0).float()))
    case("SoftMarginLoss", nn.SoftMarginLoss(), x, Fixed(y.sign()))
    case("CTCLoss", nn.CTCLoss(zero_infinity=True), torch.log_softmax(numbers(6, 2, 4), 2), torch.tensor([[1, 2, 2], [3, 1, 0]]),
         torch.tensor([6, 5]), torch.tensor([3, 2]))
    case("HingeEmbeddingLoss", nn.HingeEmbeddingLoss(margin=0.5), x, Fixed(y.sign()))
    case("CosineEmbeddingLoss", nn.CosineEmbeddingLoss(margin=0.1), x, y, Fixed(signs))
    case("MarginRankingLoss", nn.MarginRankingLoss(margin=0.2), numbers(4), numbers(4), Fixed(signs))
    case("TripletMarginLoss", nn.TripletMarginLoss(swap=True), x, y, numbers(4, 3))


def containers():
    case("Sequential", nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)), numbers(2, 1, 4, 4))


def limited_tables():
    case("Embedding max_norm", nn.Embedding(6, 3, max_norm=0.9), whole(6, 2, 4))
    case("EmbeddingBag max_norm", nn.EmbeddingBag(6, 3, mode="sum", max_norm=0.9, norm_type=1), whole(6, 3, 4))


def packed():
    """Sequences of 5, 1 and 3 steps."""
    def run(m, x, *states, **options):
        p = nn.utils.rnn.pack_padded_sequence(x, [5, 1, 3], enforce_sorted=False, **options)
        y, last = m(p, *states)
        return nn.utils.rnn.pad_packed_sequence(y, padding_value=0.5, total_length=6, **options)[0], last
    x = numbers(5, 3, 3)
    case("RNN packed", nn.RNN(3, 4, bidirectional=True), x, call=run)
    case("GRU packed", nn.GRU(3, 4, num_layers=2, bidirectional=True), x, numbers(4, 3, 4), call=run)
    case("LSTM packed", nn.LSTM(3, 4, num_layers=2, proj_size=2, batch_first=True), numbers(3, 5, 3),
         call=lambda m, x: run(m, x, batch_first=True))


def distances():
    distance = lambda a, b: (a - b).abs().sum(-1)
    case("TripletMarginWithDistanceLoss", nn.TripletMarginWithDistanceLoss(distance_function=distance, margin=2, swap=True), numbers(4, 3), numbers(4, 3), numbers(4, 3))


def write(path):
    """The format of safetensors: the length of a JSON header in 8 bytes, the header, the elements."""
    header, at = {}, 0
    for name, t in tensors.items():
        size = t.numel() * t.element_size()
        header[name] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            file.write(t.numpy().tobytes())


def main():
    torch.manual_seed(1)
    for group in (convolutions, poolings, norms, tables, recurrent, transformers, activations, shapes, losses, containers, limited_tables, packed, distances):
        group()
    write(pathlib.Path(__file__).resolve().parent / "data/layers.safetensors")
    print(len({name.split("/")[0] for name in tensors}), "cases,", len(tensors), "tensors")


if __name__ == "__main__":
    main()
