"""Long texts in the background: split into parts, each made once, playable while the rest is made, joined at the end.

SQL holds the truth (``ledger``), Huey's queue only wakes workers: what a queue or a worker loses is found again.
"""
