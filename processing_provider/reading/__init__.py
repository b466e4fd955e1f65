"""What the user entered, as the method's objects.

``reader`` has the one class that algorithms ask, built on plain ``values``. What is left out, merged,
assumed or refused on the way is decided by topic: ``samples``, ``covariates``, ``grids``, ``variograms``.
``checks`` look at layers before anything runs.
"""
