"""The measurements behind `bench/graphs.py`: which graph is fastest on this CPU, and what each costs in quality.

`variants` makes the graphs, `runners` runs them, `timing` times them in turns, `quality` compares their vectors with
float32's and scores retrieval, `resident` reads what a process of its own holds.
"""
