"""What is known everywhere on a map: bands of rasters, polygons, the elevation, components of spectra, by name.

``kinds`` lists the kinds of covariates; ``stack`` holds those of a run and finds them at points, ``on_grid``
block by block on a grid; ``moments`` are of the bands of spectra. What a model must know to find a covariate
again travels as its origin; `core.features.covariate_origins` lists the kinds of these.
"""
