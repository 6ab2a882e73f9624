"""Releases the exercises of the course, grades what students hand in, and tells each of them what went wrong."""

import sys

# nbformat imports jsonschema, which would take more than a second to compile a grammar of internationalised addresses.
# We have none to check, and where the package cannot be imported, jsonschema does without it.
sys.modules.setdefault("rfc3987_syntax", None)
