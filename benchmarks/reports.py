"""Reports in: reading beside what reading alone costs, in one run.

    python benchmarks/reports.py [--rounds 3] [--rows 900000] [--sheet-rows 150000]

A CSV of some 81 MB is imported (read, typed, stored in PostgreSQL, journalled) beside the standard
library's ``csv`` that only reads it; an XLSX is read and typed beside python-calamine alone.
Medians of interleaved rounds; memory is the peak of the child process that reads.
"""

import argparse
import asyncio
import csv
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from agentflow_tui.embedded import postgres
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.report_import import import_report
from agentflow_tui.reports.errors import ReadingOptions
from agentflow_tui.settings import Settings
from agentflow_tui.steps.report_imports import ReportOrigin
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.schema.ddl import create_missing_tables

HEADER = ("Stock", "VIN", "In Stock", "Model", "Lead Source", "Days", "List Price", "Total Gross")
MODELS = ("Civic", "Accord", "CR-V", "Camry", "RAV4", "F-150", "Silverado", "Rogue")
SOURCES = ("Website", "AutoTrader", "Walk-In", "Cars.com", "Phone", "Referral")

ROW = '<row r="{0}">{1}</row>'
TEXT = '<c t="inlineStr"><is><t>{}</t></is></c>'
NUMBER = "<c><v>{}</v></c>"


def rows(count: int) -> Iterator[tuple[str | int, ...]]:
    """Made-up inventory, the same each time."""
    rng = random.Random(7)
    for at in range(count):
        yield (
            f"S{at:07d}",
            f"1TEST{rng.randrange(10**12):012d}",
            f"{rng.randint(1, 12)}/{rng.randint(1, 28)}/2026",
            rng.choice(MODELS),
            rng.choice(SOURCES),
            rng.randint(0, 200),
            f"{rng.uniform(9_000, 60_000):.2f}",
            f"{rng.uniform(-900, 5_000):.2f}",
        )


def write_csv(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows(count))


def write_xlsx(path: Path, count: int) -> None:
    """The parts that a workbook needs, and one sheet."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{kinds}/{{}}" Target="{{}}"/></Relationships>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("_rels/.rels", relations.format("officeDocument", "xl/workbook.xml"))
        package.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{kinds}"><sheets>'
            '<sheet name="Detail" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        package.writestr(
            "xl/_rels/workbook.xml.rels", relations.format("worksheet", "worksheets/one.xml")
        )
        with package.open("xl/worksheets/one.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{main}"><sheetData>'.encode())
            for at, row in enumerate([HEADER, *rows(count)], 1):
                cells = (
                    TEXT.format(cell) if place < 5 or at == 1 else NUMBER.format(cell)
                    for place, cell in enumerate(row)
                )
                sheet.write(ROW.format(at, "".join(cells)).encode())
            sheet.write(b"</sheetData></worksheet>")


ALONE = {
    "csv": "import csv,sys\nfor row in csv.reader(open(sys.argv[1], newline='')): pass",
    "calamine": "import sys,python_calamine as p\n"
    "p.load_workbook(open(sys.argv[1],'rb')).get_sheet_by_index(0).to_python()",
    "read": "import sys\nfrom pathlib import Path\n"
    "from agentflow_tui.reports.reading import read_report\nread_report(Path(sys.argv[1]))",
}


def seconds_alone(what: str, path: Path) -> float:
    """Seconds inside a process of its own, without its start."""
    code = (
        f"import time\nbegun=time.perf_counter()\n{ALONE[what]}\nprint(time.perf_counter()-begun)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def peak_of(what: str, path: Path) -> float:
    """Megabytes that a process of its own takes at most."""
    code = (
        f"{ALONE[what]}\nimport resource\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


async def seconds_to_import(context: OperationContext, path: Path, number: int) -> float:
    origin = ReportOrigin(vendor="Benchmark", report_type=f"inventory {number}")
    begun = time.perf_counter()
    await import_report(context, path, origin, ReadingOptions())
    return time.perf_counter() - begun


def compare(
    name: str, ours: Callable[[int], float], theirs: Callable[[], float], rounds: int
) -> float:
    pairs = [(ours(number), theirs()) for number in range(rounds)]
    ratio = statistics.median(one / other for one, other in pairs)
    medians = [statistics.median(each) for each in zip(*pairs, strict=True)]
    print(f"{name:<58} {medians[0]:7.2f} s {medians[1]:7.2f} s {ratio:6.2f}x")
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=900_000)
    parser.add_argument("--sheet-rows", type=int, default=150_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, sheet = Path(folder) / "inventory.csv", Path(folder) / "inventory.xlsx"
        write_csv(text, options.rows)
        write_xlsx(sheet, options.sheet_rows)
        print(f"CSV {text.stat().st_size / 1e6:.0f} MB, XLSX {sheet.stat().st_size / 1e6:.0f} MB")
        with postgres.start(Path(folder) / "home") as server, asyncio.Runner() as runner:
            database = runner.run(
                Database.open(server.url, ConnectionOptions(statement_timeout=600))
            )
            runner.run(create_missing_tables(database))
            context = OperationContext.of(database, Settings())
            imported = compare(
                "CSV imported, typed, stored | csv reading it",
                lambda number: runner.run(seconds_to_import(context, text, number)),
                lambda: seconds_alone("csv", text),
                options.rounds,
            )
            database.close()
        read = compare(
            "XLSX read and typed | calamine alone",
            lambda _number: seconds_alone("read", sheet),
            lambda: seconds_alone("calamine", sheet),
            options.rounds,
        )
        memory = peak_of("read", text)
        here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"memory: {memory:.0f} MB to read the CSV, {here:.0f} MB in the process that stores it"
        )
        print(
            f"CSV: {imported:.2f}x of 4x; XLSX: {read:.2f}x of 2x; memory: {memory:.0f} of 200 MB"
        )


if __name__ == "__main__":
    main()
