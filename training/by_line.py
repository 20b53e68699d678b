"""JSON of which a table is most: an entry a line, which reads well in a comparison and has no blanks to ship."""

import json
from pathlib import Path


def write_by_line(path: Path, data: dict) -> None:
    """`data`, each of its fields from a line of its own; of a list, each entry."""
    def field(value: object) -> str:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]"
        return json.dumps(value)

    path.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {field(value)}" for name, value in data.items()) + "\n}\n")
