"""The agent loop, which drives a model through the tools. Nothing is here yet."""
