"""The market's memory as a feature: what is captured each day, what is missing, what was."""
