"""What the book does with its models: one module per application."""
