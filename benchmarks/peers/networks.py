"""The parts about networks: products of matrices, training, generation, scoring."""

import itertools
from typing import Any

from companion.analysis import costs
from peers.machine import processor
from peers.pool import Contestant, Pool, Settings, tell
from peers.process import BETWEEN, OWN, PeerError
from peers.summary import ratios, shown, spread, table

VOCAB_SIZE = 85
TRANSFORMER = {"vocab_size": VOCAB_SIZE, "hidden_dim": 128, "num_layers": 4, "num_heads": 4, "context": 128}
LABELS = {
    "ours": "ours",
    "ours_float32": "ours, float32",
    "keras": "Keras fit",
    "torch": "PyTorch",
    "torch_bfloat16": "PyTorch bfloat16",
    "torch_alone": "PyTorch alone",
    "torch_cell": "PyTorch LSTMCell",
    "numpy": "NumPy",
}


def measure_peak(settings: Settings) -> dict[str, Any]:
    """The fastest products of two square matrices, by library and type of number; operations a second."""
    side, rows = (64 if settings.quick else 1024), []
    kinds = ["float32"] + ["bfloat16"] * processor()["bfloat16"]
    for cores in settings.cores:
        with Pool(settings, cores) as pool:
            entries = [("numpy", "float32"), *itertools.product(("tensorflow", "torch"), kinds)]
            found = pool.rates(
                [
                    Contestant(
                        f"{library} {kind}", f"with_{library}", "peak", {"side": side, "kind": kind, "cores": cores}
                    )
                    for library, kind in entries
                ]
            )
            for name, values in found.items():
                library, kind = name.split()
                rows.append({"cores": cores, "library": library, "type": kind, "operations_per_second": spread(values)})
    return {"side": side, "rows": rows}


def show_peak(found: dict[str, Any]) -> str:
    """The rates as a table."""
    rows = [
        (f"{row['type']}, {row['library']}", str(row["cores"]), shown(row["operations_per_second"], 1e9))
        for row in found["rows"]
    ]
    return table((f"product of matrices, side {found['side']}", "cores", "billion operations/s"), rows)


def peak_of(found: dict[str, Any], cores: int) -> float:
    """The highest median of float32 on so many cores."""
    rates = [
        row["operations_per_second"]["median"]
        for row in found["rows"]
        if row["cores"] == cores and row["type"] == "float32"
    ]
    if not rates:
        raise PeerError("The products of matrices, which it is compared with, couldn't be measured.")
    return max(rates)


# ----------------------------------------------------------------------------------------------------------------------
# Training and generation


def lstm(units: int) -> dict[str, Any]:
    """An LSTM's entry in the tables."""
    sizes = {"vocab_size": VOCAB_SIZE, "embedding_dim": 64, "units": units}
    return {"name": f"LSTM {units}", "model": "language_model", "sizes": sizes}


def transformer(**changed: int) -> dict[str, Any]:
    """The Transformer's."""
    return {"name": "Transformer", "model": "transformer_model", "sizes": TRANSFORMER | changed}


def training_entries(quick: bool) -> list[dict[str, Any]]:
    """The networks and batches that are measured."""
    if quick:
        tiny = transformer(hidden_dim=8, num_layers=1, num_heads=2, context=8)
        return [lstm(8) | {"batch": 4, "window": 8}, tiny | {"batch": 2, "window": 8}]
    shapes = itertools.product((256, 512), (64, 128), (64, 128))
    recurrent = [lstm(units) | {"batch": batch, "window": window} for units, batch, window in shapes]
    return [*recurrent, transformer() | {"batch": 32, "window": 128}]


def training_contestants(entry: dict[str, Any], seconds: float, numpy: bool) -> list[Contestant]:
    """Who trains a network; the NumPy cells only if they are asked to."""
    shape = {"sizes": entry["sizes"], "batch": entry["batch"], "window": entry["window"]}
    named = {"model": entry["model"], **shape}
    threads = BETWEEN if entry["model"] == "language_model" else OWN
    found = [Contestant("ours", "with_tensorflow", "training", named, threads)]
    if entry["model"] == "language_model":
        if processor()["bfloat16"]:
            float32 = {**named, "kind": "float32"}
            found.append(Contestant("ours_float32", "with_tensorflow", "training", float32, threads))
        found.append(Contestant("keras", "with_keras", "training", {**shape, "seconds": seconds}, threads))
    found.append(Contestant("torch", "with_torch", "training", named))
    if processor()["bfloat16"]:
        found.append(Contestant("torch_bfloat16", "with_torch", "training", {**named, "bfloat16": True}))
    if entry["model"] == "transformer_model":
        found.append(Contestant("torch_alone", "with_torch", "training", {**named, "carried": False}))
    if numpy:
        found.append(Contestant("numpy", "with_numpy", "training", shape))
    return found


def measure_training(settings: Settings, peak: dict[str, Any]) -> list[dict[str, Any]]:
    """Characters a second of each contestant, for each network, batch, and number of cores."""
    rows = []
    for cores in settings.cores:
        with Pool(settings, cores) as pool:
            for number, entry in enumerate(training_entries(settings.quick)):
                rates = pool.rates(training_contestants(entry, settings.seconds, numpy=number == 0))
                flops = getattr(costs, entry["model"])(**entry["sizes"]).training_flops()
                row = entry | {"cores": cores, "flops_per_character": flops} | rate_columns(rates)
                highest = peak_of(peak, cores)
                share = {
                    name: value["median"] * flops / highest for name, value in row["characters_per_second"].items()
                }
                rows.append(row | {"share_of_peak": {name: round(value, 4) for name, value in share.items()}})
                tell(f"{training_label(row)}, cores {cores}: {said(row)}")
    return rows


