"""Measures searches through the running services, on a database that `make scale-data` built."""
