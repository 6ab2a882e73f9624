"""What PyTorch computes for the exercise on the Transformer, stored so that the tests need no PyTorch.

    python transformer.py            compute everything and write transformer.json beside this file
    python transformer.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch, NumPy and `_stored.py` beside it, and nothing else of this repository. All numbers are in double
precision, and gradients come from automatic differentiation, none from differences. Inputs are values of a sine, so
that they need no room in the file.

`Transformer` is the same model as the exercise's, from PyTorch's own parts; the benchmark uses it too.
"""

import math
import sys

import numpy as np
import torch
from torch.nn import functional as F

SIZES = {"vocabulary": 7, "context": 5, "width": 4, "heads": 2, "layers": 2}


def waves(*shape: int, scale: float = 1.0, start: int = 1) -> np.ndarray:
    """An array of the numbers scale * sin(start), scale * sin(start + 1), ..."""
    return scale * np.sin(np.arange(start, start + math.prod(shape), dtype=float)).reshape(shape)


def parameter_shapes(vocabulary: int, context: int, width: int, heads: int, layers: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the order in which the exercise keeps them in one flat vector."""
    D = width
    block = {
        "norm1_gain": (D,),
        "norm1_bias": (D,),
        "qkv": (D, 3 * D),
        "qkv_bias": (3 * D,),
        "mix": (D, D),
        "mix_bias": (D,),
        "norm2_gain": (D,),
        "norm2_bias": (D,),
        "up": (D, 4 * D),
        "up_bias": (4 * D,),
        "down": (4 * D, D),
        "down_bias": (D,),
    }
    blocks = {f"block{i}.{name}": shape for i in range(layers) for name, shape in block.items()}
    return {"table": (vocabulary, D), "position": (context, D), **blocks, "norm_gain": (D,), "norm_bias": (D,)}


class Transformer:
    """The exercise's model: parameters of the same names and shapes, everything else PyTorch's own."""

    def __init__(self, w: np.ndarray, heads: int, layers: int, **sizes: int):
        self.heads, self.layers, self.p, start = heads, layers, {}, 0
        for name, shape in parameter_shapes(heads=heads, layers=layers, **sizes).items():
            part = torch.tensor(w[start : start + math.prod(shape)].reshape(shape))
            self.p[name] = part.requires_grad_()
            start += math.prod(shape)

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        (B, T), p = tokens.shape, self.p
        x = F.embedding(tokens, p["table"]) + p["position"][:T]
        for block in (f"block{i}." for i in range(self.layers)):
            inside = F.layer_norm(x, x.shape[-1:], p[block + "norm1_gain"], p[block + "norm1_bias"])
            qkv = F.linear(inside, p[block + "qkv"].T, p[block + "qkv_bias"])
            q, k, v = (part.view(B, T, self.heads, -1).transpose(1, 2) for part in qkv.chunk(3, dim=-1))
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, -1)
            x = x + F.linear(seen, p[block + "mix"].T, p[block + "mix_bias"])
            inside = F.layer_norm(x, x.shape[-1:], p[block + "norm2_gain"], p[block + "norm2_bias"])
            hidden = F.gelu(F.linear(inside, p[block + "up"].T, p[block + "up_bias"]), approximate="tanh")
            x = x + F.linear(hidden, p[block + "down"].T, p[block + "down_bias"])
        return F.linear(F.layer_norm(x, x.shape[-1:], p["norm_gain"], p["norm_bias"]), p["table"])

    def loss(self, windows: torch.Tensor, first: int = 1) -> torch.Tensor:
        logits = self.logits(windows[:, :-1])[:, first - 1 :]
        return F.cross_entropy(logits.flatten(0, 1), windows[:, first:].flatten())

    def flat(self, of) -> np.ndarray:
        """of(parameter) for every parameter, as one vector."""
        return torch.cat([of(array).detach().flatten() for array in self.p.values()]).numpy()


def main() -> int:
    from _stored import store_or_check  # beside this file, for whoever runs it

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cases = {
        "layer_norm": layer_norm(),
        "attention": attention(1.0),
        "attention_extreme": attention(60.0),
        "gelu": gelu(),
        "next_token": next_token(),
        "embedding": embedding(),
        "model": model(),
        "training": training(),
    }
    return store_or_check(
        __file__, "torch.autograd, torch.nn.functional and torch.optim.AdamW; double precision, CPU", cases, indent=None
    )


def grown(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def layer_norm() -> dict:
    """sum(dout * layer_norm(x)), eps 1e-5"""
    x, gain, bias = grown(waves(4, 6, scale=3), waves(6, start=50), waves(6, start=70))
    out = F.layer_norm(x, (6,), gain, bias)
    (torch.tensor(waves(4, 6, start=90)) * out).sum().backward()
    return {"out": out.tolist(), "dx": x.grad.tolist(), "dgain": gain.grad.tolist(), "dbias": bias.grad.tolist()}


def attention(scale: float) -> dict:
    """sum(dout * attention(q, k, v)), causal"""
    shape = (2, 2, 4, 3)
    q, k, v = grown(waves(*shape, scale=scale), waves(*shape, scale=scale, start=60), waves(*shape, start=130))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    (torch.tensor(waves(*shape, start=200)) * out).sum().backward()
    return {"out": out.tolist(), "dq": q.grad.tolist(), "dk": k.grad.tolist(), "dv": v.grad.tolist()}


def gelu() -> dict:
    (x,) = grown(waves(4, 6, scale=4))
    out = F.gelu(x, approximate="tanh")
    (torch.tensor(waves(4, 6, start=90)) * out).sum().backward()
    return {"out": out.tolist(), "dx": x.grad.tolist()}


def next_token() -> dict:
    """Cross-entropy from place 3 on."""
    (logits,) = grown(waves(3, 5, 6, scale=4))
    window = torch.arange(18).reshape(3, 6) ** 2 % 6
    loss = F.cross_entropy(logits[:, 2:].flatten(0, 1), window[:, 3:].flatten())
    loss.backward()
    return {"window": window.tolist(), "loss": loss.item(), "dlogits": logits.grad.tolist()}


def embedding() -> dict:
    """sum(dx * table[tokens]) + sum(other * table)"""
    (table,) = grown(waves(5, 3))
    tokens = torch.tensor([[1, 4, 1], [1, 0, 4]])
    (torch.tensor(waves(2, 3, 3, start=20)) * F.embedding(tokens, table)).sum().backward()
    table.grad += torch.tensor(waves(5, 3, start=40))
    return {"tokens": tokens.tolist(), "total": table.grad.tolist()}


def start() -> np.ndarray:
    return waves(sum(map(math.prod, parameter_shapes(**SIZES).values())), scale=0.5)


def windows(count: int, seed: int) -> torch.Tensor:
    """(count, context + 1) tokens"""
    length = SIZES["context"] + 1
    return (torch.arange(count * length).reshape(count, length) + seed) ** 2 % SIZES["vocabulary"]


def model() -> dict:
    net, batch = Transformer(start(), **SIZES), windows(3, 1)
    loss = net.loss(batch, first=2)
    loss.backward()
    with torch.no_grad():
        logits = net.logits(batch[:, :-1])
    return {"logits": logits.tolist(), "loss": loss.item(), "g": net.flat(lambda array: array.grad).tolist()}


def training() -> dict:
    """Five steps of AdamW with clipping, at a rate that changes; the same decay for all weights."""
    net = Transformer(start(), **SIZES)
    adam = torch.optim.AdamW(net.p.values(), lr=1.0, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.2)
    losses, lengths = [], []
    for t in range(1, 6):
        adam.param_groups[0]["lr"] = 0.02 * t
        adam.zero_grad()
        loss = net.loss(windows(4, 10 * t))
        loss.backward()
        length = torch.linalg.vector_norm(torch.cat([array.grad.flatten() for array in net.p.values()]))
        for array in net.p.values():  # clip_grad_norm_ adds 1e-6 to the length
            array.grad *= min(1.0, 0.5 / length.item())
        adam.step()
        losses.append(loss.item())
        lengths.append(length.item())
    return {"losses": losses, "lengths": lengths, "w": net.flat(lambda array: array).tolist()}


if __name__ == "__main__":
    sys.exit(main())
