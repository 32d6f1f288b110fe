"""Study files: the shipped ones, a file of one's own, and overlays that add to another study."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from ..spec import DEEPEST, InputError, named_file, read_object, read_text, read_toml, validated
from .study import Study


def shipped_studies() -> dict[str, Path]:
    """Return the study files that come with the package, by name."""
    folder = Path(str(files("hikibayes.study") / "studies"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_study(study: str | Path | Study) -> Study:
    """Load a study by the name of a shipped one or by path; an overlay is merged into its base.

    Parameters
    ----------
    study : str, Path or Study
        ``nonaka2021``, or a path to a study file; a study that is loaded already comes back as it is. A file that
        begins with ``base = "..."`` adds to another study.

    Returns
    -------
    Study
        With its readings still open (`Study.read` decides them).

    Raises
    ------
    InputError
        No such study (the shipped ones are listed), an unusable file, or a new fact that contradicts one of the base.
    """
    return study if isinstance(study, Study) else _load(_study_path(study), ())


def _load(path: Path, overlays: tuple[Path, ...]) -> Study:
    if len(overlays) > DEEPEST:
        raise InputError(f"stands on more than {DEEPEST} others", source=path, key="base")
    if path.resolve() in overlays:
        raise InputError("comes back to a file that stands on it; a base is another study", source=path, key="base")
    content = read_object(read_text(path), path) if path.suffix == ".json" else read_toml(path)
    if "base" not in content:
        return validated(Study, content, path)
    base_name = content.pop("base")
    sibling = path.parent / str(base_name)
    base = sibling if sibling.is_file() else _base_path(base_name, path)
    return _overlaid(_load(base, (*overlays, path.resolve())), content, path)


def _study_path(study: str | Path) -> Path:
    return named_file("study", study, shipped_studies())


def _base_path(name: str, overlay: Path) -> Path:
    try:
        return _study_path(name)
    except InputError as error:
        raise InputError(str(error), source=overlay, key="base") from None


LISTS = {
    **dict.fromkeys(("measure", "step", "fact", "assumption", "reading"), "id"),
    "estimand": "name",
    "limitation": "kind",
    "evidence": "id",
}


def _overlaid(base: Study, content: dict[str, Any], path: Path) -> Study:
    """Add an overlay's entries to a study; an assumption or reading of the same id replaces the old one."""
    merged = base.model_dump(exclude_unset=True)
    for name, value in content.items():
        if name not in LISTS:
            merged[name] = value
            continue
        key = LISTS[name]
        new = [item.get(key) for item in value if isinstance(item, dict)]
        if name == "fact" and (known := {fact.id for fact in base.facts} & set(new)):
            raise InputError(
                f"fact {min(known)!r} is in the base already; give the new fact an id of its own", source=path
            )
        merged[name] = [*(item for item in merged.get(name, ()) if item[key] not in new), *value]
    study = validated(Study, merged, path)
    _refuse_contradictions(base, study, path)
    return study


def _refuse_contradictions(base: Study, study: Study, path: Path) -> None:
    known = {fact.id for fact in base.facts}
    for new in study.facts:
        for old in base.facts:
            same = new.id not in known and (new.quantity, new.address) == (old.quantity, old.address)
            if same and not new.absolute and not old.absolute and not new.interval.meets(old.interval):
                raise InputError(
                    f"{new.printed} contradicts fact {old.id!r}, printed {old.printed} ({old.source.locator})",
                    source=path,
                    key=f"fact {new.id!r}",
                )
