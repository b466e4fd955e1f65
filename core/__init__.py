"""The method itself: arrays in, arrays out, without QGIS and, when imported, without any heavy library.

The folder listing is the table of contents, and each package imports only what comes before it: ``samples``,
``grid`` and ``transforms``; ``variogram`` and ``kriging``, each of which needs the other's models or systems, and
``report``; ``features``, ``drillholes`` and ``sample_check``; ``examples``; ``validation``; ``prediction``;
``learning``, for the backend only; ``backend``, which runs any of it in another Python.
"""
