"""What the converter tells: the plan as a table, as JSON and as C source."""
