"""Reads a file of documents in MongoDB Extended JSON, one per line, with MongoDB's own library, and writes them in each of
the formats of its exports: JSON from the name of the format to the lines."""

import json
import sys

from bson import json_util
from bson.json_util import CANONICAL_JSON_OPTIONS, LEGACY_JSON_OPTIONS, RELAXED_JSON_OPTIONS

FORMATS = {
    "canonical": CANONICAL_JSON_OPTIONS,
    "relaxed": RELAXED_JSON_OPTIONS,
    "legacy": LEGACY_JSON_OPTIONS,
}

with open(sys.argv[1], encoding="utf-8") as lines:
    # Keeps the integer and floating types apart, as a database does.
    documents = [json_util.loads(line, json_options=CANONICAL_JSON_OPTIONS) for line in lines]

written = {
    name: [json_util.dumps(document, json_options=options) for document in documents]
    for name, options in FORMATS.items()
}
json.dump(written, sys.stdout)
