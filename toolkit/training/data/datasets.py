"""Photographs that can be fetched by name, and what is known of their archives.

References
----------
.. [1] fastai, ``fastai/data/checks.txt`` (github.com/fastai/fastai): sizes, and MD5 of the first
   2**20 bytes, of what ``untar_data`` downloads; the tutorials take COCO_SAMPLE from there.
.. [2] https://cocodataset.org/#download: the addresses. The site gives no checksums; the MD5 here
   are those that several public downloaders of COCO 2017 check, all alike. SHA-1 of ``train2017``
   and ``val2017``: GluonCV, ``scripts/datasets/mscoco.py`` (github.com/dmlc/gluon-cv).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DATASETS", "Dataset"]

FASTAI = "https://s3.amazonaws.com/fast-ai-"
COCO = "http://images.cocodataset.org/zips/"


@dataclass(frozen=True)
class Dataset:
    """An archive of photographs."""

    url: str
    about: str
    size: int | None = None
    """Bytes; None where no source tells it."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """Hexadecimal digits by algorithm: a name of `hashlib`, or ``md5-first-mib``."""


DATASETS = {
    "coco-sample": Dataset(
        f"{FASTAI}coco/coco_sample.tgz",
        "21,837 photographs of five classes of COCO 2017: tutorials 000 and 002, 3.2 GB",
        3245877008,
        {"md5-first-mib": "006cd55d633d94b36ecaf661467830ec"},
    ),
    "coco-tiny": Dataset(
        f"{FASTAI}coco/coco_tiny.tgz",
        "200 small photographs of the same, to try things, 0.8 MB",
        801038,
        {"md5": "367467451ac4fba79a647753c2c66d3a"},
    ),
    "coco-train2017": Dataset(
        f"{COCO}train2017.zip",
        "118,287 photographs, 18 GB",
        checks={
            "md5": "cced6f7f71b7629ddf16f17bbcfab6b2",
            "sha1": "10ad623668ab00c62c096f0ed636d6aff41faca5",
        },
    ),
    "coco-val2017": Dataset(
        f"{COCO}val2017.zip",
        "5,000 photographs, 0.8 GB",
        815585330,
        {
            "md5": "442b8da7639aecaf257c1dceb8ba8c80",
            "sha1": "4950dc9d00dbe1c933ee0170f5797584351d2a41",
        },
    ),
    "coco-test2017": Dataset(
        f"{COCO}test2017.zip",
        "40,670 photographs, 6.6 GB",
        6646970404,
        {"md5": "77ad2c53ac5d0aea611d422c0938fb35"},
    ),
    "imagenette-320": Dataset(
        f"{FASTAI}imageclas/imagenette2-320.tgz",
        "13,394 photographs of ten easy classes of ImageNet, short side 320, 0.3 GB",
        341663724,
        {"md5-first-mib": "1f1f74f133caff120e575856659b87a2"},
    ),
}
"""By the name for `toolkit data fetch`."""
