"""Published benchmarks as tasks, from a local path or the hub; what each is and where it
comes from is in docs/benchmarks.md."""
