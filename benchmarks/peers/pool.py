"""All contestants of a part: their processes, and the turns they take."""

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from peers.process import OWN, Peer, PeerError

PYTORCH = "with_torch"


@dataclass(frozen=True)
class Settings:
    """What to run.

    Attributes
    ----------
    rounds, seconds
        How many rounds, and how long a contestant's turn in one of them is, at least.
    cores
        Numbers of cores to measure with.
    quick
        Tiny sizes.
    torch, minbpe, text
        A Python that has PyTorch; minbpe's folder or nothing; tiny Shakespeare as a file, or nothing to download it.
    ours
        Network and training of the book's side in the part *loss*.
    """

    rounds: int = 5
    seconds: float = 0.75
    cores: tuple[int, ...] = (1, 2)
    quick: bool = False
    torch: str = sys.executable
    minbpe: str = ""
    text: str = ""
    ours: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Contestant:
    """A job of a module in ``benchmarks/peers/``, under its name in the results, and TensorFlow's threads."""

    name: str
    module: str
    job: str
    options: dict[str, Any]
    threads: str = OWN

    @property
    def process(self) -> tuple[str, str]:
        """Contestants of one module and with the same threads share a process."""
        return self.module, self.threads


class Pool:
    """The contestants' processes, on a number of cores; each is started when it is first needed.

    Attributes
    ----------
    versions
        Of the packages of all contestants that were started in any pool.
    """

    versions: ClassVar[dict[str, str]] = {}

    def __init__(self, settings: Settings, cores: int) -> None:
        self.settings, self.cores = settings, cores
        self._peers: dict[tuple[str, str], Peer | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for peer in filter(None, self._peers.values()):
            peer.close()

    def _peer(self, contestant: Contestant) -> Peer | None:
        """The process of a contestant; None if it can't be started or has ended."""
        module, threads = process = contestant.process
        if process not in self._peers:
            self._peers[process] = None
            try:
                peer = Peer(module, self.cores, self.settings.torch if module == PYTORCH else sys.executable, threads)
            except PeerError as error:
                hint = " Give --torch a Python that has PyTorch." if module == PYTORCH else ""
                tell_once(f"{module.removeprefix('with_')} isn't measured. {error}{hint}")
            else:
                self._peers[process] = peer
                self.versions.update(peer.versions)
        peer_or_none = self._peers[process]
        return peer_or_none if peer_or_none and peer_or_none.running else None

    def ask(self, contestant: Contestant, do: str, **content: Any) -> dict[str, Any] | None:
        """A contestant's answer; None, and a sentence on standard error, if it can't be measured."""
        peer = self._peer(contestant)
        if not peer:
            return None
        try:
            return peer.ask(do, slot=contestant.name, **content)
        except PeerError as error:
            tell_once(f"{contestant.name} ({contestant.job}) isn't measured. {error}")
            return None

    def race(self, contestants: Sequence[Contestant], rounds: int, seconds: float) -> dict[str, list[dict[str, Any]]]:
        """The answers of each contestant, round by round; each round another one begins."""
        ready = {}
        for contestant in contestants:
            asked = {"job": contestant.job, "options": contestant.options}
            if self.ask(contestant, "prepare", **asked) is not None:
                ready[contestant.name] = contestant
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in ready}
        for number in range(rounds):
            names = list(ready)
            first = number % max(1, len(names))
            for name in names[first:] + names[:first]:
                answer = self.ask(ready[name], "run", options={"seconds": seconds})
                if answer is None:
                    del ready[name], found[name]
                else:
                    found[name].append(answer)
        for contestant in {contestant.process: contestant for contestant in contestants}.values():
            self.ask(contestant, "forget")
        return found

    def rates(self, contestants: Sequence[Contestant]) -> dict[str, list[float]]:
        """What each contestant did in a second, round by round."""
        found = self.race(contestants, self.settings.rounds, self.settings.seconds)
        return {name: [row["amount"] / row["seconds"] for row in rows] for name, rows in found.items()}


def tell(sentence: str) -> None:
    """Print to standard error, where the progress is shown."""
    print(sentence, file=sys.stderr, flush=True)


tell_once = functools.cache(tell)
