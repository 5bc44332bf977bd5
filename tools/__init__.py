"""Small scripts of the project: what checks the house and what stamps new parts of it."""
