"""Short captions of generated pages, for training encoder and projector on picture-text pairs."""

from __future__ import annotations

import numpy as np

from agentmm.world.documents.page import Document
from agentmm.world.documents.words import pick


def document_caption(doc: Document, rng: np.random.Generator) -> str:
    """One short sentence that is true of the page, e.g. `a receipt from ACME SHOP with 4 items`."""
    plain = {"invoice": "an invoice", "chart": "a bar chart"}.get(doc.kind, f"a {doc.kind}")
    return pick(rng, [plain, *_special(doc)])


def _special(doc: Document) -> list[str]:
    if doc.kind in ("receipt", "invoice"):
        what, count = ("an invoice" if doc.kind == "invoice" else "a receipt"), len(doc.items)
        listed = f"{count} item" if count == 1 else f"{count} items"
        return [
            f"{what} from {doc.store}",
            f"{what} from {doc.store} with {listed} and a total of {doc.total}",
            f"{what} with a total of {doc.total}",
        ]
    if doc.kind == "sign":
        return [f"a sign that says {doc.title}", f"a sign that says {' '.join(doc.lines)}"]
    if doc.kind == "label":
        return [f"a label of {doc.title}", f"a label of {doc.title} with {len(doc.fields)} values"]
    if doc.kind == "table":
        return [f"a table with {len(doc.rows)} rows and {len(doc.columns)} columns", f"a table titled {doc.title}"]
    most = max(doc.series, key=lambda bar: bar.value)
    return [
        f"a bar chart with {len(doc.series)} bars",
        f"a bar chart titled {doc.title} in which {most.label} is highest",
    ]
