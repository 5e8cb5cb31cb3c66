"""Who gets a seat: what the product itself does about it."""
