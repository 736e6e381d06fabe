"""The measurements behind `make figures`, one file a claim."""
