"""Tasks and scorers for models that use tools. Nothing is here yet."""
