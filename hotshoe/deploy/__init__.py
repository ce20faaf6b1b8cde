"""The deploy as a program: what it would change, what it changed, and a record of that."""
