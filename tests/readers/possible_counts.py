"""Which counts the shown numbers of cells leave possible, for a reader who knows every definition.

Reads a JSON list of cells, each {"base": 5, "counts": {"cras": 10, "channels.CHANNEL_VENUE": 5, ...}}, and writes a list of
{"any": {...}, "today": {...} or null}: per count how many integer values are possible, counted up to the base. Each is
shown to be possible by a whole solution of a mixed integer program (HiGHS), which knows nothing of how the services check
their draws. "any" knows what holds for CRAs of every form, "today" that all of them are of today's form.
"""

import json
import os
import sys

import highspy

BREAKDOWNS = {
    "channels": ("cras", "CHANNEL_VENUE CHANNEL_OTHER_PLACE CHANNEL_REMOTE CHANNEL_HOME"),
    "activities": ("cras", "ACTIVITY_WORKSHOP ACTIVITY_INDIVIDUAL ACTIVITY_ONE_OFF"),
    "durations": ("cras", "DURATION_BUCKET_UNSPECIFIED"),
    "ages": ("acts", "AGE_BAND_UNSPECIFIED"),
    "statuses": ("acts", "STATUS_UNSPECIFIED"),
}
SAME = {
    "activities.ACTIVITY_WORKSHOP": "workshops",
    "activities.ACTIVITY_INDIVIDUAL": "individual_supports",
    "activities.ACTIVITY_ONE_OFF": "one_off_requests",
}
# Not listed where they show nothing.
OLDER = [
    "durations.DURATION_BUCKET_UNSPECIFIED",
    "ages.AGE_BAND_UNSPECIFIED",
    "statuses.STATUS_UNSPECIFIED",
    "themes.THEME_SMARTPHONE",
    "themes.THEME_OTHER",
]
THEMES_OF_SUB_THEMES = {
    "SUB_THEME_EQUIPMENT": "THEME_EQUIPMENT",
    "SUB_THEME_CAREGIVER": "THEME_CAREGIVER_SUPPORT",
    "SUB_THEME_OFFICE": "THEME_OFFICE_SOFTWARE",
    "SUB_THEME_HEALTH": "THEME_HEALTH",
}


class Cell:
    """The program of one cell."""

    def __init__(self, base, counts, today):
        self.base, self.shown, self.today = base, dict(counts), today
        for name in OLDER:
            self.shown.setdefault(name, 0)
        self.solver = highspy.Highs()
        self.solver.silent()
        self.bounds, self.variables = {}, {}
        for name, shown in self.shown.items():
            low, high = max(0, shown - base + 1), shown + base - 1
            if today and name in OLDER:
                high = 0
            self.bounds[name] = (low, high)
            self.variables[name] = self.solver.addIntegral(low, max(low, high), name=name)
        self.impossible = any(low > high for low, high in self.bounds.values())
        self.relate()
        self.tell_apart()

    def add(self, constraint):
        self.solver.addConstr(constraint)

    def lines(self, breakdown):
        prefix = breakdown + "."
        return [name for name in self.shown if name.startswith(prefix)]

    def relate(self):
        x = self.variables
        for breakdown, (total, _) in BREAKDOWNS.items():
            self.add(sum(x[name] for name in self.lines(breakdown)) == x[total])
        for line, figure in SAME.items():
            self.add(x[line] == x[figure])
        self.add(x["people"] + x["returning_people"] == x["acts"])
        parts = ["follow_up.individual", "follow_up.workshop", "follow_up.redirected"]
        self.add(sum(x[name] for name in parts) == x["follow_up.total"])
        self.add(x["follow_up.total"] <= x["acts"])
        themes = self.lines("themes")
        self.add(sum(x[name] for name in themes) >= x["cras"])
        for name in themes:
            self.add(x[name] <= x["cras"])
        for name in self.lines("sub_themes"):
            code = name.split(".")[1]
            theme = next(it for prefix, it in THEMES_OF_SUB_THEMES.items() if code.startswith(prefix))
            self.add(x[name] <= x["themes." + theme])
        self.add(x["workshops_with_defaulted_participants"] <= x["workshops"])
        most = 100 if self.today else 10_000
        present, others = x["workshop_participants"], x["individual_supports"] + x["one_off_requests"]
        self.add(present >= x["workshops"])
        self.add(present <= most * x["workshops"])
        if self.today:
            self.add(x["acts"] - present == others)
        else:
            self.add(x["acts"] - present >= others)
            self.add(x["acts"] - present <= most * others)

    def tell_apart(self):
        """Equal counts show the same number: counts that show different ones differ."""
        names = [name for name in self.shown if not (self.today and name in OLDER) and name not in SAME]
        for number, one in enumerate(names):
            for other in names[number + 1 :]:
                low, high = (one, other) if self.shown[one] < self.shown[other] else (other, one)
                if self.shown[low] == self.shown[high] or self.bounds[low][1] < self.bounds[high][0]:
                    continue
                above = self.solver.addBinary()
                far = 4 * self.base
                difference = self.variables[high] - self.variables[low]
                self.add(difference >= 1 - far * (1 - above))
                self.add(difference <= -1 + far * above)

    def solve(self):
        self.solver.run()
        if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        values = self.solver.getSolution().col_value
        return {name: round(values[variable.index]) for name, variable in self.variables.items()}

    def possible(self):
        if self.impossible:
            return None
        found = {name: set() for name in self.shown}
        first = self.solve()
        if first is None:
            return None

        def learn(solution):
            for name, value in solution.items():
                found[name].add(value)

        learn(first)
        # As far from the first one as can be.
        self.solver.maximize(sum(self.variables.values()))
        learn(self.solve() or first)
        for name, variable in self.variables.items():
            low, high = self.bounds[name]
            for value in range(low, high + 1):
                if len(found[name]) >= self.base:
                    break
                if value in found[name]:
                    continue
                self.solver.changeColBounds(variable.index, value, value)
                solution = self.solve()
                if solution:
                    learn(solution)
            self.solver.changeColBounds(variable.index, low, high)
        left_out = OLDER if self.today else []
        return {name: len(values) for name, values in found.items() if name not in left_out}


# The solver writes about itself to standard output.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
cells = json.load(open(sys.argv[1]))
forms = ("any", "today")
json.dump([{form: Cell(it["base"], it["counts"], form == "today").possible() for form in forms} for it in cells], answers)
