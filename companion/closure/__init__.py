"""What a piece of code depends on: the modules it imports, however deep, and the files it reads.

A cache is only right if its key holds everything that its content depends on. `closure` finds that from the source
alone, importing and running nothing, so no list of modules is kept by hand. A trained model's key is then

>>> definition = '{"units": 256, "seed": 0}'
>>> len(fingerprint(closure(["companion.models", "companion.evaluation"]), definition))
16

where the modules are those that make and score the model (``function.__module__`` for a registered function), not the
one with the table of models, or each new entry would retrain all of them. A chapter's key comes from
`closure_of_code` on its cells.

Both err on one side only. A file too many makes a cache run again for nothing, which is slow; a file too few would let
it show what is no longer true. The rules:

**Modules.** Every ``import`` counts, those within functions too, with the ``__init__`` of each package on the way and
all that these import. What only type checkers read (``if TYPE_CHECKING:``) does not. A package may import on demand,
by a ``__getattr__`` that looks a name up in a literal table (``_LAZY = {"load": "companion.recipes"}``). Then only
the names that are used count, whether as ``from companion import load`` or as ``companion.load``. A string that names
a module counts as its import, and ``"companion"`` alone, as in ``[sys.executable, "-m", "companion"]``, as that of
its ``__main__``.

**Files.** A module reads the files that it names from ``__file__`` on: ``Path(__file__).parent / "weights" / name``
is whatever lies in the folder ``weights``, and ``Path(__file__).with_name("page.html")`` is that one file. Data from
elsewhere has to be pinned by a hash in the code, as corpora are.

**One of many.** ``read_results("bias")`` reads one file of a folder and ``check("gates-step", ...)`` imports one
module of a package. Where all calls of such a function (see `PICKERS`) name what they want in a literal, only that
counts; otherwise everything that the function could pick does.

**The rest.** Whatever can't be told from the source makes the code depend on the whole package: a module imported by
a computed name, ``import *``, a path that leads out of the package or is handed on, a syntax error. `unresolved`
lists these places. Three things go unseen and have to be avoided: a module's name put together from pieces in any
other way than ``f"companion.{name}"``, a module replaced from outside, and a module that climbs to the parent folder
of a path it imported from another.
"""

from companion.closure.graph import closure, closure_of_code, fingerprint, unresolved
from companion.closure.source import PICKERS

__all__ = ["PICKERS", "closure", "closure_of_code", "fingerprint", "unresolved"]
