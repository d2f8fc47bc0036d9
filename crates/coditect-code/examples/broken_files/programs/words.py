"""Counts words and lays them out."""
import re
from collections import OrderedDict


class Table:
    """Rows under a title (each as wide as the widest)."""

    def __init__(self, title, rows=None):
        self.title = title
        self.rows = list(rows or [])

    def add(self, name, count=1):
        for row in self.rows:
            if row[0] == name:
                row[1] += count
                return row[1]
        self.rows.append([name, count])
        return count

    def widest(self):
        return max([len(row[0]) for row in self.rows] + [len(self.title)])

    def text(self):
        lines = [self.title.center(self.widest() + 4, "=")]
        for name, count in sorted(self.rows, key=lambda row: (-row[1], row[0])):
            lines.append("%s: %d" % (name.ljust(self.widest()), count))
        return "\n".join(lines)


def words(text, least=1):
    found = []
    for word in re.findall(r"[a-z']+", text.lower()):
        if len(word) >= least and word not in ("a", "the"):
            found.append(word)
    return found


def parse(line):
    """`name = value # remark` as a pair, or None."""
    line = line.split("#")[0].strip()
    if not line:
        return None
    try:
        name, value = line.split("=", 1)
    except ValueError:
        raise ValueError('no value: "%s"' % line)
    while value.startswith(" "):
        value = value[1:]
    return name.strip(), int(value) if value.isdigit() else value


def settings(text):
    made = OrderedDict()
    for number, line in enumerate(text.split("\n")):
        pair = parse(line)
        if pair is None:
            continue
        elif pair[0] in made:
            raise KeyError(f"line {number + 1}: {pair[0]} again")
        else:
            made[pair[0]] = {
                "value": pair[1],
                "line": number + 1,
            }
    return made


def best(table, most=2):
    names = {row[0]: row[1] for row in table.rows}
    top = sorted(names, key=names.get, reverse=True)
    return [name for name in top if names[name] > 1][:most]
