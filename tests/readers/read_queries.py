"""Prints, as JSON, what the queries of alert rules (YAML) and dashboards (JSON) ask for: {file: [query, …]}.

Every query is parsed by a reader of PromQL that knows nothing of this project; one that is no PromQL ends this with an error.
"""

import json
import sys

import promql_parser
import yaml


def queries(path):
    """Every query of a file, with the variables of dashboards filled in."""
    with open(path, encoding="utf-8") as file:
        content = yaml.safe_load(file)
    found = list(expressions(content))
    if not found:
        sys.exit(f"{path}: no query")
    for query in found:
        try:
            promql_parser.parse(query)
        except Exception as error:
            sys.exit(f"{path}: {query}: {error}")
    return found


def expressions(content):
    """The values under `expr`, however deep."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "expr":
                yield value.replace("$__rate_interval", "5m")
            else:
                yield from expressions(value)
    elif isinstance(content, list):
        for value in content:
            yield from expressions(value)


json.dump({path: queries(path) for path in sys.argv[1:]}, sys.stdout)
