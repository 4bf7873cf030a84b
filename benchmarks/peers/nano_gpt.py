"""The setting of nanoGPT for a CPU, written for this benchmark: the small GPT on characters of its README.

Andrej Karpathy's nanoGPT is at https://github.com/karpathy/nanoGPT. The numbers are its ``train_shakespeare_char``
with the README's changes for a CPU.
"""

import math
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from peers.serving import Run

LAYERS, HEADS, WIDTH, BLOCK = 4, 4, 128, 64
BATCH, STEPS, WARM_UP = 12, 2000, 100
RATE, FINAL_RATE, BETAS, WEIGHT_DECAY, CLIP = 1e-3, 1e-4, (0.9, 0.99), 0.1, 1.0


class Block(nn.Module):
    """Attention and a GELU network, normalisation first, without biases."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, time, WIDTH)`` to the same shape."""
        batch, time_steps, _ = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, time_steps, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class SmallGPT(nn.Module):
    """Learned positions; the embedding is the output's matrix too."""

    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:  # what is added to the stream starts smaller, by the number of additions
                shrink = (2 * LAYERS) ** 0.5 if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(parameter, std=0.02 / shrink)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids ``(batch, time)`` to logits."""
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        return self.norm(self.blocks(x)) @ self.tokens.weight.T


def learning_rate(step: int) -> float:
    """Linear warm-up, then a cosine.

    >>> round(learning_rate(0), 7), learning_rate(WARM_UP), round(learning_rate(STEPS), 7)
    (9.9e-06, 0.001, 0.0001)
    """
    if step < WARM_UP:
        return RATE * (step + 1) / (WARM_UP + 1)
    done = (step - WARM_UP) / (STEPS - WARM_UP)
    return FINAL_RATE + 0.5 * (1 + math.cos(math.pi * done)) * (RATE - FINAL_RATE)


@torch.no_grad()
def validation_loss(model: nn.Module, ids: Tensor, stride: int = BLOCK) -> float:
    """Nats per character of a text, read in blocks, in each of which the last ``stride`` characters are scored.

    With a stride of a whole block, each character is scored once with from 1 to `BLOCK` characters before it: the mean
    that nanoGPT estimates from random blocks. With a shorter one, every character (but the first ones) has more.
    """
    starts = torch.arange(0, len(ids) - BLOCK, stride)
    total, count = 0.0, 0
    for some in starts.split(256):
        at = some[:, None] + torch.arange(BLOCK)
        logits = model(ids[at])[:, -stride:]
        total += F.cross_entropy(logits.flatten(0, 1), ids[at + 1][:, -stride:].flatten(), reduction="sum").item()
        count += logits.shape[0] * logits.shape[1]
    return total / count


def curve(ids: str, vocab: int, steps: int = STEPS) -> Run:
    """nanoGPT's training on a text, a few seconds at a time; its clock stops when it isn't training."""
    with np.load(ids) as parts:
        train, validation = (torch.from_numpy(parts[part].astype(np.int64)) for part in ("train", "validation"))
    torch.manual_seed(1337)
    model = SmallGPT(vocab)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, RATE, betas=BETAS, fused=True)
    total, done = 0.0, 0

    def update(step: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        at = torch.randint(len(train) - BLOCK, (BATCH, 1)) + torch.arange(BLOCK)
        loss = F.cross_entropy(model(train[at]).flatten(0, 1), train[at + 1].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()

    def run(seconds: float) -> dict[str, Any]:
        nonlocal total, done
        begin = time.perf_counter()
        while done < steps and time.perf_counter() - begin < seconds:
            update(done)
            done += 1
        total += time.perf_counter() - begin
        row = {"seconds": total, "step": done, "done": done >= steps, "loss": validation_loss(model, validation)}
        if row["done"]:
            row["longer_context_loss"] = validation_loss(model, validation, BLOCK // 2)
        return row

    return run
