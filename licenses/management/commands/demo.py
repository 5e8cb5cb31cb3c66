"""Fill an empty installation with a simulated company: its inventory, papers and a year of logs."""

from __future__ import annotations

import hashlib
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from licenses.alerts.defaults import ensure_default_rules
from licenses.analysis import now as pools_now
from licenses.analysis import rollup
from licenses.evidence import seal, stock
from licenses.importing import polling
from licenses.importing.files import ImportRefused, Wanted, import_file
from licenses.importing.inventory import import_inventory
from licenses.importing.papers import record_document
from licenses.management.base import DataCommand
from licenses.models import (
    Contract,
    Document,
    Entitlement,
    LicensePool,
    LicenseServer,
    PollState,
    Team,
    Vendor,
)
from licenses.simulator.catalog import HOUSE_RULES
from licenses.simulator.company import Papers, write_company, write_newest_log
from licenses.simulator.schedule import install

SEED = 20
POLL_SECONDS = 30
MOST_DAYS = 730
AGO = timedelta(days=1)
"""How long the company has had this program: since then it is in the evidence, of which a day is
over and sealed, so that a pack can be made at once."""


class Command(DataCommand):
    help = (
        "Fill an empty installation with a simulated company, and let its licence servers answer "
        "from then on, for three weeks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=365, help="Days of history (365).")
        parser.add_argument("--seed", type=int, default=SEED, help="Another seed, another company.")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days {days}: expected 1 to {MOST_DAYS}", returncode=2)
        for model in (LicenseServer, LicensePool, Vendor, Team):
            if model._default_manager.exists():
                name = model._meta.verbose_name_plural
                raise CommandError(
                    f"The installation holds {name} already: the simulated company goes into an "
                    "empty one only.",
                    returncode=1,
                )
        self.started = time.monotonic()
        begun = int((timezone.now() - AGO).timestamp())
        folder = Path(settings.ITAM_DATA_DIR) / "demo"
        self.say("Writing the company")
        papers = write_papers(folder, seed=options["seed"], now=begun, days=days)
        try:
            with clock_set_back(AGO):
                since = datetime.fromtimestamp(begun, UTC) - timedelta(days=days)
                self.fill(papers, since.date())
            self.say("Sealing the first day")
            seal.seal(timezone.now())
            self.say("First answers")
            self.join(papers)
        except ImportRefused as error:
            raise CommandError(str(error), returncode=1) from error
        self.say(f"Done: {LicensePool.objects.count()} pools")

    def say(self, text: str) -> None:
        self.stderr.write(f"{time.monotonic() - self.started:5.1f} s  {text}")

    def fill(self, papers: Papers, since: date) -> None:
        """Store everything by the roads that a real company's files take.

        since: the first day of the history: the company knows that the licence files held then.
        """
        self.say("Inventory")
        add_servers(papers)
        for result in import_inventory(papers.inventory):
            if result.problems:
                raise ImportRefused(f"{result.file}: {result.problems[0]}")
        add_invoices(papers)
        for name, rules in HOUSE_RULES.items():
            LicensePool.objects.filter(name=name).update(house_rules=rules)
        servers = {server.name: server for server in LicenseServer.objects.all()}
        for name, server in servers.items():
            self.read(server, papers.license_files[name], since)
            for path in papers.options_files[name]:
                try:
                    self.read(server, path)
                except ImportRefused as error:
                    self.say(str(error))  # not every daemon keeps or limits seats
            for path in papers.logs[name]:
                self.read(server, path)
        ensure_default_rules("asset.manager@example.test")
        stock.tell_all()

    def join(self, papers: Papers) -> None:
        """Ask every server once, and then read what was logged since the history ended: time that
        was neither logged nor asked about would be a gap, and no pool proven."""
        servers = list(LicenseServer.objects.all())
        start_polling(servers)
        polling.poll([server.pk for server in servers], force=True)
        now = int(timezone.now().timestamp())
        for server in servers:
            self.read(server, write_newest_log(papers, server.name, now))
        self.say("Counting hours")
        rollup.drain()
        self.say("Newest figures")
        pools = set(LicensePool.objects.values_list("pk", flat=True))
        pools_now.refresh(pools, year=True)

    def read(self, server: LicenseServer, path: Path, on: date | None = None) -> None:
        self.say(f"{server.name}: {path.name}")
        import_file(server, path, path.name, Wanted(date=on))


@contextmanager
def clock_set_back(ago: timedelta) -> Iterator[None]:
    """Let what this process records inside be of an earlier time.

    `timezone.now` is the default of fields too, which hold the function: so it stays, and is given
    another clock to look at.
    """

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) - ago

    vars(timezone)["datetime"] = Clock
    try:
        yield
    finally:
        vars(timezone)["datetime"] = datetime


def write_papers(folder: Path, *, seed: int, now: int, days: int) -> Papers:
    """Write the company into a folder of this account alone, with `lmutil` where it is sought."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    papers = write_company(folder, seed=seed, now=now, days=days)
    tool = install(folder, folder / "schedules")
    tool.chmod(0o700)
    if settings.ITAM_LMUTIL is None:
        settings.ITAM_LMUTIL = tool  # for what runs in this process; others find it as they start
    return papers


def add_servers(papers: Papers) -> None:
    for name, server in papers.history.world.servers.items():
        row = LicenseServer(
            name=name,
            address=server.address,
            zone=server.zone,
            notes="Part of the simulated company.",
        )
        row.full_clean()
        row.save()


def add_invoices(papers: Papers) -> None:
    for bill, path in papers.invoices:
        data = path.read_bytes()
        contract = Contract.objects.get(number=bill.contract)
        lines = list(Entitlement.objects.as_of().filter(contract=contract).valid_on(bill.day))
        document = Document(
            contract=contract,
            kind=Document.Kind.INVOICE,
            quantity=sum(line.quantity for line in lines),
            title=f"Invoice {path.stem}",
            file_name=path.name,
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
        )
        with path.open("rb") as stream:
            document.file.save(path.name, File(stream), save=False)
        record_document(document.save, document, proves=lines, user=None)


def start_polling(servers: Any) -> None:
    """Have the servers asked from now on. Last, so that nobody asks while history is read."""
    now = timezone.now()
    with transaction.atomic():
        for server in servers:
            server.polling, server.poll_seconds = LicenseServer.Polling.TOOL, POLL_SECONDS
            server.save(update_fields=["polling", "poll_seconds"])
            PollState.objects.update_or_create(server=server, defaults={"due_at": now})
