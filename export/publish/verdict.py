"""Whether a file ships, in words: as its export judged it, and by the threshold that was set since."""

from typing import Any

EXPORT_AGAIN = "export the run again"


def is_outdated(entry: dict[str, Any]) -> bool:
    """Whether a file of the manifest was shipped, and would be rejected with the threshold that was set since."""
    return entry["accepted"] and bool(entry.get("reasons_now"))


def ships(entry: dict[str, Any]) -> bool:
    """Whether it was shipped, and still would be."""
    return entry["accepted"] and not is_outdated(entry)


def word(entry: dict[str, Any]) -> str:
    """For a column: `ships`, `shipped` (it no longer would) or `rejected`."""
    return "ships" if ships(entry) else "shipped" if entry["accepted"] else "rejected"


def verdict(entry: dict[str, Any]) -> str:
    """`ships`, or what became of the file and why."""
    if ships(entry):
        return "ships"
    if is_outdated(entry):
        return f"shipped; with this threshold it {'; it '.join(entry['reasons_now'])}; {EXPORT_AGAIN}"
    judged = "rejected with an earlier threshold" if "reasons_now" in entry else "rejected"
    return f"{judged}: it {'; it '.join(entry['reasons'])}"
