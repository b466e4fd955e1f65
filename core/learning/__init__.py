"""Training in the backend: networks, drift ensembles, stacking, export to ONNX. Imported by the worker only."""
