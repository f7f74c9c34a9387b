"""Generated pages with ground truth: receipts, invoices, signs, labels, tables and charts.

`make_document(rng, kind=None)` makes one; `make_receipt(rng)` and its sisters make one of a kind. `rng` is a
`numpy.random.Generator`; the same state gives the same pixels on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agentmm.errors import ConfigError
from agentmm.world.documents.captions import document_caption
from agentmm.world.documents.charts import make_chart
from agentmm.world.documents.fonts import FONTS
from agentmm.world.documents.invoices import make_invoice
from agentmm.world.documents.labels import make_label
from agentmm.world.documents.page import Bar, Box, Document, DocumentKind, Field, FieldKind, Layout, Look
from agentmm.world.documents.receipts import make_receipt
from agentmm.world.documents.signs import make_sign
from agentmm.world.documents.tables import make_table
from agentmm.world.documents.words import pick

MAKERS: dict[str, Callable[[np.random.Generator], Document]] = {
    "receipt": make_receipt,
    "invoice": make_invoice,
    "sign": make_sign,
    "label": make_label,
    "table": make_table,
    "chart": make_chart,
}


def make_document(rng: np.random.Generator, kind: str | None = None) -> Document:
    """A page of this kind, or of a random one.

    Raises:
        ConfigError: there is no such kind.
    """
    chosen = pick(rng, list(MAKERS)) if kind is None else kind
    if chosen not in MAKERS:
        raise ConfigError("unknown kind of document", got=kind, expected=f"one of {', '.join(MAKERS)}")
    return MAKERS[chosen](rng)


__all__ = [
    "FONTS",
    "MAKERS",
    "Bar",
    "Box",
    "Document",
    "DocumentKind",
    "Field",
    "FieldKind",
    "Layout",
    "Look",
    "document_caption",
    "make_chart",
    "make_document",
    "make_invoice",
    "make_label",
    "make_receipt",
    "make_sign",
    "make_table",
]
