"""Whether the project's targets hold: `pages` and `prometheus` read what is measured, `verdicts` judges it."""
