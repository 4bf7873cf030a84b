"""The companion of the book *Gate by Gate*: what its chapters import.

>>> import companion
>>> trained = companion.load("shakespeare-chars")  # or a folder that the command train wrote  # doctest: +SKIP
>>> print(trained.generate("ROMEO", seed=1))  # doctest: +SKIP

Each module is one idea, and a chapter links to the module it uses. Importing this package is cheap: a module such as
``companion.corpora`` is imported when it is first used. TensorFlow and matplotlib are loaded only by what needs them:
functions, and the modules that define Keras layers.
"""

import importlib
from typing import TYPE_CHECKING, Any

from companion.errors import UserError
from companion.seeding import set_seed

if TYPE_CHECKING:
    from companion import (
        analysis,
        applications,
        cells,
        corpora,
        evaluation,
        exercises,
        generation,
        grammar,
        models,
        ngrams,
        plotting,
        recipes,
        results,
        tokenizers,
        training,
    )
    from companion.recipes import load

__all__ = [
    "UserError",
    "analysis",
    "applications",
    "cells",
    "corpora",
    "evaluation",
    "exercises",
    "generation",
    "grammar",
    "load",
    "models",
    "ngrams",
    "plotting",
    "recipes",
    "results",
    "set_seed",
    "tokenizers",
    "training",
]
__version__ = "0.1.0"

_ON_DEMAND = {
    "load": "companion.recipes",
    "analysis": "companion.analysis",
    "applications": "companion.applications",
    "cells": "companion.cells",
    "corpora": "companion.corpora",
    "evaluation": "companion.evaluation",
    "exercises": "companion.exercises",
    "generation": "companion.generation",
    "grammar": "companion.grammar",
    "models": "companion.models",
    "ngrams": "companion.ngrams",
    "plotting": "companion.plotting",
    "recipes": "companion.recipes",
    "results": "companion.results",
    "tokenizers": "companion.tokenizers",
    "training": "companion.training",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_ON_DEMAND[name])
    return module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
