"""Speed and accuracy of `read_text` on small rendered pages: python benchmarks/read_text.py [--pages N] [--side-px S].

A page has lines of words and amounts in one typeface, 9-40 px high, tilted, blurred and JPEG-compressed by chance.
A line counts as read when some row says exactly the same, spaces squeezed.
"""

from __future__ import annotations

import argparse
import io
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFilter, ImageFont

import agentmm.world
from agentmm.media import Image
from agentmm.registry import load_tool

FONTS = sorted(Path(next(iter(agentmm.world.__path__)), "fonts").glob("*.[ot]tf"))
WORDS = [
    "TOTAL",
    "Coffee",
    "Tea",
    "Bread",
    "Milk",
    "Invoice",
    "Open",
    "Exit",
    "Tax",
    "Cash",
    "Apples",
    "Soup",
    "Room",
    "Date",
    "Price",
    "Sugar",
    "Rice",
    "Salt",
]


def page(rng: np.random.Generator) -> tuple[Image, list[str], float]:
    """A page, its lines, and its text height in px."""
    height = float(np.exp(rng.uniform(np.log(9), np.log(40))))
    width_px, height_px = int(rng.integers(256, 481)), int(rng.integers(256, 481))
    font = ImageFont.truetype(str(FONTS[rng.integers(len(FONTS))]), round(height / 0.72))
    canvas = PILImage.new("RGB", (width_px, height_px), "white")
    draw = ImageDraw.Draw(canvas)
    lines = []
    step, margin = height * 1.9, 0.14
    y = height_px * margin
    while y + step < height_px * (1 - margin) and len(lines) < 8:
        left, right = _words(rng), f"{rng.integers(1, 100)}.{rng.integers(0, 100):02d}"
        x0, x1 = width_px * margin, width_px * (1 - margin) - draw.textlength(right, font)
        if x0 + draw.textlength(left, font) + height < x1:
            draw.text((x0, y), left, (20, 20, 30), font)
            draw.text((x1, y), right, (20, 20, 30), font)
            lines.append(f"{left} {right}")
        y += step
    canvas = canvas.rotate(float(rng.uniform(-12, 12)), PILImage.Resampling.BICUBIC, fillcolor="white")
    canvas = canvas.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, min(1.5, height / 12)))))
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=int(rng.integers(35, 96)))
    return Image.from_pil(PILImage.open(buffer)), lines, height


def _words(rng: np.random.Generator) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    known = WORDS[rng.integers(len(WORDS))]
    return known if rng.random() < 0.75 else "".join(letters[k] for k in rng.integers(0, len(letters), 5))


def main() -> None:
    """Print lines read and seconds a page, by text height."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--side-px", type=int, default=0, help="0: the tool's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print the lines that were missed")
    given = parser.parse_args()
    tool = load_tool("read_text", **({"side_px": given.side_px} if given.side_px else {}))
    rng = np.random.default_rng(given.seed)
    pages = [page(rng) for _ in range(given.pages)]
    tool.call(image=pages[0][0])
    read, asked, seconds = Counter(), Counter(), []
    for image, lines, height in pages:
        started = time.process_time(), time.perf_counter()
        rows = [" ".join(row.text.split()) for row in tool.call(image=image).value["lines"]]
        seconds.append((time.process_time() - started[0], time.perf_counter() - started[1]))
        band = "9-12" if height < 12 else "12-18" if height < 18 else "18-40"
        for line in lines:
            asked[band] += 1
            read[band] += line in rows
            if given.show and line not in rows:
                print(f"{height:.0f} px: {line!r} not in {rows}")
    for band in asked:
        print(f"{band} px: {read[band]}/{asked[band]} lines = {read[band] / asked[band]:.3f}")
    cpu, wall = np.mean(seconds, axis=0)
    print(f"all: {sum(read.values()) / sum(asked.values()):.3f}; {cpu:.2f} CPU s, {wall:.2f} s a page")


if __name__ == "__main__":
    main()
