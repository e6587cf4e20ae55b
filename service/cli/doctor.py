"""``invariantselect doctor``"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data
from service.cli.exit_codes import DONE, FAILED

__all__ = ["doctor"]


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the vectors of damaged pools anew from their images.")
    ] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Check this machine and the data directory, and say what to do about what is wrong.

    Loads the encoder and runs it once, reads every byte of every pool, and asks Redis if one is configured. Nothing
    is changed without --repair. The exit code is 1 if anything is wrong.

    \b
    Examples:
      invariantselect doctor
      invariantselect doctor --data demo-data --json
      invariantselect doctor --repair
    """
    from rich.text import Text

    from service.cli.checks import run_checks
    from service.cli.terminal import print_json, print_table, progress
    from service.cli.workplace import read_settings

    settings = read_settings(data)
    if repair:
        from service.cli.audited import audited
        from service.cli.queue_file import renew_queue
        from service.cli.repair import repair_pools

        with audited(settings, "repair_pools") as record:
            repaired: list[str] = []
            for name, error in repair_pools(settings):
                done = (
                    f"Made the vectors of {name} anew." if error is None else f"{name} stays as it is: {error.detail}"
                )
                progress().print(done, markup=False)
                repaired += [name] if error is None else []
                record.tell(repaired=[*repaired])
        if renew_queue(settings.data):
            progress().print("Removed the broker's damaged file; workers announce again what waits.", markup=False)
    checks = run_checks(settings)
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]})
    else:
        marks = {True: Text("✓", style="green"), False: Text("✗", style="bold red")}
        print_table(
            ["", "check", "found", "next step"],
            [(marks[check.ok], check.name, check.found, check.next_step or "") for check in checks],
        )
    raise typer.Exit(DONE if all(check.ok for check in checks) else FAILED)
