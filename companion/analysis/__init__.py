"""Looking into trained models, and counting what they cost: one module per question."""
