"""`python -m benchmarks`, which `make bench` runs.

The processes that measure import this module too, so it holds nothing: what it loaded would count as their memory.
"""

if __name__ == "__main__":
    import sys

    from benchmarks.command import main

    sys.exit(main(sys.argv[1:]))
