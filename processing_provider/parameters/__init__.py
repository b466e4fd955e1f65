"""Groups of parameters that several algorithms share, by topic.

They come from functions, because QGIS takes ownership of every parameter it is given.
Every parameter carries a help text; it is the tooltip and what ``qgis_process help`` prints.
"""
