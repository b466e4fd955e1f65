"""QGIS and the method: parameters in, layers and files out. No arithmetic lives here.

``base`` has the one way every algorithm runs: read, compute, write. ``parameters`` are declared by
topic; ``reading`` turns them into the method's objects with the help of ``layers`` (points) and
``rasters``; ``outputs`` writes results so that none is ever half-written (those of kriging are made in
``kriged_maps`` and ``gradient_maps``); ``algorithms`` declares the rest.
"""
