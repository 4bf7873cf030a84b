"""What the book makes of its models, without commands: one module an application."""
