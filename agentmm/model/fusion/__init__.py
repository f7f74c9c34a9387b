"""How projected tokens enter the backbone."""
