"""What the user entered, as the method's objects.

``reader`` has the one class that algorithms ask, built on plain ``values`` and those of ``kriging``. What is left
out, merged, assumed or refused on the way is decided by topic: ``samples``, ``covariates``, ``grids``, ``variograms``,
``training``.
``checks`` look at layers before anything runs.
"""
