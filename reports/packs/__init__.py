"""Packs for auditors: sealed evidence, with the figures that it leads to."""
