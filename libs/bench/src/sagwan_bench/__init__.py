"""What measurements of this project share: figures and their targets, the machine, and metrics pages read twice.

- `results`: figures, targets, and the one shape of `var/*/*.json`;
- `environment`: what a result was measured on;
- `pages`, `quantiles`: a service's own view of a run, as the difference of two readings of its metrics page;
- `arrivals`, `samples`: an open loop, and the quantiles of what it saw;
- `memory`, `trends`: what a process holds, and whether that grows.
"""
