"""What is asked, as SQL over the table `facts`: one row per CRA in force, a column per count, code and word."""

AGES = STATUSES = range(6)  # 0: unspecified
SELECTABLE = {"from", "to", "channels", "activities", "themes", "sub_themes", "durations", "ages", "statuses"}


class DuckDbDialect:
    month = "date_trunc('month', day)"

    def count_if(self, condition):
        return f"count(*) FILTER (WHERE {condition})"

    def sum_if(self, column, condition):
        return f"sum({column}) FILTER (WHERE {condition})"

    def nearest_rank(self, column, percent):
        return f"quantile_disc({column}, {percent / 100})"

    def themes_crossed(self, sums, condition):
        return (
            f"SELECT theme, {', '.join(sums)} FROM "
            f"(SELECT unnest(themes) AS theme, COLUMNS('age_.*') FROM facts WHERE {condition}) GROUP BY theme"
        )


class ClickHouseDialect:
    month = "toStartOfMonth(day)"

    def count_if(self, condition):
        return f"countIf({condition})"

    def sum_if(self, column, condition):
        return f"sumIf({column}, {condition})"

    def nearest_rank(self, column, percent):
        # Exact for numbers below 1,024. It takes the element after the rank where the rank is a whole number.
        return f"quantileTiming({percent / 100 - 1e-10:.10f})({column})"

    def themes_crossed(self, sums, condition):
        return f"SELECT theme, {', '.join(sums)} FROM facts ARRAY JOIN themes AS theme WHERE {condition} GROUP BY theme"


def conditions(selection, words):
    """The condition of a selection; only of fields that are no territory and no id."""
    unknown = {field.name for field, _ in selection.ListFields()} - SELECTABLE
    assert not unknown, f"no SQL for {unknown}"
    found = ["1 = 1"]
    if first := getattr(selection, "from"):
        found.append(f"day >= '{first}'")
    if selection.to:
        found.append(f"day <= '{selection.to}'")
    for column, numbers in (
        ("channel", selection.channels),
        ("activity", selection.activities),
        ("bucket", selection.durations),
    ):
        if numbers:
            found.append(f"{column} IN ({', '.join(map(str, numbers))})")
    for column, numbers in (
        ("theme", selection.themes),
        ("sub_theme", selection.sub_themes),
        ("age", selection.ages),
        ("status", selection.statuses),
    ):
        if numbers:
            found.append("(" + " OR ".join(f"{column}_{number} > 0" for number in numbers) + ")")
    return " AND ".join(found)


def figures(words, dialect):
    """Name and aggregate of each figure. Not among them: what the file does not say (defaulted participants), and
    people per organisation, which need a text to be taken apart: the peers have less to do than the product."""
    yield "cras", "count(*)"
    yield "acts", "sum(participants)"
    yield "returning_people", "sum(returning_people)"
    yield "workshop_participants", dialect.sum_if("participants", "activity = 1")
    for name in ("individual", "workshop", "redirected"):
        yield f"follow_up.{name}", f"sum({name})"
    for field, column, enum in (
        ("channels", "channel", "Channel"),
        ("activities", "activity", "Activity"),
        ("durations", "bucket", "DurationBucket"),
    ):
        for number, name in words[enum].items():
            yield f"{field}.{name}", dialect.count_if(f"{column} = {number}")
    for field, column, enum in (
        ("themes", "theme", "Theme"),
        ("sub_themes", "sub_theme", "SubTheme"),
        ("ages", "age", "AgeBand"),
        ("statuses", "status", "Status"),
    ):
        for number, name in words[enum].items():
            if number or field in ("ages", "statuses"):
                yield f"{field}.{name}", f"sum({column}_{number})"
    for bound in ("estimated", "minimum", "maximum"):
        for number, name in words["Activity"].items():
            if number:
                yield f"time_spent.{name}.{bound}", dialect.sum_if(bound, f"activity = {number}")
    yield "entry_delay.median", dialect.nearest_rank("delay", 50)
    yield "entry_delay.p90", dialect.nearest_rank("delay", 90)
    yield "entry_delay.same_day", dialect.count_if("delay = 0")


class Questions:
    """Makes the SQL of a question, and reads what an engine answers as `product.answer` reads the product's."""

    def __init__(self, words, dialect):
        self.words, self.dialect = words, dialect
        self.names, self.aggregates = zip(*figures(words, dialect))

    def sql(self, method, selection):
        condition, all_figures = conditions(selection, self.words), ", ".join(self.aggregates)
        match method:
            case "GetStatistics":
                return f"SELECT {all_figures} FROM facts WHERE {condition}"
            case "GetTimeSeries":
                month = self.dialect.month
                return f"SELECT {month} AS month, {all_figures} FROM facts WHERE {condition} GROUP BY month"
            case "ListBreakdown":
                return (
                    f"SELECT department, {all_figures} FROM facts WHERE {condition} GROUP BY department"
                )
            case "GetCrossTable":
                return self.dialect.themes_crossed([f"sum(age_{age})" for age in AGES], condition)

    def answer(self, method, rows):
        """Numbers by their names, without those that are 0."""
        found = {}
        for row in rows:
            if method == "GetCrossTable":
                theme = self.words["Theme"][int(row[0])]
                names = [f"{theme} {name}" for name in self.words["AgeBand"].values()]
                key, values = "", row[1:]
            else:
                key = "" if method == "GetStatistics" else str(row[0])[: 7 if method == "GetTimeSeries" else None]
                names, values = self.names, row if method == "GetStatistics" else row[1:]
            for name, value in zip(names, values, strict=True):
                number = 0 if value in (None, "nan", "\\N") else int(value)
                if number:
                    found[key, name] = number
        return found
