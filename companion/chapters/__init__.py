"""One chapter's own figures, games and data: a module a chapter, named as its file, imported by that chapter alone."""
