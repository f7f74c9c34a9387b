"""The vocabulary of generated pages: names, goods, places, and random strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
RANDOM_SHARE = 0.25
"""The share of words that are random strings."""


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GOODS = _split("""
    Apples Bananas Bread Butter Candles Carrots Cheese Cherries Chicken Coffee Cookies Cream Cucumber Eggs Fish
    Flour Garlic Gloves Grapes Ham Honey Juice Ketchup Lemons Lettuce Matches Melon Milk Mushrooms Mustard
    Noodles Nuts Olives Onions Oranges Pasta Peaches Pears Pepper Pickles Plums Potatoes Pumpkin Radish Rice
    Salad Salmon Salt Sausage Shampoo Soap Soup Spinach Sponge Sugar Tea Toast Tofu Tomatoes Tuna Vinegar
    Waffles Walnuts Water Yogurt Batteries Brush Bucket Cable Chair Clock Drill Folder Hammer Hose Ladder Lamp
    Mirror Notebook Paint Paper Pencil Plates Rope Scissors Screws Shelf Socket Stapler String Table Tape Towel
    Umbrella Wrench
""")
STORES = _split("""
    ALDER ANCHOR AURORA BEACON BIRCH CANYON CEDAR CORNER CRESCENT DELTA EMBER FALCON FOREST GARNET GRANITE
    HARBOR HARVEST HAZEL JUNIPER LANTERN LAUREL MAGNET MAPLE MARKET MEADOW METRO NORTH ORCHARD PALACE PEARL
    PIONEER RIVER ROCKET SADDLE SUMMIT SUNSET TIMBER UNION VALLEY WILLOW
""")
STORE_ENDS = _split("""
    STORE SHOP MARKET FOODS GOODS TRADERS SUPPLY DEPOT BAKERY CAFE
""")
NAMES = _split("""
    Adams Baker Bennett Brooks Carter Chen Clark Cooper Davis Diaz Evans Fisher Foster Garcia Grant Green Harris
    Hayes Hughes Hunter Jackson Kumar Larsen Lopez Marsh Mason Meyer Moreno Morgan Murphy Nelson Novak Parker
    Patel Peters Porter Quinn Reed Rivera Rossi Santos Schmidt Sharma Silva Stone Tanaka Taylor Turner Vargas
    Walker Weber Yamada Young
""")
PLACES = _split("""
    Ashford Athens Berlin Bergen Boston Bristol Cairo Chester Cork Dallas Denver Dover Dublin Exeter Geneva
    Ghent Hanover Havana Jena Kent Kyoto Lagos Leeds Lisbon London Madrid Memphis Munich Naples Norwich Osaka
    Oslo Oxford Paris Perth Porto Prague Quito Rome Salem Seattle Seoul Sydney Tampa Tokyo Turin Vienna Warsaw
    York Zagreb
""")
MONTHS = _split("""
    Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
""")
NOTICES = (
    "EXIT", "ENTRANCE", "NO PARKING", "NO SMOKING", "PUSH", "PULL", "STAFF ONLY", "KEEP CLEAR", "WET FLOOR", "OPEN",
    "CLOSED", "PLEASE WAIT", "STOP", "DANGER", "PRIVATE", "RESTROOMS", "TICKETS", "BAGGAGE", "PLATFORM", "PARKING",
    "TAXI STAND", "BUS STOP", "KEEP LEFT", "KEEP RIGHT", "NO ENTRY", "ONE WAY", "FIRE DOOR", "FIRST AID", "RECEPTION",
    "ELEVATOR", "SALE TODAY", "FRESH FISH", "QUIET PLEASE", "NO DOGS", "SPEED LIMIT", "ROOM TO RENT",
)  # fmt: skip
PARTS = _split("""
    Bolt Bracket Bearing Clamp Coupler Filter Flange Fuse Gasket Gear Handle Hinge Lever Motor Nozzle Panel Pump
    Relay
""")

# Letters and digits that look alike in some typeface (I l 1 O 0) stay out of random strings: no reader could tell them.
UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"
LOWER = "abcdefghjkmnpqrstuvwxyz"
DIGITS = "23456789"


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of `choices`, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in `share` of the calls."""
    return float(rng.random()) < share


def sample(rng: np.random.Generator, choices: Sequence[T], count: int) -> list[T]:
    """`count` different members of `choices`, in random order."""
    left = list(choices)
    return [left.pop(int(rng.integers(len(left)))) for _ in range(count)]


def letters(rng: np.random.Generator, alphabet: str, count: int) -> str:
    """A string of `count` random characters of `alphabet`."""
    return "".join(pick(rng, alphabet) for _ in range(count))


def random_word(rng: np.random.Generator) -> str:
    """A random string of 4 to 7 letters: all capitals, or a capital and small letters."""
    count = whole(rng, 4, 7)
    if chance(rng, 0.5):
        return letters(rng, UPPER, count)
    return letters(rng, UPPER, 1) + letters(rng, LOWER, count - 1)


def word(rng: np.random.Generator, pool: Sequence[str]) -> str:
    """A word of the pool, or in a quarter of the calls a random string."""
    return random_word(rng) if chance(rng, RANDOM_SHARE) else pick(rng, pool)


def words(rng: np.random.Generator, pool: Sequence[str], count: int) -> list[str]:
    """`count` words that differ even when case is ignored and of which none is the start of another."""
    found: list[str] = []
    while len(found) < count:
        new = word(rng, pool)
        clash = any(new.lower().startswith(old.lower()) or old.lower().startswith(new.lower()) for old in found)
        if not clash:
            found.append(new)
    return found


def code(rng: np.random.Generator) -> str:
    """A code such as `KX-4827` or `T93-PLM`."""
    if chance(rng, 0.5):
        return f"{letters(rng, UPPER, 2)}-{letters(rng, DIGITS, 4)}"
    return f"{letters(rng, UPPER, 1)}{letters(rng, DIGITS, 2)}-{letters(rng, UPPER, 3)}"


def date(rng: np.random.Generator) -> str:
    """A date such as `2024-03-17` or `17-Mar-2024`."""
    year, month, day = whole(rng, 2015, 2029), whole(rng, 1, 12), whole(rng, 1, 28)
    return f"{year}-{month:02d}-{day:02d}" if chance(rng, 0.6) else f"{day}-{MONTHS[month - 1]}-{year}"


def cents(rng: np.random.Generator, low: int, high: int) -> int:
    """A price in cents from `low` to `high`; half of them end in 0 or 5."""
    value = whole(rng, low, high)
    return value - value % 5 if chance(rng, 0.5) else value


def price(value_cents: int) -> str:
    """Cents as printed: 1250 -> `12.50`."""
    return f"{value_cents // 100}.{value_cents % 100:02d}"
