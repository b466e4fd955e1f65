"""Work in another Python, for libraries that QGIS's own lacks.

Whoever has work asks ``tasks``, which runs a ``job`` here or, over the ``client``, in the ``worker`` of the
``environment``; ``adapters`` have the tasks one by one. ``protocol`` and ``exchange`` say what travels between the
two, ``delivery`` puts files in place, ``process`` starts and ends programs. ``installation`` makes the environment
with one of the ``interpreters`` found, behind a ``lock_file``.
"""
