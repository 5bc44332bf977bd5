"""Recorded markets, played on the market clock of the recording."""
