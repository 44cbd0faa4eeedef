"""Questions about charts that are drawn for them."""
