"""How fast Tandem is, beside what a good engineer would write in fifteen lines (`python -m benchmarks`).

Absolute times say more about the machine than about the program, so every figure of a copy or a push stands beside a
floor that was measured in the same minute on the same pages. A cycle has no floor: its requests and its memory are what
to look at. Nothing here asserts a time.
"""
