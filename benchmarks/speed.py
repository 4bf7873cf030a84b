"""How fast the book's code is, next to its peers: run ``python benchmarks/speed.py``.

Each contestant is a process of its own, on one core and then on two, and all take turns, round after round, so that a
busy machine slows all of them. Medians and spreads over the rounds are printed and written to
``companion/data/results/speed.json``, together with the fastest product of matrices that any of them can do.

- ``training``: whole steps (forward, loss, backward, clipping, Adam) of the book's loop, of `keras.Model.fit`, of
  PyTorch, and of the NumPy cells. PyTorch's Transformer does the same products as the book's, keys and values carried
  from the last window included; "alone" is one that reads each window on its own, with half as many scores.
- ``generation``: one text, temperature 0.8, the draw included. PyTorch steps its LSTM in two ways, and its Transformer
  with a cache of keys and values.
- ``scoring``: `companion.evaluation.evaluate`, and a bare forward pass over as many tokens.
- ``tokenizers``: byte-pair encoding, the library ``tokenizers`` and minbpe; processor time.
- ``loading``: a fresh process, from its start to the first character of a trained model.
- ``loss``: tiny Shakespeare, nanoGPT's setting for a CPU and ours: the validation loss by each one's own seconds.

PyTorch isn't needed by the book. ``pip install -r benchmarks/requirements.txt`` into any environment, and give its
Python: ``--torch PATH``. minbpe is a folder: ``--minbpe PATH``. Without them their rows are left out.
``--only training,loss`` runs these parts; the others stay as they are on file. ``--quick`` shows in a minute that
everything runs, and writes no results unless it is given a ``--folder``.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from peers import loss, networks, texts
from peers.machine import Others, processor
from peers.pool import Pool, Settings, tell
from peers.process import TENSORFLOW_THREADS, PeerError, cores_available

from companion.errors import UserError
from companion.results import read_results, write_results

# Our side of ``loss``: chosen on the validation text, as nanoGPT's setting was.
OURS: dict[str, dict[str, Any]] = {
    "network": {"embedding_dim": 64, "units": 256},
    "training": {
        "epochs": 4,
        "batch_size": 32,  # many updates for a short text
        "window": 64,
        "learning_rate": 1e-2,  # long steps,
        "average": 0.99,  # whose noise the average takes out again
        "warmup_steps": 50,
        "final_rate": 0.01,
    },
}
RESULTS = "speed"
QUIET = 0.05  # the largest share of the processor that other programs may have used for the numbers to count
QUICK = {"rounds": 2, "seconds": 0.05, "cores": (1,)}
Part = tuple[Callable[..., Any], Callable[[Any], str]]
PARTS: dict[str, Part] = {
    "peak": (networks.measure_peak, networks.show_peak),
    "training": (networks.measure_training, networks.show_training),
    "generation": (networks.measure_generation, networks.show_generation),
    "scoring": (networks.measure_scoring, networks.show_scoring),
    "tokenizers": (texts.measure_tokenizers, texts.show_tokenizers),
    "loading": (texts.measure_loading, texts.show_loading),
    "loss": (loss.measure_loss, loss.show_loss),
}


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), metavar="PARTS", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="rounds of each race (default: 5)")
    parser.add_argument("--seconds", type=float, help="least seconds of a contestant's turn in a round (default: 0.75)")
    parser.add_argument("--cores", help="numbers of cores to measure with (default: 1,2)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, two rounds, one core")
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="a Python that has PyTorch")
    parser.add_argument("--minbpe", default="", metavar="FOLDER", help="the folder of minbpe")
    parser.add_argument("--text", default="", metavar="FILE", help="tiny Shakespeare (default: it is downloaded)")
    parser.add_argument("--folder", metavar="FOLDER", help="where speed.json goes (default: the book's results)")
    return parser.parse_args(arguments)


def settings_from(options: argparse.Namespace) -> Settings:
    """What the options ask for.

    Raises
    ------
    UserError
        An option can't be used.
    """
    chosen: dict[str, Any] = dict(QUICK) if options.quick else {}
    chosen |= {name: getattr(options, name) for name in ("rounds", "seconds") if getattr(options, name) is not None}
    available = len(cores_available())
    if options.cores:
        numbers = options.cores.split(",")
        if not all(number.isdecimal() and 0 < int(number) <= available for number in numbers):
            raise UserError(f"--cores is {options.cores}; expected numbers from 1 to {available}, such as 1,2.")
        chosen["cores"] = tuple(map(int, numbers))
    found = Settings(
        quick=options.quick, torch=options.torch, minbpe=options.minbpe, text=options.text, ours=OURS, **chosen
    )
    if found.rounds < 1 or found.seconds <= 0:
        raise UserError(f"There are {found.rounds} rounds of {found.seconds:g} s; both should be above 0.")
    cores = tuple(number for number in found.cores if number <= available)
    if cores != found.cores:
        tell(f"This process may use {available} of the cores, so there are no rows for more.")
    return dataclasses.replace(found, cores=cores)


def measure(names: list[str], settings: Settings, folder: str | None, keep: bool) -> None:
    """Measure these parts, print each, and write the results after each."""
    old = read_results(RESULTS, folder, missing={}) if keep else {}
    if old.get("processor") != processor():
        old = {}
    content = {name: old[name] for name in ("runs", *PARTS) if name in old}
    for name in names:
        run, show = PARTS[name]
        others = Others()
        try:
            found = run(settings, content["peak"]) if name == "training" else run(settings)
        except (UserError, PeerError) as error:
            tell(f"The part {name} isn't measured. {error}")
            continue
        share = others.share
        about = {"rounds": settings.rounds, "others_share": share, "peers": dict(Pool.versions)}
        content |= {name: found, "runs": content.get("runs", {}) | {name: about}}
        print(f"\n{show(found)}\n", flush=True)
        if share is not None and share > QUIET and not settings.quick:
            tell(f"Other programs used {share:.0%} of the processor meanwhile; measure again when they have ended.")
        if keep:
            what = "medians, lowest and highest values over the rounds; wall-clock seconds unless it says otherwise"
            head = {"what": what, "processor": processor(), "threads": TENSORFLOW_THREADS}
            write_results(RESULTS, head | content, ("keras", "numpy", "tensorflow"), folder)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write."""
    options = parsed(arguments)
    names = options.only.split(",")
    try:
        if unknown := [name for name in names if name not in PARTS]:
            raise UserError(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
        names = [name for name in PARTS if name in names or (name == "peak" and "training" in names)]
        settings = settings_from(options)
        measure(names, settings, options.folder, keep=bool(options.folder) or not options.quick)
    except UserError as error:
        raise SystemExit(f"{error}") from None


if __name__ == "__main__":
    main()
