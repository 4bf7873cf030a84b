"""Looking into trained models, and counting what they cost: one module a question."""
