"""What OPTIX asks of the outside world: Protocols and capability records, no implementation."""
