"""What the first page says, to people and to programs.

totals        all pools in a few figures, beside those of the 30 days before
attention     what waits for someone, the worst first
installation  which part of the installation itself stands still
"""
