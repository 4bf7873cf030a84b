"""``python -m companion.recipes`` trains whatever is missing."""

from companion.recipes import train_missing

train_missing()
