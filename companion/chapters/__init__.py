"""Figures, games and data of single chapters: one module per chapter, named after its file and used there alone."""