def rate_columns(rates: dict[str, list[float]]) -> dict[str, Any]:
    """What a row of the results says of rates."""
    return {
        "characters_per_second": {name: spread(values) for name, values in rates.items()},
        "times_as_fast_as": ratios(rates),
    }


def said(row: dict[str, Any]) -> str:
    """The medians of a row in a line."""
    rates = row["characters_per_second"]
    return ", ".join(f"{LABELS[name]} {value['median']:,.0f}" for name, value in rates.items()) + " characters/s"


def training_label(row: dict[str, Any]) -> str:
    """A row's network and batch."""
    return f"{row['name']}, batch {row['batch']}, window {row['window']}"


def show_training(rows: list[dict[str, Any]]) -> str:
    """Two tables: the rates; and the book's ratio to each peer, with its share of the peak."""
    names = [name for name in LABELS if any(name in row["characters_per_second"] for row in rows)]
    peers = [name for name in names if not name.startswith("ours")]
    rates, times = [], []
    for row in rows:
        label = [training_label(row), str(row["cores"])]
        found, ratio = row["characters_per_second"], row["times_as_fast_as"]
        rates.append([*label, *(shown(found[name], 1e3) if name in found else "" for name in names)])
        share = f"{row['share_of_peak']['ours']:.0%}" if "ours" in found else ""
        times.append([*label, *(shown(ratio[name], digits=2) if name in ratio else "" for name in peers), share])
    rates_head = ["training, thousand characters/s", "cores", *(LABELS[name] for name in names)]
    times_head = ["training, ours / theirs", "cores", *(LABELS[name] for name in peers), "ours of the peak"]
    return f"{table(rates_head, rates)}\n\n{table(times_head, times)}"


def measure_generation(settings: Settings) -> list[dict[str, Any]]:
    """Characters a second of one text."""
    if settings.quick:
        tiny = transformer(hidden_dim=8, num_layers=1, num_heads=2, context=8)
        entries = [lstm(8) | {"characters": 20}, tiny | {"characters": 20}]
    else:
        entries = [entry | {"characters": 1000} for entry in (lstm(256), lstm(512), transformer())]
    rows = []
    for cores in settings.cores:
        with Pool(settings, cores) as pool:
            for entry in entries:
                options = {name: entry[name] for name in ("model", "sizes", "characters")}
                contestants = [
                    Contestant("ours", "with_tensorflow", "generation", options),
                    Contestant("torch", "with_torch", "generation", options),
                ]
                if entry["model"] == "language_model":
                    contestants.append(Contestant("torch_cell", "with_torch", "generation", {**options, "cell": True}))
                rows.append(entry | {"cores": cores} | rate_columns(pool.rates(contestants)))
                tell(f"{entry['name']}, cores {cores}: {said(rows[-1])}")
    return rows


def show_generation(rows: list[dict[str, Any]]) -> str:
    """The rates as a table."""
    peers = ("torch", "torch_cell")
    lines = []
    for row in rows:
        rates, times = row["characters_per_second"], row["times_as_fast_as"]
        cells = [shown(rates[name], digits=0) if name in rates else "" for name in ("ours", *peers)]
        cells += [shown(times[name], digits=2) if name in times else "" for name in peers]
        lines.append((row["name"], str(row["cores"]), *cells))
    names = [LABELS[name] for name in peers]
    return table(("one text, characters/s", "cores", "ours", *names, *(f"ours / {name}" for name in names)), lines)


# ----------------------------------------------------------------------------------------------------------------------
# Scoring


def measure_scoring(settings: Settings) -> dict[str, Any]:
    """Seconds of `evaluate`, the first and the second time, and of a bare forward pass over as many tokens."""
    entry, characters = (lstm(8), 2000) if settings.quick else (lstm(256), 370_000)
    rows = []
    for cores in settings.cores:
        with Pool(settings, cores) as pool:
            options = {"sizes": entry["sizes"], "characters": characters}
            found = pool.race([Contestant("ours", "with_tensorflow", "scoring", options)], settings.rounds, 0.0)
            if not found:
                continue
            columns = {name: [row[name] for row in found["ours"]] for name in ("first", "second", "forward")}
            more = [second / forward for second, forward in zip(columns["second"], columns["forward"], strict=True)]
            seconds = {name: spread(values) for name, values in columns.items()}
            rows.append({"cores": cores, "seconds": seconds, "second_over_forward": spread(more)})
    return {"name": entry["name"], "characters": characters, "rows": rows}


def show_scoring(found: dict[str, Any]) -> str:
    """The seconds as a table."""
    lines = [
        (
            f"{found['characters']:,} characters, {found['name']}",
            str(row["cores"]),
            *(shown(row["seconds"][name], digits=2) for name in ("first", "second", "forward")),
            shown(row["second_over_forward"], digits=2),
        )
        for row in found["rows"]
    ]
    return table(("scoring, seconds", "cores", "first call", "second call", "bare forward", "second/bare"), lines)
