"""Compounds: structure files to standardised molecules, graphs and fingerprints."""
