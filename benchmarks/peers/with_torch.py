"""The same networks in PyTorch, trained and stepped as its users do, with its fused Adam.

This module imports PyTorch, NumPy and nothing of the book, so it runs in an environment that doesn't have the book.
"""

import math
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from peers.nano_gpt import curve
from peers.serving import Run, repeated, serve

TEMPERATURE = 0.8
LONGEST = 4096  # positions whose turns are computed beforehand


class RecurrentModel(nn.Module):
    """Embedding, `torch.nn.LSTM`, logits."""

    def __init__(self, vocab_size: int, embedding_dim: int, units: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, units, batch_first=True)
        self.logits = nn.Linear(units, vocab_size)

    def forward(self, ids: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        """Ids ``(batch, time)`` to logits, and the states after them."""
        h, states = self.lstm(self.embedding(ids), states)
        return self.logits(h), states

    def written(self, characters: int) -> int:
        """Write a text, the state carried; return its length."""
        token, states = torch.ones((1, 1), dtype=torch.long), None
        for _ in range(characters):
            logits, states = self(token, states)
            token = torch.multinomial(F.softmax(logits[0] / TEMPERATURE, dim=-1), 1)
        return characters


class CellModel(RecurrentModel):
    """The same with `torch.nn.LSTMCell`, whose single step takes less time than that of `torch.nn.LSTM`."""

    def __init__(self, vocab_size: int, embedding_dim: int, units: int) -> None:
        super().__init__(vocab_size, embedding_dim, units)
        self.cell = nn.LSTMCell(embedding_dim, units)
        self.cell.load_state_dict({name.removesuffix("_l0"): w for name, w in self.lstm.state_dict().items()})

    def written(self, characters: int) -> int:
        """Write a text, the state carried; return its length."""
        token, states = torch.ones(1, dtype=torch.long), None
        for _ in range(characters):
            states = self.cell(self.embedding(token), states)
            token = torch.multinomial(F.softmax(self.logits(states[0])[0] / TEMPERATURE, dim=-1), 1)
        return characters


class Attention(nn.Module):
    """Heads of causal attention with rotary positions; a query sees itself and ``context - 1`` positions before it."""

    def __init__(self, hidden_dim: int, num_heads: int, context: int) -> None:
        super().__init__()
        self.heads, self.size, self.context = num_heads, hidden_dim // num_heads, context
        self.qkv = nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)
        self.out = nn.Linear(hidden_dim, hidden_dim, bias=False)
        angles = torch.arange(LONGEST)[:, None] * 10_000.0 ** (-torch.arange(0, self.size, 2) / self.size)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def _rotated(self, x: Tensor, start: int) -> Tensor:
        cos, sin = (turn[start : start + x.shape[2]] for turn in (self.cos, self.sin))
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)

    def forward(self, x: Tensor, state: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Attend to the positions before and to ``state``, the keys and values carried from the last window."""
        batch, time, width = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        past = 0
        if state is not None:
            past = state.shape[3]
            k, v = torch.cat([state[0], k], dim=2), torch.cat([state[1], v], dim=2)
        q, rotated = self._rotated(q, past), self._rotated(k, 0)
        mixed = F.scaled_dot_product_attention(q, rotated, v, attn_mask=mask, is_causal=mask is None)
        kept = torch.stack([k, v])[:, :, :, -(self.context - 1) :].detach()
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width)), kept

    def step(self, x: Tensor, at: int, cache: Tensor) -> Tensor:
        """One position, ``(1, hidden_dim)``, with a cache of keys and values that is written round and round.

        Which place a key has in the cache doesn't matter to attention: the key is already turned by its position.
        """
        q, k, v = self.qkv(x).view(3, self.heads, self.size)
        cos, sin = self.cos[at], self.sin[at]
        first, second = torch.stack([q, k]).chunk(2, dim=-1)
        q, k = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
        place, filled = at % self.context, min(at + 1, self.context)
        cache[0, :, place], cache[1, :, place] = k, v
        mixed = F.scaled_dot_product_attention(q[:, None], cache[0, :, :filled], cache[1, :, :filled])
        return self.out(mixed.reshape(1, -1))


class Block(nn.Module):
    """Attention, then a network of one hidden layer, normalisation first in each."""

    def __init__(self, hidden_dim: int, num_heads: int, context: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(hidden_dim), nn.LayerNorm(hidden_dim)
        self.attention = Attention(hidden_dim, num_heads, context)
        self.network = nn.Sequential(
            nn.Linear(hidden_dim, 4 * hidden_dim), nn.ReLU(), nn.Linear(4 * hidden_dim, hidden_dim)
        )

    def forward(self, x: Tensor, state: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """A window, ``(batch, time, hidden_dim)``."""
        mixed, state = self.attention(self.norm_1(x), state, mask)
        x = x + mixed
        return x + self.network(self.norm_2(x)), state

    def step(self, x: Tensor, at: int, cache: Tensor) -> Tensor:
        """One position, ``(1, hidden_dim)``."""
        x = x + self.attention.step(self.norm_1(x), at, cache)
        return x + self.network(self.norm_2(x))


class TransformerModel(nn.Module):
    """The twin of the book's Transformer.

    Like the book's, it carries the keys and values of the last ``context - 1`` positions from window to window and
    scores each position against all of these and all of its window, with a mask; so both do the same products. Without
    ``carried``, a window is read on its own, which is common in PyTorch and takes fewer products.
    """

    def __init__(
        self, vocab_size: int, hidden_dim: int, num_layers: int, num_heads: int, context: int, carried: bool = True
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hidden_dim)
        self.blocks = nn.ModuleList(Block(hidden_dim, num_heads, context) for _ in range(num_layers))
        self.norm, self.logits = nn.LayerNorm(hidden_dim), nn.Linear(hidden_dim, vocab_size)
        self.context, self.carried = context, carried
        self.cache_shape = (num_layers, 2, num_heads, context, hidden_dim // num_heads)
        self.masks: dict[tuple[int, int], Tensor] = {}

    def mask(self, time: int, past: int) -> Tensor:
        """True where a query may look, ``(time, past + time)``."""
        if (time, past) not in self.masks:
            back = torch.arange(past, past + time)[:, None] - torch.arange(past + time)
            self.masks[time, past] = (back >= 0) & (back < self.context)
        return self.masks[time, past]

    def forward(self, ids: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        """Ids ``(batch, time)`` to logits, and the states after them."""
        x, kept = self.embedding(ids), []
        if not self.carried:
            states = None
        mask = self.mask(ids.shape[1], states[0].shape[3]) if states else None
        for number, block in enumerate(self.blocks):
            x, state = block(x, states[number] if states else None, mask)
            kept.append(state)
        return self.logits(self.norm(x)), kept

    def written(self, characters: int) -> int:
        """Write a text with a cache of keys and values; return its length."""
        cache, token = torch.zeros(self.cache_shape), torch.ones(1, dtype=torch.long)
        for at in range(characters):
            x = self.embedding(token)
            for block, own in zip(self.blocks, cache, strict=True):
                x = block.step(x, at, own)
            token = torch.multinomial(F.softmax(self.logits(self.norm(x))[0] / TEMPERATURE, dim=-1), 1)
        return characters


MODELS = {"language_model": RecurrentModel, "transformer_model": TransformerModel}


def updates(model: nn.Module, x: Tensor, y: Tensor, bfloat16: bool) -> Iterator[float]:
    """Take a training step for each loss: forward, backward, clipping to norm 1, Adam; the states are carried."""
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, 1e-3, fused=True)
    states = None
    while True:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits, states = model(x, states)
        loss = F.cross_entropy(logits.float().flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        states = [state.detach().float() for state in states]
        yield loss.item()


def training(
    model: str, sizes: dict[str, int], batch: int, window: int, bfloat16: bool = False, carried: bool = True
) -> Run:
    """Steps of training on random ids."""
    torch.manual_seed(0)
    options = {} if model == "language_model" else {"carried": carried}
    ids = torch.randint(sizes["vocab_size"], (batch, window + 1))
    losses = updates(MODELS[model](**sizes, **options), ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), bfloat16)

    def step() -> int:
        if not math.isfinite(next(losses)):
            raise ArithmeticError("the loss isn't finite")
        return batch * window

    run = repeated(step)
    run(0.0)
    run(0.2)
    return run


def generation(model: str, sizes: dict[str, int], characters: int, cell: bool = False) -> Run:
    """Texts of so many characters, one after the other; those of an LSTM also with a cell."""
    torch.manual_seed(0)
    net = (CellModel if cell else MODELS[model])(**sizes).eval()

    @torch.inference_mode()
    def write() -> int:
        return net.written(characters)

    run = repeated(write)
    run(0.0)
    return run


def peak(side: int, kind: str, cores: int) -> Run:
    """Products of square matrices."""
    a, b = torch.rand((2, side, side)).to(getattr(torch, kind))
    out = torch.empty_like(a)

    def step() -> int:
        torch.mm(a, b, out=out)
        return 2 * side**3

    run = repeated(step)
    run(0.0)
    return run


def main() -> None:
    """Serve, with as many threads as there are cores for this process."""
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    serve({"training": training, "generation": generation, "peak": peak, "curve": curve}, ("torch", "numpy"))
