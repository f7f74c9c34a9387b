"""Expert tools, one a file; the file's name is the tool's."""
