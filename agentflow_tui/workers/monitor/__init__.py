"""The monitor: keeps the health checks true."""
