"""`thinkimg serve`: one TOML file, one command, a mesh that looks after itself."""
