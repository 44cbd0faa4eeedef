"""The agent loop, which drives a model through the tools of a mesh."""
