"""Prints manifests as a JSON list, after each document was checked against the schema of its kind, unknown fields included."""

import json
import sys

import kubernetes_validate
import yaml

VERSION = "1.34"

documents = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for document in yaml.safe_load_all(file):
            try:
                kubernetes_validate.validate(document, VERSION, strict=True)
            except Exception as error:
                sys.exit(f"{path}: {document.get('kind')} {document.get('metadata', {}).get('name')}: {error}")
            documents.append(document)
json.dump(documents, sys.stdout)
