"""Episodes that a policy plays while it is trained."""
