"""Values and rules that every part shares. Standard library only."""
