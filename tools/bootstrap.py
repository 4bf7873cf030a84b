"""Make .venv with exactly what requirements.lock pins; where that can't be, say why in one sentence.

Any Python can run this, even one too old for the book: it looks for a fitting one. So it uses the standard
library alone, and syntax that Python 2 reads too.
"""

from __future__ import print_function, unicode_literals

import hashlib
import io
import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_GB = 4.0

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".ready")
LOG = os.path.join(VENV, "bootstrap.log")

# What pip says when it fails, and what it means. The first that fits is told.
FAILURES = [
    (
        ["DO NOT MATCH THE HASHES"],
        "A package is not the one requirements.lock pins, so it was not installed; check your index.",
    ),
    (
        ["No space left on device", "Errno 28", "Disk quota exceeded", "Errno 122"],
        "The disk is full: the environment needs about %.0f GB, and pip uses the temporary folder too; make "
        "room and run make again." % NEEDED_GB,
    ),
    (
        [
            "No matching distribution found",
            "Could not find a version",
            "NewConnectionError",
            "Max retries exceeded",
            "Read timed out",
            "Temporary failure in name resolution",
            "ProxyError",
            "SSLError",
            "HTTP error",
            "ConnectionError",
            "Connection reset",
            "Connection broken",
        ],
        "The packages could not be downloaded: no network, or the package index does not have them; connect "
        "(or set pip's index or proxy) and run make again.",
    ),
    (
        ["Permission denied", "Read-only file system"],
        "The folder .venv can't be written to; check its permissions.",
    ),
]


class Failed(Exception):
    """The one sentence."""


def version_of(python):
    """(3, 12, 1) for a Python that runs, None for anything else."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        with open(os.devnull, "w") as quiet:
            said = subprocess.check_output([python, "-c", code], stderr=quiet)
        return tuple(int(part) for part in said.decode("ascii").strip().split("."))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def fits(version):
    return version is not None and OLDEST <= version[:2] <= NEWEST


def named(version):
    return ".".join(str(part) for part in version)


def fitting_python():
    """The first Python that fits: the one that runs this, then those on the path."""
    names = ["python%d.%d" % (3, minor) for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = []
    for candidate in [sys.executable] + names + ["python3", "python"]:
        version = version_of(candidate)
        if fits(version):
            return candidate
        if version and version not in found:
            found.append(version)
    raise Failed(
        "The book needs Python %s to %s and here is only Python %s: install a fitting one and run make again."
        % (named(OLDEST), named(NEWEST), " and ".join(named(version) for version in found))
    )


def fingerprint():
    """What .venv was made from: the lock, the package's metadata, this script, and where the folder is."""
    digest = hashlib.sha256(ROOT.encode("utf-8") if str is not bytes else ROOT)
    for name in ["requirements.lock", "pyproject.toml", "tools/bootstrap.py"]:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_ready():
    try:
        with open(STAMP) as file:
            return file.read() == fingerprint() and os.access(PYTHON, os.X_OK)
    except (IOError, OSError):
        return False


def check_disk():
    if not hasattr(shutil, "disk_usage"):
        return
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        raise Failed(
            "The environment needs about %.0f GB of disk and only %.1f GB are free here: make room and run "
            "make again." % (NEEDED_GB, free)
        )


def run(command, show=None):
    """Run a command into the log; give its exit code and what it said."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = []
    for raw in iter(process.stdout.readline, b""):
        line = raw.decode("utf-8", "replace")
        said.append(line)
        if show:
            show(line)
    code = process.wait()
    if os.path.isdir(VENV):
        with io.open(LOG, "a", encoding="utf-8") as log:
            log.write("%s\n%s\n" % (" ".join(command), "".join(said)))
    return code, "".join(said)


def make_venv():
    """An empty .venv; one that is there and fits is kept."""
    if os.path.exists(PYTHON) and fits(version_of(PYTHON)):
        return
    python = fitting_python()
    check_disk()
    print("Making .venv with Python %s" % named(version_of(python)))
    code, said = run([python, "-m", "venv", "--clear", VENV])
    if code:
        if "ensurepip" in said or "No module named venv" in said:
            raise Failed(
                "%s can't make a virtual environment: its venv module is missing; install it "
                "(Debian, Ubuntu: apt install python3-venv) and run make again." % python
            )
        raise Failed(explain(said))


def explain(said):
    for signs, sentence in FAILURES:
        if any(sign in said for sign in signs):
            return sentence
    last = [line.strip() for line in said.splitlines() if line.strip()][-1:] or ["no message"]
    return "The environment could not be made (%s); the whole story is in .venv/bootstrap.log." % last[0]


def progress(line):
    """One line that is written over and over, where somebody looks."""
    if line.startswith("Collecting ") and sys.stdout.isatty():
        sys.stdout.write("\r  %-70s" % line.split(" (from")[0].strip()[:70])
        sys.stdout.flush()
    if line.startswith("Installing collected") and sys.stdout.isatty():
        sys.stdout.write("\r  %-70s\n" % "Installing them")
        sys.stdout.flush()


def install():
    print("Installing the packages that requirements.lock pins; the first time this takes some minutes")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off"]
    pinned = ["--require-hashes", "--only-binary=:all:", "-r", "requirements.lock"]
    ours = ["--no-deps", "--no-build-isolation", "--editable", "."]
    for what in [pinned, ours]:
        code, said = run(pip + what, show=progress)
        if code:
            raise Failed(explain(said))


def quiet_kernels():
    """Notebook kernels on this machine talk over TCP and warn of it each time: errors only."""
    folder = os.path.join(VENV, "etc", "ipython")
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with open(os.path.join(folder, "ipython_kernel_config.py"), "w") as file:
        file.write("c.IPKernelApp.log_level = 40\n")


def main():
    if is_ready():
        return 0
    try:
        make_venv()
        install()
        quiet_kernels()
        with open(STAMP, "w") as file:
            file.write(fingerprint())
    except Failed as failed:
        print("make: %s" % failed, file=sys.stderr)
        return 1
    except (IOError, OSError) as error:
        print("make: %s" % explain(str(error)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
