"""The companion of the book *Gate by Gate*: what its chapters import.

One module is one idea, and a chapter links to the module it uses. Importing this package is cheap:
TensorFlow and matplotlib are loaded only by the functions that need them.
"""

from companion.errors import UserError
from companion.seeding import set_seed

__all__ = ["UserError", "set_seed"]
__version__ = "0.1.0"
