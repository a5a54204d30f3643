"""sRGB to L*a*b* and back: ours against scikit-image, in one run.

python -m benchmarks.lab_against_skimage
"""

from __future__ import annotations

import numpy as np
from skimage import color

from toolkit import lab
from toolkit.bench.measure import best


def main() -> None:
    """Print milliseconds per megapixel, and how many times faster ours is."""
    rgb = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3)).astype(np.uint8)
    values = lab.rgb_to_lab(rgb)
    rows = (
        ("sRGB to Lab", lambda: lab.rgb_to_lab(rgb), lambda: color.rgb2lab(rgb)),
        ("Lab to sRGB", lambda: lab.lab_to_rgb(values), lambda: color.lab2rgb(values)),
    )
    print(f"{'ms per megapixel':<18}{'ours':>8}{'skimage':>10}{'ratio':>8}")
    for name, ours, theirs in rows:
        mine, other = best(ours) * 1e3, best(theirs) * 1e3
        print(f"{name:<18}{mine:>8.1f}{other:>10.1f}{other / mine:>7.1f}x")


if __name__ == "__main__":
    main()
