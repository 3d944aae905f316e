"""Recounts two exports of the same CRAs, before and after forgetting, with nothing of this project but its field names.

    recount_cras.py BEFORE.ndjson AFTER.ndjson SEED SELECTIONS

Every CRA must be equal but for what it says was forgotten; every number and every coded value of random selections must add up
to the same. Prints {"cras", "participants", "selections", "forgotten"}.
"""

import collections
import json
import random
import sys

before_path, after_path, seed, selections = sys.argv[1:]
# By the key of "forgotten": the field that it may replace or empty.
FORGETTABLE = {"annotationAt": "annotation", "organisationsAt": "other", "advisorAt": "advisorId"}


def records(path):
    with open(path, encoding="utf-8") as file:
        return {record["craId"]: record for record in map(json.loads, file)}


def leaves(value, path=""):
    """Each leaf with the path of its field; positions in lists do not count."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def without(record, fields):
    return sorted((path, str(value)) for path, value in leaves(record["cra"]) if path.split(".")[-1] not in fields)


def figures(chosen):
    """Sums of numbers, and how often each other value is there; texts that may be forgotten count as present."""
    sums, counts, advisors = collections.Counter(), collections.Counter(), collections.Counter()
    for record in chosen:
        advisors[record["cra"]["advisorId"]] += 1
        for path, value in leaves(record["cra"]):
            name = path.split(".")[-1]
            if isinstance(value, (int, float)):
                sums[path] += value
            elif name == "other":
                counts[path] += 1
            elif name not in ("annotation", "advisorId"):
                counts[path, value] += 1
    return sums, counts, sorted(advisors.values())


before, after = records(before_path), records(after_path)
assert before.keys() == after.keys(), "other CRAs"
aliases, forgotten = {}, 0
for cra_id, old in before.items():
    new = after[cra_id]
    fields = {FORGETTABLE[key] for key in new.get("forgotten", {}) if key in FORGETTABLE}
    forgotten += bool(fields)
    assert without(old, fields) == without(new, fields), (cra_id, fields)
    ids = old["cra"]["advisorId"], new["cra"]["advisorId"]
    assert aliases.setdefault(ids[0], ids[1]) == ids[1], "two stand for one advisor"
assert len(set(aliases.values())) == len(aliases), "one alias for two advisors"

chance = random.Random(int(seed))
days = sorted(record["cra"]["date"] for record in before.values())
for _ in range(int(selections)):
    first, last = sorted(chance.choices(days, k=2))
    model = chance.choice(list(before.values()))["cra"]
    criteria = [key for key in ("activity", "structureId") if chance.random() < 0.4]
    themes = set(model["themes"]) if chance.random() < 0.3 else None
    place = model["place"]["channel"] if chance.random() < 0.3 else None

    def is_chosen(cra):
        return (
            first <= cra["date"] <= last
            and all(cra[key] == model[key] for key in criteria)
            and (themes is None or themes & set(cra["themes"]))
            and place in (None, cra["place"]["channel"])
        )

    ids = [cra_id for cra_id, record in before.items() if is_chosen(record["cra"])]
    again = [cra_id for cra_id, record in after.items() if is_chosen(record["cra"])]
    assert ids == again or set(ids) == set(again), "another selection"
    assert figures(before[i] for i in ids) == figures(after[i] for i in again), (first, last, criteria)

json.dump(
    {
        "cras": len(after),
        "participants": sum(record["cra"]["participants"] for record in after.values()),
        "selections": int(selections),
        "forgotten": forgotten,
    },
    sys.stdout,
)
