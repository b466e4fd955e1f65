"""The method itself: arrays in, arrays out, without QGIS, TensorFlow or the network.

The folder listing is the table of contents: samples and grids flow through
``variogram``, ``kriging`` and ``features`` into ``learning`` (backend only),
``prediction`` and ``validation``; ``backend`` runs parts of it in another Python.
"""
