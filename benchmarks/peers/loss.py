"""The part about loss for time: nanoGPT's training and ours, in turns, each with a clock of its own.

And whether the loss depends on the type of the products: a pass in float32 and one in bfloat16, for several seeds.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from companion.corpora import load_corpus
from companion.errors import UserError
from peers.machine import processor
from peers.pool import Contestant, Pool, Settings, tell
from peers.process import BETWEEN
from peers.summary import compared

TURN = 4.0  # seconds of training before the other one's turn
SEEDS = (0, 1, 2)
FROM = 10.0  # seconds after which the curves are compared


def plain_text(settings: Settings) -> str:
    """Tiny Shakespeare, whole."""
    if settings.quick:
        return "".join(document.text for document in load_corpus("grammar").documents)[:20_000]
    if settings.text:
        try:
            return Path(settings.text).read_text("utf-8")
        except (OSError, ValueError):
            raise UserError(f"--text is {settings.text}, which can't be read as text.") from None
    return "".join(document.text for document in load_corpus("tiny-shakespeare").documents)


def measure_loss(settings: Settings) -> dict[str, Any]:
    """Both curves, trained in turns of a few seconds on the same cores until both are done."""
    text, cores = plain_text(settings), max(settings.cores)
    characters = sorted(set(text))
    ids = np.array([characters.index(character) for character in text], np.int32)
    cut = len(ids) * 9 // 10
    ours = {"network_sizes": settings.ours["network"], "settings": settings.ours["training"]}
    theirs: dict[str, Any] = {}
    if settings.quick:
        ours["network_sizes"], theirs = {"embedding_dim": 8, "units": 8}, {"steps": 4}
        ours["settings"] = {"batch_size": 32, "window": 16}
    with tempfile.TemporaryDirectory() as folder, Pool(settings, cores) as pool:
        path = Path(folder) / "ids.npz"
        np.savez(path, train=ids[:cut], validation=ids[cut:])
        shared = {"ids": str(path), "vocab": len(characters)}
        kinds = losses_by_kind(pool, shared | ours) if processor()["bfloat16"] else {}
        going = [
            Contestant("ours", "with_tensorflow", "curve", shared | ours, BETWEEN),
            Contestant("nanogpt", "with_torch", "curve", shared | theirs),
        ]
        rows = curves(pool, going, 0.5 if settings.quick else TURN)
    found: dict[str, Any] = {"cores": cores, "characters": len(text), "vocabulary": len(characters)}
    found |= {"setting": settings.ours, "curves": rows, "after_one_pass": kinds}
    if len(rows) == 2:
        ours_line, their_line = ([(row["seconds"], row["loss"]) for row in rows[name]] for name in ("ours", "nanogpt"))
        found["compared"] = compared(ours_line, their_line, 0.0 if settings.quick else FROM)
    return found


def losses_by_kind(pool: Pool, options: dict[str, Any]) -> dict[str, list[float]]:
    """The validation loss after one pass by the type in which matrices are multiplied, for each of `SEEDS`."""
    found: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    options = options | {"settings": options["settings"] | {"epochs": 1}}
    for seed in SEEDS:
        for kind, losses in found.items():
            asked = options | {"kind": kind, "seed": seed}
            each = Contestant(f"ours {kind}", "with_tensorflow", "curve", asked, BETWEEN)
            if pool.ask(each, "prepare", job=each.job, options=each.options) is None:
                return {}
            answer = pool.ask(each, "run", options={"seconds": float("1e9")})
            if answer is None:
                return {}
            losses.append(round(answer["loss"], 5))
            tell(f"{each.name}, seed {seed}: {answer['loss']:.4f} nats after one pass")
    return found


def curves(pool: Pool, contestants: list[Contestant], turn: float) -> dict[str, list[dict[str, Any]]]:
    """The rows of each contestant that could be trained to its end."""
    asked = {each.name: each for each in contestants}
    for name, each in list(asked.items()):
        if pool.ask(each, "prepare", job=each.job, options=each.options) is None:
            del asked[name]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    while asked:
        for name, each in list(asked.items()):
            answer = pool.ask(each, "run", options={"seconds": turn})
            if answer is None:
                del asked[name], rows[name]
                continue
            if "loss" in answer:
                rows[name].append({key: round(value, 5) for key, value in answer.items() if key != "done"})
                tell(f"{name}: {answer['loss']:.4f} nats after {answer['seconds']:.1f} s, step {answer['step']:,}")
            if answer["done"]:
                del asked[name]
    return rows


def show_loss(found: dict[str, Any]) -> str:
    """Where the two curves are at the end of nanoGPT's, and whether ours is always below."""
    lines = [
        f"{name}: {rows[-1]['loss']:.4f} nats a character after {rows[-1]['seconds']:.1f} s and "
        f"{rows[-1]['step']:,} steps"
        for name, rows in found["curves"].items()
    ]
    if "compared" in found:
        told = found["compared"]
        where = ", ".join(map(str, told["above_at"]))
        lines += [
            f"when nanoGPT's ends, after {told['end_seconds']:.1f} s: nanoGPT {told['theirs_at_end']:.4f}, "
            f"ours {told['ours_at_end']:.4f}",
            f"from {told['from_seconds']:.1f} s on, ours is "
            + ("below at every moment" if told["always_below"] else f"not below at these seconds: {where}"),
        ]
    for kind, losses in found["after_one_pass"].items():
        lines.append(f"ours in {kind} after one pass, by seed: " + ", ".join(f"{loss:.4f}" for loss in losses))
    return f"loss for time on {found['cores']} cores\n" + "\n".join(lines)
