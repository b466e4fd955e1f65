"""The tasks one by one: from the plain inputs and arrays of a job to a call of the core, and back.

Every task runs unchanged in QGIS's Python and in the backend. ``inputs["samples"]`` and the arrays that
belong to it come from `exchange.pack_samples`; transforms, variograms and neighbourhoods are the objects
of the files, as dicts. The heavy parts of the core are imported by the task that needs them.
"""
