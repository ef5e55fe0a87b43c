"""exchange: labels that people gave in other tools come in as decisions, and decisions go out in their forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from quorate.cells import plain
from quorate.decisions import Decision, Decisions, read_decisions
from quorate.errors import LabelError, TableError, listed
from quorate.project import Project
from quorate.standing import by_row, content_keys, of_these_rows, said, standing
from quorate.store import keep_out_of_git, write_atomically
from quorate.streaming.looking import check_fits
from quorate.training_sets.writing import json_lines

NONE = "none of these"


@dataclass(frozen=True, slots=True)
class Given:
    """One answer of one person in another tool; `label` None says that none fits, `where` is its place in the file."""

    row_id: str
    label: str | None
    reviewer: str
    where: str


def import_gold(project: Project, file: Path, format: str) -> dict[str, Any]:
    """Takes the answers of a file as decisions; what was taken before is not taken twice.

    Raises:
        TableError: the file cannot be read in this form, or names rows that are not there.
        LabelError: a label that the project does not have.
        DecisionsError: they cannot be kept.
    """
    read = _form(format)[0]
    try:
        given = list(read(file.read_text("utf-8-sig")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise TableError(f"{file} cannot be read as {format}: {type(error).__name__}: {error}") from None
    check_fits(project)
    rows = project.read().rows
    keys = dict(zip(rows.ids.to_pylist(), content_keys(rows, project.settings.data.text).tolist(), strict=True))
    strange = [one for one in given if one.row_id not in keys]
    if strange:
        ids = listed(one.row_id for one in strange[:5])
        raise TableError(f"{file}: {len(strange)} of {len(given)} answers are about rows that are not there: {ids}")
    made = [_decision(one, project, keys[one.row_id], file) for one in given]
    keep_out_of_git(project.state)
    with Decisions(project.decisions) as decisions:
        before = len(decisions.since())
        decisions.add(made)
        kept = len(decisions.since()) - before
    return {"schema": "quorate.gold_import/1", "kept": kept, "known": len(made) - kept}


def export_gold(project: Project, file: Path, format: str) -> dict[str, Any]:
    """Writes the answer of each person on each row, and who settled it; the undone are left out.

    Raises:
        TableError: there is no such form.
        DecisionsError: the decisions cannot be read.
    """
    write = _form(format)[1]
    check_fits(project)
    rows, text = project.read().rows, project.settings.data.text
    place = {row_id: at for at, row_id in enumerate(rows.ids.to_pylist())}
    found = []
    for row_id, made in by_row(of_these_rows(read_decisions(project.decisions), rows, text)).items():
        stands = standing(made)
        answers = [*stands.answers.values(), *([stands.ruling] if stands.ruling else [])]
        cells = {name: plain(cell) for name, cell in rows.table.slice(place[row_id], 1).to_pylist()[0].items()}
        if answers:
            found.append((row_id, cells, sorted(answers, key=lambda answer: answer.number)))
    content = write(found, project)
    write_atomically(file, lambda beside: beside.write_text(content, "utf-8", "backslashreplace"))
    many = sum(len(answers) for _, _, answers in found)
    return {"schema": "quorate.gold_export/1", "rows": len(found), "answers": many, "file": str(file)}


def _decision(given: Given, project: Project, content: bytes, file: Path) -> Decision:
    try:
        label = None if given.label is None else project.space.names[project.space.index(given.label)]
    except LabelError as error:
        raise LabelError(f"{file}, {given.where}: {error}") from None
    # The same answer of the same person about the same cells is the same decision, wherever it is read from.
    told = json.dumps([given.row_id, given.reviewer, label]).encode()
    return Decision(
        once=f"import:{blake2b(told + content, digest_size=12).hexdigest()}",
        row_id=given.row_id,
        content=content,
        reviewer=given.reviewer,
        verdict="none" if label is None else "label",
        label=label,
        saw_votes=False,
    )


Answered = tuple[str, dict[str, Any], list[Decision]]
Reader = Callable[[str], Iterable[Given]]
Writer = Callable[[list[Answered], Project], str]


def _form(format: str) -> tuple[Reader, Writer]:
    if format not in FORMS:
        raise TableError(f"there is no form {format!r}; known are {listed(FORMS)}")
    return FORMS[format]


def _label(name: Any) -> str | None:
    return None if name in (None, "", NONE) else str(name)


def _read_csv(text: str) -> Iterator[Given]:
    table = csv.DictReader(io.StringIO(text))
    for row in table:
        yield Given(row["id"], _label(row["label"]), row.get("reviewer") or "import", f"line {table.line_num}")


def _write_csv(found: list[Answered], project: Project) -> str:
    sink = io.StringIO()
    table = csv.writer(sink, lineterminator="\n")
    table.writerow(["id", "label", "reviewer", "time", "saw_votes", "settles", "text"])
    for row_id, cells, answers in found:
        settled = standing(answers).settled
        for a in answers:
            text = cells.get(project.settings.data.text or "", "")
            told = [row_id, said(a) or NONE, a.reviewer, f"{a.at_s:.3f}", int(a.saw_votes), int(a == settled), text]
            table.writerow(told)
    return sink.getvalue()


def _read_label_studio(text: str) -> Iterator[Given]:
    for at, task in enumerate(json.loads(text)):
        row_id = str(task.get("meta", {}).get("id") or task["data"].get("id") or task["id"])
        for annotation in task.get("annotations", []):
            if annotation.get("was_cancelled"):
                continue
            choices = [
                c for part in annotation["result"] if part["type"] == "choices" for c in part["value"]["choices"]
            ]
            who = annotation.get("completed_by") or "import"
            name = who.get("email") or who.get("id") if isinstance(who, Mapping) else who
            yield Given(row_id, _label(choices[0]) if choices else None, str(name), f"task {at}")


def _write_label_studio(found: list[Answered], project: Project) -> str:
    del project
    tasks: list[dict[str, Any]] = [
        {
            "data": {**cells, "id": row_id},
            "meta": {"id": row_id},
            "annotations": [
                {
                    "completed_by": a.reviewer,
                    "lead_time": a.dwell_ms / 1000,
                    "result": [
                        {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [said(a)]}}
                    ]
                    if said(a)
                    else [],
                }
                for a in answers
            ],
        }
        for row_id, cells, answers in found
    ]
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def _read_argilla(text: str) -> Iterator[Given]:
    for at, record in enumerate(_objects(text)):
        for question, responses in record["responses"].items():
            for response in responses if question == "label" or len(record["responses"]) == 1 else []:
                if response.get("status", "submitted") == "submitted":
                    value, who = response["value"], str(response.get("user_id") or "import")
                    yield Given(str(record.get("id") or record["external_id"]), _label(value), who, f"record {at}")


def _write_argilla(found: list[Answered], project: Project) -> str:
    del project
    records = [
        {
            "id": row_id,
            "fields": cells,
            "responses": {
                "label": [{"value": said(a) or NONE, "user_id": a.reviewer, "status": "submitted"} for a in answers]
            },
        }
        for row_id, cells, answers in found
    ]
    return json.dumps(records, ensure_ascii=False, indent=1) + "\n"


def _read_prodigy(text: str) -> Iterator[Given]:
    for at, task in enumerate(_objects(text)):
        if task.get("answer", "accept") == "ignore":
            continue
        accepted = task.get("accept") if "accept" in task else [task["label"]] if task["answer"] == "accept" else []
        row_id = str((task.get("meta") or {}).get("id") or task["id"])
        who = str(task.get("_annotator_id") or task.get("_session_id") or "import")
        label = _label(accepted[0]) if accepted and task.get("answer", "accept") == "accept" else None
        yield Given(row_id, label, who, f"line {at + 1}")


def _write_prodigy(found: list[Answered], project: Project) -> str:
    options = [{"id": name, "text": name} for name in project.space.names]
    text = project.settings.data.text or ""
    tasks = [
        {
            "text": cells.get(text) or "",
            "meta": {"id": row_id},
            "options": options,
            "accept": [said(a)] if said(a) else [],
            "answer": "accept" if said(a) else "reject",
            "_annotator_id": a.reviewer,
            "_timestamp": int(a.at_s),
        }
        for row_id, cells, answers in found
        for a in answers
    ]
    return "".join(json.dumps(task, ensure_ascii=False) + "\n" for task in tasks)


def _objects(text: str) -> list[dict[str, Any]]:
    """The objects of a JSON list, or of JSON lines."""
    if text.lstrip().startswith("["):
        found: list[dict[str, Any]] = json.loads(text)
        return found
    return json_lines(text)


FORMS: dict[str, tuple[Reader, Writer]] = {
    "csv": (_read_csv, _write_csv),
    "label-studio": (_read_label_studio, _write_label_studio),
    "argilla": (_read_argilla, _write_argilla),
    "prodigy": (_read_prodigy, _write_prodigy),
}
