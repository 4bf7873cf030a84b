"""Fixtures for tests of the built book, and what makes nbval stricter."""

import os
import signal
from pathlib import Path

import pytest
from execution import ENVIRONMENT
from hypothesis import HealthCheck, settings
from nbval.kernel import RunningKernel

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
# A busy machine is slow to draw examples, which says nothing about the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")
os.environ.update(ENVIRONMENT)  # for the notebooks that nbval runs: as in the build
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background, where tests of Ctrl-C would fail
    signal.signal(signal.SIGINT, signal.default_int_handler)


def execute_as_jupyter_does(self: RunningKernel, source: str, allow_stdin: bool | None = None) -> str:
    """Execute with history, by which IPython sees the semicolon that silences a cell's last line."""
    return self.kc.execute(source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


RunningKernel.execute_cell_input = execute_as_jupyter_does


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let nbval compare bitmaps too, which it leaves out by default; ours are deterministic."""
    for item in items:
        if hasattr(item.parent, "skip_compare"):
            item.parent.skip_compare = tuple(  # type: ignore[union-attr]
                kind for kind in item.parent.skip_compare if not kind.startswith("image/")
            )


def built_pages() -> list[str]:
    """The names of the built pages, for parametrising; none if the book isn't built."""
    return sorted(page.relative_to(HTML).as_posix() for page in HTML.rglob("*.html") if "_static" not in page.parts)


@pytest.fixture(scope="session")
def html() -> Path:
    """The built book; after `make test`, which builds it first, it has to exist."""
    if not (HTML / "index.html").exists():
        if os.environ.get("BOOK_IS_BUILT"):
            pytest.fail("the book was to be built, but _build/html/index.html is not there: see _build/build.log")
        pytest.skip("the book is not built: run make book, or make test")
    return HTML
