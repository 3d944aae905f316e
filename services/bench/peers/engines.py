"""The peers, in this process. Both hold the same columns in memory or in the cache of the disk, each as suits it best: small
integers, one column per word, codes as a dictionary."""

import os

import duckdb

from questions import ClickHouseDialect, DuckDbDialect, Questions


def facts_of(file, words, zones):
    """The SELECT of `facts` from the product's file, in the order of days."""

    def number(column, enum):
        cases = " ".join(f"WHEN '{name}' THEN {number}" for number, name in words[enum].items())
        return f"(CASE {column} {cases} ELSE 0 END)::UTINYINT"

    def one_column_per_word(column, enum, prefix):
        listed = f"string_split(coalesce({column}, ''), ' | ')"
        for word, name in words[enum].items():
            if word:
                yield f"list_contains({listed}, '{name}')::UTINYINT AS {prefix}_{word}"

    def counts(prefix):
        described = duckdb.sql(f"DESCRIBE SELECT COLUMNS('^{prefix}_') FROM '{file}'").fetchall()
        names = [name for name, *_ in described if not name.endswith("_non_renseigne")]
        for place, name in enumerate([f"{prefix}_non_renseigne", *names]):
            yield f"{name}::USMALLINT AS {'age' if prefix == 'age' else 'status'}_{place}"

    band, minutes = number("duree_code", "DurationBand"), "duree_minutes"
    bucket = f"CASE WHEN {band} < 3 THEN {band} WHEN {minutes} IS NULL THEN 5 WHEN {minutes} < 120 THEN 3 ELSE 4 END"
    bounds = {"estimated": (0, 30, 60, 60), "minimum": (0, 0, 30, 60), "maximum": (480, 30, 60, 480)}
    zone = " ".join(f"WHEN '{code}' THEN '{name}'" for code, name in zones.items())
    zone = f"CASE departement_code {zone} ELSE 'Europe/Paris' END"
    columns = [
        "date AS day",
        "departement_code AS department",
        f"{number('canal_code', 'Channel')} AS channel",
        f"{number('activite_code', 'Activity')} AS activity",
        f"({bucket})::UTINYINT AS bucket",
        "participants::USMALLINT AS participants",
        "participants_recurrents::USMALLINT AS returning_people",
        *counts("age"),
        *counts("statut"),
        *one_column_per_word("themes_codes", "Theme", "theme"),
        *one_column_per_word("sous_themes_codes", "SubTheme", "sub_theme"),
        "list_transform(string_split_regex(themes_codes, ' [|] '), lambda code: "
        f"{number('code', 'Theme')}) AS themes",
        "suite_individuel::USMALLINT AS individual",
        "suite_atelier::USMALLINT AS workshop",
        "suite_redirection::USMALLINT AS redirected",
        *(
            f"(CASE WHEN {band} = 3 THEN coalesce({minutes}, {exact}) WHEN {band} = 2 THEN {second} "
            f"WHEN {band} = 1 THEN {first} ELSE {unknown} END)::USMALLINT AS {name}"
            for name, (unknown, first, second, exact) in bounds.items()
        ),
        f"greatest(0, date_diff('day', date, (enregistre_le AT TIME ZONE {zone})::DATE))::USMALLINT AS delay",
    ]
    return f"SELECT {', '.join(columns)} FROM '{file}' ORDER BY date"


class DuckDb:
    """Tables in memory. A time includes the rows as Python's objects."""

    name = "duckdb"
    version = f"DuckDB {duckdb.__version__}"

    def __init__(self, folder, facts, words):
        self.questions = Questions(words, DuckDbDialect())
        self.connection = duckdb.connect()
        self.connection.execute(f"CREATE TABLE facts AS SELECT * FROM '{facts}'")
        codes = "SELECT DISTINCT department FROM facts ORDER BY 1"
        self.connection.execute(f"CREATE TYPE department AS ENUM ({codes})")
        self.connection.execute("ALTER TABLE facts ALTER department TYPE department")

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()

    def rows(self, fetched):
        return fetched


class ClickHouse:
    """A MergeTree of one part, ordered by day. A time includes the rows as tab-separated text."""

    name = "chdb"

    def __init__(self, folder, facts, words):
        import chdb
        from chdb import session

        self.questions = Questions(words, ClickHouseDialect())
        self.session = session.Session(os.path.join(folder, "chdb"))
        self.session.query("CREATE DATABASE peers")
        self.session.query("USE peers")
        self.session.query(
            "CREATE TABLE facts ENGINE = MergeTree ORDER BY day AS "
            "SELECT * REPLACE (toLowCardinality(department) AS department) "
            f"FROM file('{facts}', Parquet) SETTINGS schema_inference_make_columns_nullable = 0"
        )
        self.session.query("OPTIMIZE TABLE facts FINAL")
        engine = bytes(self.session.query("SELECT version()", "TabSeparated").bytes()).decode().strip()
        self.version = f"chDB {chdb.__version__} (ClickHouse {engine})"

    def ask(self, sql):
        return bytes(self.session.query(sql, "TabSeparated").bytes())

    def rows(self, fetched):
        return [line.split("\t") for line in fetched.decode().splitlines()]


ENGINES = {engine.name: engine for engine in (DuckDb, ClickHouse)}
