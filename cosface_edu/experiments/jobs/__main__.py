"""`python -m cosface_edu.experiments.jobs`: run a job, or the next ones without a record."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from cosface_edu.devices import cores
from cosface_edu.experiments import jobs, record

BESIDE = "COSFACE_PROCESSES"  # how many share out the runs: each writes it down

app = typer.Typer(add_completion=False, help=jobs.__doc__, rich_markup_mode="markdown")


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(jobs.QUEUE)}; none: the queue.")] = None,
    minutes: Annotated[float | None, typer.Option(help="For each job; its own share if not given.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="Small enough for a processor; in OUT/tiny.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for records and weights.")] = Path("runs/jobs"),
    device: Annotated[str | None, typer.Option(help="'cpu' or 'cuda'; the best there is.")] = None,
    processes: Annotated[
        int, typer.Option(min=1, help=f"Share out the runs among so many; of {', '.join(jobs.SWEEPS)} alone.")
    ] = 1,
    note: Annotated[str, typer.Option(help="What a reader of the record must know; an earlier record's stays.")] = "",
) -> None:
    """Run jobs one after the other; one that has a finished record in the folder is left out of the queue."""
    if unknown := [name for name in names or () if name not in jobs.QUEUE]:
        raise typer.BadParameter(f"there is no job {', '.join(unknown)}: choose of {', '.join(jobs.QUEUE)}")
    if processes > 1:
        options = {"--minutes": minutes, "--out": out, "--device": device, "--note": note or None}
        words = [word for name, value in options.items() if value is not None for word in (name, str(value))]
        raise typer.Exit(together(names or [], [*words, *["--tiny"] * tiny], processes))
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    out = out / "tiny" if tiny else out  # nothing of a whole run is replaced, and nothing tiny taken for it
    out.mkdir(parents=True, exist_ok=True)
    for name in names or [name for name in jobs.QUEUE if not finished(out / f"{name}.json")]:
        share = minutes if minutes is not None else jobs.QUEUE[name]
        beside = f" --processes {number}" if (number := os.environ.get(BESIDE)) else ""
        command = f"python -m {jobs.__name__} {name} --minutes {share:.3g}{' --tiny' if tiny else ''}{beside}"
        before = jobs.earlier_record(name, tiny, out) or {"seconds": 0.0, "note": ""}
        began = time.perf_counter() - (before["seconds"] or 0.0)
        known = "; ".join(dict.fromkeys(filter(None, [*before["note"].split("; "), note])))

        def keep(
            found: dict[str, Any],
            done: bool = False,
            name: str = name,
            command: str = command,
            began: float = began,
            known: str = known,
        ) -> None:
            whole = record.new(
                f"{jobs.__name__}.{name}",
                what=jobs.title(name),
                command=command,
                data=found.get("data", {}),
                config=found.get("config", {}),
                seeds=found.get("seeds", [0]),
                seconds=time.perf_counter() - began,
                note=known,
                tiny=tiny,
                finished=done,
                results={key: value for key, value in found.items() if key not in ("data", "config", "seeds")},
            )
            record.save(out / f"{name}.json", whole)

        found = jobs.run(name)(jobs.Job(share, tiny, place, out, keep))
        keep(found, done=found.pop("whole", True))  # a sweep may be left for other minutes
        print(f"{name}: {time.perf_counter() - began:.0f} s, {out / name}.json", flush=True)


def together(names: list[str], options: list[str], processes: int) -> int:
    """Start the command as often as asked; 1 if one of them fails, else 0."""
    alone = [name for name in names if name not in jobs.SWEEPS]
    if alone or not names:
        said = f"{', '.join(alone)} cannot be shared out" if alone else "name the jobs to be shared out"
        raise typer.BadParameter(f"{said}: choose of {', '.join(jobs.SWEEPS)}", param_hint="--processes")
    command = [sys.executable, "-m", jobs.__name__, *names, *options]
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // processes))}
    beside = {BESIDE: str(processes)}
    started = [subprocess.Popen(command, env=threads | os.environ | beside) for _ in range(processes)]
    return int(any([process.wait() for process in started]))


def finished(path: Path) -> bool:
    """Whether a job's record is there and whole."""
    return path.exists() and record.load(path).get("finished", False)


if __name__ == "__main__":
    app()
