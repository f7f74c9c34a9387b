"""Generated pages with ground truth: receipts, invoices, signs, labels, tables and charts.

`make_document(rng, kind=None)` makes one; `make_receipt(rng)` and its sisters make one of a kind. `rng` is a
`numpy.random.Generator`; the same state gives the same pixels on every machine.
"""

from agentmm.world.documents.page import Bar, Box, Document, DocumentKind, Field, FieldKind, Look

__all__ = ["Bar", "Box", "Document", "DocumentKind", "Field", "FieldKind", "Look"]
