"""Prints a compose file as JSON, after a reader of the compose specification that knows nothing of this project took it."""

import json
import sys

import compose_spec
import yaml

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        # Merge keys and anchors are YAML's own: what is read is what they come to; `x-…` is what they are written in.
        content = {key: value for key, value in yaml.safe_load(file).items() if not key.startswith("x-")}
    try:
        compose_spec.ComposeSpecification.model_validate(content)
        # References between services, volumes and secrets.
        compose_spec.PyCompose.from_yaml(yaml.safe_dump(content)).validate()
    except Exception as error:
        sys.exit(f"{path}: {error}")
    json.dump(content, sys.stdout)
