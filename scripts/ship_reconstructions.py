"""Draw anew the reconstructions that come with a study: `uv run python scripts/ship_reconstructions.py [STUDY]`.

Each reading has a file of its own beside the study's, whose attributes say with which arguments and versions it was
made. The default reading gets more draws: it is the answer, and worlds to plan for are made of it. A file takes about
20 minutes on one core; `--only NAME=OPTION` draws one of them.
"""

import argparse
from importlib.resources import files
from pathlib import Path

from hikibayes.reanalysis.readings import other_readings
from hikibayes.reconstruction.calibrate import calibrate
from hikibayes.reconstruction.shipped import shipped_name, write_reconstructions
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

DEFAULT = {"draws": 2000, "seed": 1}
OTHER = {"draws": 400, "thin": 4, "seed": 20210525}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", default="nonaka2021")
    parser.add_argument("--only", help="one reading, as NAME=OPTION, or 'default'")
    parser.add_argument("--folder", type=Path, default=Path(str(files("hikibayes.study") / "studies")))
    arguments = parser.parse_args()
    study = load_study(arguments.study)
    for name, choice in {"default": {}, **dict(other_readings(study))}.items():
        if arguments.only in (None, name):
            chosen = OTHER if choice else DEFAULT
            made = calibrate(study, cores=1, **chosen, **choice)
            print(f"{name}: {made.verdict}; {made.verdict.seconds}", flush=True)
            if not made.verdict.sound:
                raise InputError("not converged; nothing was written", source=name)
            write_reconstructions(made.reconstructions, arguments.folder / shipped_name(study, choice))


if __name__ == "__main__":
    main()
