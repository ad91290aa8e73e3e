"""How fast a first copy is, beside what a good engineer would write in fifteen lines (`python -m benchmarks`).

Absolute times say more about the machine than about the program, so every figure stands beside a floor that was
measured in the same minute on the same pages. Nothing here asserts a time.
"""
