"""What `benchmarks/speed.py` races against each other: each contestant in a process of its own.

A face isn't needed here: a process imports the one module that it runs, and with it only that module's framework.
"""
