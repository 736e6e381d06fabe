"""What the load run is made of.

`questions` gives locustfile.py what to ask, `pages` reads the services' metrics, `quantiles` turns two readings into
quantiles, `verdict` holds the figures against the targets, and `environment` says what they were measured on.
report.py puts them together.
"""
