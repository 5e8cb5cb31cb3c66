"""A company that does not exist, and the text that its licence servers write. No Django;
independent of the parsers."""
