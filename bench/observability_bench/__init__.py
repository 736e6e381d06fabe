"""What metrics and traces cost: stacks that differ in nothing else, asked in turn."""
