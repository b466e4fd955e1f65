"""The desktop side: a menu, a toolbar button and the sample. It calls algorithms and owns no formulas."""
