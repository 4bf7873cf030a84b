"""The examples in the docstrings give what they say."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import companion

MODULES = [info.name for info in pkgutil.walk_packages(companion.__path__, "companion.") if "__main__" not in info.name]


@pytest.mark.parametrize("name", ["companion", *MODULES])
def test_the_examples_hold(name):
    module = importlib.import_module(name)
    face = importlib.import_module(name.rpartition(".")[0] or name)
    found = doctest.testmod(module, extraglobs={key: getattr(face, key) for key in getattr(face, "__all__", ())})
    assert found.failed == 0
    examples = [line for line in inspect.getsource(module).splitlines() if ">>> " in line and "+SKIP" not in line]
    assert found.attempted or not examples
