"""Drill holes: collar, survey and assay tables to composites with places in space."""
