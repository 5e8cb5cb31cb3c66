"""What the simulated company bought: contracts with invoices, and the rights under them."""

from __future__ import annotations

from datetime import date, timedelta

from .entities import Contract, Entitlement, Invoice


def years_before(day: date, years: int) -> date:
    """Return the same day so many years earlier; 28 February for a 29 February."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def make_rights(today: date) -> tuple[tuple[Contract, ...], tuple[Entitlement, ...]]:
    """Return contracts and entitlements around `today`: one ended, one about to end, one that grew,
    the rest running.

    Every contract has an invoice a year, and one that grew one of that day. Prices are per seat and
    year.
    """
    contracts: list[Contract] = []
    entitlements: list[Entitlement] = []

    def contract(
        number: str,
        vendor: str,
        title: str,
        start: date,
        end: date | None,
        price: float,
        notice_days: int = 90,
        renews: bool = True,
        grew: tuple[date, float] | None = None,
    ) -> str:
        invoices = []
        day, count = start, 1
        while day <= today and (end is None or day < end):
            issued_on = day + timedelta(days=9)
            invoices.append(Invoice(f"INV-{number}-{count}", issued_on, price, "EUR"))
            day, count = years_before(start, -count), count + 1
        if grew is not None:
            issued_on, total = grew
            invoices.append(Invoice(f"INV-{number}-{count}", issued_on, total, "EUR"))
        contracts.append(
            Contract(
                number,
                vendor,
                title,
                start,
                end,
                notice_days,
                renews,
                price,
                "EUR",
                "licences@simulated.example",
                tuple(invoices),
            )
        )
        return number

    def right(
        pool: str,
        contract: str,
        quantity: int,
        price: float,
        start: date,
        end: date | None,
        *,
        metric: str = "concurrent",
        overdraft: int = 0,
        scope: str = "worldwide",
        ordered: bool = True,
    ) -> None:
        order = f"PO-{4500 + len(entitlements) * 7}" if ordered else ""
        entitlements.append(
            Entitlement(
                pool, contract, quantity, metric, start, end, overdraft, price, "EUR", order, scope
            )
        )

    began = years_before(today, 2).replace(month=1, day=1)
    running = today + timedelta(days=400)
    soon = today + timedelta(days=45)
    ended = today - timedelta(days=75)
    grown = today - timedelta(days=150)

    number = contract("LMK-2041", "Ledgermark Systems", "Closing and audit", began, running, 38_400)
    right("Ledgermark Close", number, 15, 2_160, began, running, scope="Berlin")
    right("Ledgermark Audit", number, 4, 1_500, began, running)
    number = contract(
        "MDW-7730",
        "Meridian Design Works",
        "Drawing office",
        began,
        soon,
        61_900,
        notice_days=30,
        renews=False,
    )
    right("Meridian CAD", number, 10, 2_900, began, soon)
    right("Meridian Drafting", number, 18, 1_150, began, soon)
    right("Meridian Vault", number, 40, 305, began, soon)
    number = contract("PMS-118", "Pinemarten Software", "Frame agreement", began, None, 44_000)
    right("Pinemarten Modeler", number, 30, 890, began, None)
    right("Pinemarten Build", number, 20, 640, began, None)
    right("Pinemarten Field", number, 12, 420, began, None, scope="India")
    number = contract(
        "PMS-090", "Pinemarten Software", "Documents, first term", began, ended, 3_900, renews=False
    )
    right("Pinemarten Docs", number, 10, 390, began, ended)
    number = contract(
        "QSP-55-A", "Quillstone Publishing", "Marketing's studio", began, running, 9_600
    )
    right("Quillstone Studio (Marketing)", number, 8, 1_200, began, running, scope="Germany")
    number = contract(
        "QSP-55-B", "Quillstone Publishing", "Product's studio and proofing", began, running, 13_200
    )
    right("Quillstone Studio (Product)", number, 8, 1_200, began, running, scope="United States")
    right("Quillstone Proof", number, 12, 300, began, running)
    number = contract(
        "HN-3309",
        "Halvorsen Numerics",
        "Token pool and optimizer",
        began,
        running,
        96_000,
        grew=(grown, 101_500),
    )
    right("Halvorsen Tokens", number, 96, 610, began, running, metric="token")
    right("Halvorsen Optimizer", number, 6, 2_750, began, running)
    right("Halvorsen Optimizer", number, 2, 2_750, grown, running)
    number = contract("BOR-17/22", "Borealis Circuits", "Electronics", began, running, 52_700)
    right("Borealis Simulator", number, 18, 1_800, began, running)
    right("Borealis Layout", number, 24, 700, began, running, metric="token", overdraft=2)
    right("Borealis Verify", number, 6, 950, began, today + timedelta(days=20), ordered=False)
    number = contract(
        "TG-900", "Tessarine Graphics", "Suite, rendering, review", began, running, 29_300
    )
    right("Tessarine Suite", number, 12, 1_250, began, running)
    right("Tessarine Render", number, 40, 240, began, running)
    right("Tessarine Review", number, 20, 235, began, running)
    return tuple(contracts), tuple(entitlements)
