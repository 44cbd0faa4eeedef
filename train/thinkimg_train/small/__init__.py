"""A small model to learn on: real in everything about training but its size.

`tokenizer` knows few words and all numbers, `architecture` is a Qwen2-VL of three million
parameters, `starting_point` gives it weights that look one token back and at equal tokens.
"""
