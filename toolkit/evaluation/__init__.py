"""How well a model colours: metrics, the one protocol, robustness and contact sheets.

NumPy and Pillow only; `metrics` and `summary` need NumPy alone.
"""
