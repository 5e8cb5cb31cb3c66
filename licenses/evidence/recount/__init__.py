"""Count the figures of a pack again, from its entries alone, by other code than the product's.

It is one program for whoever gets a pack: `licenses.evidence.programs` puts these files together,
in the order of their ideas, into the pack's recompute.py. It needs Python 3.9 and nothing else.
"""
