"""Asks the product and its peers the same questions in turn, and compares the answers before it reports any time.

Reads an order (JSON, written by `cra-bench peers`) and prints what it found as JSON: the version of each engine, the
nanoseconds of each answer by kind of question and engine, the seconds of each file that DuckDB wrote.
"""

import json
import os
import sys
import time

import duckdb

import engines
import product

ASKED_MIN = 5


def timed(ask, *question):
    begun = time.perf_counter_ns()
    answer = ask(*question)
    return answer, time.perf_counter_ns() - begun


def difference(expected, found):
    """The first figure that differs, as a sentence; None where all are the same."""
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name, 0) != found.get(name, 0):
            return f"{' '.join(filter(None, name))} is {found.get(name, 0)}, not {expected.get(name, 0)}"
    return None


def ask_all(served, peers, method, request, place):
    """The nanoseconds of each engine, each with its turn to be first; ends the program where an answer differs."""
    nanoseconds, answers = {}, {}
    turns = [served, *peers]
    for engine in turns[place % len(turns) :] + turns[: place % len(turns)]:
        if engine is served:
            fetched, nanoseconds[engine.name] = timed(served.ask, method, request)
            answers[engine.name] = product.answer(method, fetched)
        else:
            sql = engine.questions.sql(method, request.selection)
            fetched, nanoseconds[engine.name] = timed(engine.ask, sql)
            answers[engine.name] = engine.questions.answer(method, engine.rows(fetched))
    for engine in peers:
        if different := difference(answers[engine.name], answers[served.name]):
            sys.exit(f"the product and {engine.version} differ: {different}; {method} {request}")
    return nanoseconds


def times_of(served, peers, kind, seconds):
    """One question to warm up, then as many as the time allows."""
    method = kind["method"]
    requests = [served.request(method, encoded) for encoded in kind["requests"]]
    ask_all(served, peers, method, requests[0], 0)
    times, begun = [], time.monotonic()
    for place, request in enumerate(requests[1:]):
        if len(times) >= ASKED_MIN and time.monotonic() - begun >= seconds:
            break
        times.append(ask_all(served, peers, method, request, place))
    return {name: [each[name] for each in times] for name in times[0]}


def copies(order, folder):
    """Seconds in which DuckDB writes each file of the rows that the product wrote, from a table on disk."""
    connection = duckdb.connect(os.path.join(folder, "rows.duckdb"))
    connection.execute(f"CREATE TABLE cras AS SELECT * FROM '{order['parquet']}'")
    connection.execute("CHECKPOINT")
    seconds = {}
    for name, copy in order["copies"].items():
        within = f"date BETWEEN '{copy['from']}' AND '{copy['to']}'" if copy["from"] else "true"
        (rows,) = connection.execute(f"SELECT count(*) FROM cras WHERE {within}").fetchone()
        assert rows == copy["rows"], f"the product wrote {copy['rows']} rows as {name}, where {rows} are in force"
        target = os.path.join(folder, f"copy.{name}")
        begun = time.monotonic()
        connection.execute(f"COPY (SELECT * FROM cras WHERE {within}) TO '{target}' ({copy['options']})")
        seconds[name] = time.monotonic() - begun
        os.remove(target)
    connection.close()
    os.remove(os.path.join(folder, "rows.duckdb"))
    return seconds


def main(path):
    with open(path, encoding="utf-8") as file:
        order = json.load(file)
    folder = os.path.dirname(os.path.abspath(path))
    served = product.Product(order["address"], order["descriptors"])
    words = served.words()
    copied = copies(order, folder)
    facts = os.path.join(folder, "facts.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({engines.facts_of(order['parquet'], words, order['zones'])}) TO '{facts}'")
    peers = [engines.ENGINES[name](folder, facts, words) for name in order["peers"]]
    times = {kind["name"]: times_of(served, peers, kind, order["seconds"]) for kind in order["kinds"]}
    versions = {engine.name: engine.version for engine in peers}
    print(json.dumps({"versions": versions, "times": times, "copies": copied, "duckdb": duckdb.__version__}))


main(sys.argv[1])
