"""Make .venv with exactly what requirements.lock pins; if that isn't possible, say why in one sentence.

Any Python 3.6 or later can run this, even one too old for the book, because it looks for a suitable one. So it uses
only the standard library and the syntax of Python 3.6.
"""

import hashlib
import os
import re
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

# Patterns in pip's output when it fails, and what they mean. The first one that matches is reported.
FAILURES = [
    (
        "DO NOT MATCH THE HASHES",
        "A package isn't the one that requirements.lock pins, so it wasn't installed; check your package index.",
    ),
    (
        "No space left on device|Errno 28|Disk quota exceeded|Errno 122",
        f"The disk is full: the environment needs about {NEEDED_GB:.0f} GB, and pip uses the temporary folder too; "
        "make room and run make again.",
    ),
    (
        "No matching distribution found|Could not find a version|NewConnectionError|Max retries exceeded|Read timed out"
        "|Temporary failure in name resolution|ProxyError|SSLError|HTTP error|ConnectionError|Connection reset"
        "|Connection broken",
        "The packages could not be downloaded: no network, or the package index doesn't have them; connect "
        "(or set pip's index or proxy) and run make again.",
    ),
    ("Permission denied|Read-only file system", "The folder .venv can't be written to; check its permissions."),
]


class Failed(Exception):
    """Setup failed; the message is the one sentence to print."""


def version_of(python):
    """(3, 12, 1) for a Python that runs, None for anything else."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        said = subprocess.check_output([python, "-c", code], stderr=subprocess.DEVNULL)
        return tuple(int(part) for part in said.decode("ascii").strip().split("."))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def fits(version):
    return version is not None and OLDEST <= version[:2] <= NEWEST


def named(version):
    return ".".join(str(part) for part in version)


def fitting_python():
    """The first suitable Python: the one that runs this, then those on the path."""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = []
    for candidate in [sys.executable, *names, "python3", "python"]:
        version = version_of(candidate)
        if fits(version):
            return candidate
        if version and version not in found:
            found.append(version)
    here = " and ".join(named(version) for version in found)
    raise Failed(
        f"The book needs Python {named(OLDEST)} to {named(NEWEST)}, but there is only Python {here} here: install a "
        "suitable one and run make again."
    )


def fingerprint():
    """What .venv was made from: the lock, the package's metadata, this script, and where the folder is."""
    digest = hashlib.sha256(os.fsencode(ROOT))
    for name in ["requirements.lock", "pyproject.toml", "tools/bootstrap.py"]:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_ready():
    try:
        with open(STAMP) as file:
            return file.read() == fingerprint() and os.access(PYTHON, os.X_OK)
    except OSError:
        return False


def check_disk():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        raise Failed(
            f"The environment needs about {NEEDED_GB:.0f} GB of disk, but only {free:.1f} GB are free here: make room "
            "and run make again."
        )


def run(command, show=None):
    """Run a command, log its output, and return its exit code and output."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = []
    for raw in process.stdout or []:
        line = raw.decode("utf-8", "replace")
        said.append(line)
        if show:
            show(line)
    code = process.wait()
    if os.path.isdir(VENV):
        with open(LOG, "a", encoding="utf-8") as log:
            log.write("{}\n{}\n".format(" ".join(command), "".join(said)))
    return code, "".join(said)


def make_venv():
    """Make an empty .venv, unless there is one with a suitable Python."""
    if os.path.exists(PYTHON) and fits(version_of(PYTHON)):
        return
    python = fitting_python()
    check_disk()
    print(f"Making .venv with Python {named(version_of(python))}")
    code, said = run([python, "-m", "venv", "--clear", VENV])
    if code:
        if "ensurepip" in said or "No module named venv" in said:
            raise Failed(
                f"{python} can't make a virtual environment: its venv module is missing; install it "
                "(Debian, Ubuntu: apt install python3-venv) and run make again."
            )
        raise Failed(explain(said))


def explain(said):
    for signs, sentence in FAILURES:
        if re.search(signs, said):
            return sentence
    last = [line.strip() for line in said.splitlines() if line.strip()][-1:] or ["no message"]
    return f"The environment could not be made ({last[0]}); the details are in .venv/bootstrap.log."


def progress(line):
    """Show progress in one line that is overwritten, if the output is a terminal."""
    if not sys.stdout.isatty():
        return
    if line.startswith("Collecting "):
        print("\r  {:<70}".format(line.split(" (from")[0].strip()[:70]), end="", flush=True)
    if line.startswith("Installing collected"):
        print("\r  {:<70}".format("Installing them"), flush=True)


def install():
    print("Installing the packages that requirements.lock pins; the first time this takes a few minutes")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off"]
    pinned = ["--require-hashes", "--only-binary=:all:", "-r", "requirements.lock"]
    ours = ["--no-deps", "--no-build-isolation", "--editable", "."]
    for what in [pinned, ours]:
        code, said = run(pip + what, show=progress)
        if code:
            raise Failed(explain(said))


def quiet_kernels():
    """Let notebook kernels log only errors: they use TCP on this machine, and would warn about it each time."""
    folder = os.path.join(VENV, "etc", "ipython")
    os.makedirs(folder, exist_ok=True)
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
    except (Failed, OSError) as error:
        print("make:", error if isinstance(error, Failed) else explain(str(error)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
