"""The tools of the default mesh, one file each."""
