"""The company's products: who makes them, which server serves them, and how they are used. All
names are invented."""

from __future__ import annotations

from datetime import date, timedelta

from .entities import (
    Daemon,
    Demand,
    Increment,
    Pool,
    Reserve,
    Server,
    Site,
    Source,
    Supply,
    Team,
    Vendor,
)

SITES = {
    "BER": Site(
        "BER", "Europe/Berlin", "10.1", frozenset({(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)})
    ),
    "BOS": Site(
        "BOS", "America/New_York", "10.2", frozenset({(1, 1), (7, 4), (11, 26), (11, 27), (12, 25)})
    ),
    "PUN": Site("PUN", "Asia/Kolkata", "10.3", frozenset({(1, 26), (8, 15), (10, 2), (11, 9)})),
}

VENDORS = (
    Vendor("Ledgermark Systems", "https://ledgermark.example", "Closing and audit."),
    Vendor("Meridian Design Works", "https://meridian.example", "Drawing office."),
    Vendor("Pinemarten Software", "https://pinemarten.example", "Models, builds, documents."),
    Vendor("Quillstone Publishing", "https://quillstone.example", "Studio and proofing."),
    Vendor("Halvorsen Numerics", "https://halvorsen.example", "Tokens; a solve takes 2 to 16."),
    Vendor("Borealis Circuits", "https://borealis.example", "Electronics."),
    Vendor("Tessarine Graphics", "https://tessarine.example", "Suites, rendering."),
)

SERVERS = {
    "lic-berlin": Server(
        "lic-berlin",
        "lic-berlin.simulated.example",
        27000,
        "Europe/Berlin",
        "BER",
        "x64_lsb",
        (
            Daemon("ledgerd", "Ledgermark Systems", 27101, "v11.19.6"),
            Daemon("meridiad", "Meridian Design Works", 27102, "v11.18.3"),
            Daemon("pmartend", "Pinemarten Software", 27103, "v11.19.6"),
            Daemon("quilld", "Quillstone Publishing", 27104, "v11.16.2"),
            Daemon("borealsd", "Borealis Circuits", 27105, "v11.19.6"),
        ),
    ),
    "lic-boston": Server(
        "lic-boston",
        "lic-boston.simulated.example",
        27010,
        "America/New_York",
        "BOS",
        "x64_n6",
        (
            Daemon("pmartend", "Pinemarten Software", 27111, "v11.19.6"),
            Daemon("quilld", "Quillstone Publishing", 27112, "v11.16.2"),
            Daemon("tesserad", "Tessarine Graphics", 27113, "v11.19.6"),
        ),
    ),
    "lic-pune": Server(
        "lic-pune",
        "lic-pune.simulated.example",
        27020,
        "Asia/Kolkata",
        "PUN",
        "x64_lsb",
        (
            Daemon("halvnumd", "Halvorsen Numerics", 27121, "v11.17.1"),
            Daemon("borealsd", "Borealis Circuits", 27122, "v11.19.6"),
            Daemon("pmartend", "Pinemarten Software", 27123, "v11.19.6"),
        ),
    ),
}

TEAMS = (
    Team("Engineering", "", "CC-4000", "engineering@simulated.example"),
    Team("Mechanical Design", "Engineering", "CC-4100", "mechanical@simulated.example"),
    Team("Electronics", "Engineering", "CC-4200", "electronics@simulated.example"),
    Team("Simulation", "Engineering", "CC-4300", "simulation@simulated.example"),
    Team("Commercial", "", "CC-6000", "commercial@simulated.example"),
    Team("Finance", "Commercial", "CC-6100", "finance@simulated.example"),
    Team("Marketing", "Commercial", "CC-6200", "marketing@simulated.example"),
    Team("Product", "Commercial", "CC-6300", "product@simulated.example"),
)

PLACING = {
    "Engineering": {"BER": 8, "BOS": 6, "PUN": 4},
    "Mechanical Design": {"BER": 44, "BOS": 12, "PUN": 8},
    "Electronics": {"BER": 28, "BOS": 4, "PUN": 26},
    "Simulation": {"BER": 10, "BOS": 14, "PUN": 26},
    "Commercial": {"BER": 6, "BOS": 6},
    "Finance": {"BER": 24, "BOS": 6},
    "Marketing": {"BER": 26, "BOS": 6},
    "Product": {"BER": 4, "BOS": 38},
}
"""Team -> site -> people; 306 in all."""

TOKENS = ((2, 0.35), (4, 0.35), (8, 0.2), (16, 0.1))


def make_pools(today: date, design_leads: tuple[str, ...]) -> dict[str, Pool]:
    """Return the pools by name. `design_leads` are the logins for whom two drafting seats are
    kept."""

    def supply(
        address: str,
        feature: str,
        count: int,
        version: str = "2026.1",
        expiry: date | None = None,
        **more: object,
    ) -> Supply:
        server, daemon = address.split("/")
        increments = (Increment(count, None, expiry),)
        return Supply(server, daemon, feature, version, **{"increments": increments, **more})  # type: ignore[arg-type]

    def pool(
        name: str,
        product: str,
        category: str,
        owner: str,
        supplies: list[Supply],
        demand: Demand,
        **weights: int,
    ) -> Pool:
        first = supplies[0]
        vendor = next(d.vendor for d in SERVERS[first.server].daemons if d.name == first.daemon)
        sources = tuple(Source(each, weights.get(each.feature, 1)) for each in supplies)
        return Pool(
            name, vendor, product, category, SERVERS[first.server].zone, owner, sources, demand
        )

    year_end = today + timedelta(days=400)
    grown_on = today - timedelta(days=150)
    mechanical, electronics, simulation = ("Mechanical Design",), ("Electronics",), ("Simulation",)
    pools = [
        # Needs 5 most of the year and 15 in a few weeks: five core people, seventeen around the end
        # of a quarter.
        pool(
            "Ledgermark Close",
            "Ledgermark Close",
            "Finance",
            "Finance",
            [supply("lic-berlin/ledgerd", "LMK_CLOSE", 15, "7.2", year_end)],
            Demand(
                {"BER": 10}, ("Finance",), 17, 130, season="quarter-end", core=5, walks_away=0.0
            ),
        ),
        # Small, and people forget to leave it.
        pool(
            "Ledgermark Audit",
            "Ledgermark Audit",
            "Finance",
            "Finance",
            [supply("lic-berlin/ledgerd", "LMK_AUDIT", 4, "7.2", year_end)],
            Demand({"BER": 4, "BOS": 1}, ("Finance",), 14, 75, walks_away=0.12),
        ),
        # Ten seats, enough on all days but the launch day.
        pool(
            "Meridian CAD",
            "Meridian CAD",
            "CAD",
            "Mechanical Design",
            [supply("lic-berlin/meridiad", "MER_CAD", 10, "2026.1", year_end)],
            Demand({"BER": 12}, mechanical, 26, 110),
        ),
        # The program asks for this year's feature first, and is served last year's in the same
        # second.
        pool(
            "Meridian Drafting",
            "Meridian Drafting",
            "CAD",
            "Mechanical Design",
            [
                supply("lic-berlin/meridiad", "MER_DRAFT_2026", 10, "2026.1", year_end),
                supply(
                    "lic-berlin/meridiad",
                    "MER_DRAFT_2025",
                    8,
                    "2025.2",
                    year_end,
                    reserve=Reserve(2, "design_leads", design_leads),
                ),
            ],
            Demand({"BER": 30}, mechanical, 44, 120),
        ),
        # Taken back by a time-out.
        pool(
            "Meridian Vault",
            "Meridian Vault",
            "PDM",
            "Mechanical Design",
            [
                supply(
                    "lic-berlin/meridiad", "MER_VAULT", 40, "2026.1", year_end, timeout_seconds=3600
                )
            ],
            Demand(
                {"BER": 26, "BOS": 4}, ("Mechanical Design", "Engineering"), 70, 90, walks_away=0.15
            ),
        ),
        # Thirty bought, never more than fifteen in use.
        pool(
            "Pinemarten Modeler",
            "Pinemarten Modeler",
            "Modelling",
            "Product",
            [supply("lic-boston/pmartend", "PM_MODELER", 30, "5.4")],
            Demand({"BOS": 22}, ("Product", "Simulation"), 48, 150, never_above=15),
        ),
        # Twenty allowed, twenty-four served.
        pool(
            "Pinemarten Build",
            "Pinemarten Build",
            "Build",
            "Product",
            [supply("lic-boston/pmartend", "PM_BUILD", 24, "5.4", year_end)],
            Demand({"BOS": 26}, ("Product", "Engineering", "Simulation"), 40, 130, never_above=18),
        ),
        # Its contract has ended; the server goes on.
        pool(
            "Pinemarten Docs",
            "Pinemarten Docs",
            "Documents",
            "Marketing",
            [supply("lic-berlin/pmartend", "PM_DOCS", 10, "5.1")],
            Demand({"BER": 12}, ("Marketing", "Commercial"), 30, 60),
        ),
        # Seats taken along for days.
        pool(
            "Pinemarten Field",
            "Pinemarten Field",
            "Measurement",
            "Electronics",
            [supply("lic-pune/pmartend", "PM_FIELD", 12, "5.4", year_end)],
            Demand({"PUN": 5}, ("Electronics", "Simulation"), 30, 100, borrows=0.12),
        ),
        # Two pools of one product: each is short at its own hour, both together never are.
        pool(
            "Quillstone Studio (Marketing)",
            "Quillstone Studio",
            "Layout",
            "Marketing",
            [supply("lic-berlin/quilld", "QUILL_STUDIO", 8, "12.0", year_end)],
            Demand({"BER": 15}, ("Marketing",), 26, 115, profile="morning"),
        ),
        pool(
            "Quillstone Studio (Product)",
            "Quillstone Studio",
            "Layout",
            "Product",
            [supply("lic-boston/quilld", "QUILL_STUDIO", 8, "12.0", year_end)],
            Demand({"BOS": 15}, ("Product",), 30, 115, profile="afternoon"),
        ),
        pool(
            "Quillstone Proof",
            "Quillstone Proof",
            "Layout",
            "Marketing",
            [supply("lic-boston/quilld", "QUILL_PROOF", 12, "12.0", year_end)],
            Demand({"BOS": 10}, ("Product", "Marketing"), 30, 35),
        ),
        pool(
            "Halvorsen Tokens",
            "Halvorsen Solver",
            "Simulation",
            "Simulation",
            [supply("lic-pune/halvnumd", "HN_TOKEN", 96, "24.2", year_end, queues=True)],
            Demand(
                {"PUN": 32, "BOS": 14},
                simulation,
                40,
                150,
                profile="round-the-clock",
                seats=TOKENS,
                one_seat=False,
                data=("HN_STATIC", "HN_FLOW", "HN_MODAL"),
            ),
        ),
        # Six seats, eight since mid-year: a limit that steps.
        pool(
            "Halvorsen Optimizer",
            "Halvorsen Optimizer",
            "Simulation",
            "Simulation",
            [
                supply(
                    "lic-pune/halvnumd",
                    "HN_OPT",
                    0,
                    "24.2",
                    increments=(Increment(6, None, year_end), Increment(2, grown_on, year_end)),
                )
            ],
            Demand({"PUN": 9}, simulation, 22, 100),
        ),
        # One feature on two servers feeds one pool; the second site's day begins when the first
        # one's ends.
        pool(
            "Borealis Simulator",
            "Borealis Simulator",
            "Electronics",
            "Electronics",
            [
                supply("lic-berlin/borealsd", "BOR_SIM", 10, "9.3", year_end),
                supply("lic-pune/borealsd", "BOR_SIM", 8, "9.3", year_end),
            ],
            Demand({"BER": 16, "PUN": 16}, electronics, 50, 120),
        ),
        # Counted in tokens: a layout seat weighs two, a viewer one.
        pool(
            "Borealis Layout",
            "Borealis Layout",
            "Electronics",
            "Electronics",
            [
                supply("lic-berlin/borealsd", "BOR_LAYOUT", 8, "9.3", year_end),
                supply("lic-berlin/borealsd", "BOR_VIEW", 8, "9.3", year_end),
            ],
            Demand({"BER": 18}, electronics, 28, 90, fallback=False),
            BOR_LAYOUT=2,
        ),
        # Expires soon.
        pool(
            "Borealis Verify",
            "Borealis Verify",
            "Electronics",
            "Electronics",
            [supply("lic-pune/borealsd", "BOR_VERIFY", 6, "9.3", today + timedelta(days=20))],
            Demand({"PUN": 7}, electronics, 24, 100),
        ),
        # A package: each checkout logs the suite and one component.
        pool(
            "Tessarine Suite",
            "Tessarine Suite",
            "Graphics",
            "Product",
            [
                supply(
                    "lic-boston/tesserad",
                    "TESS_SUITE_F",
                    12,
                    "3.0",
                    year_end,
                    components=("TESS_SCULPT_2026", "TESS_PAINT_2026"),
                )
            ],
            Demand({"BOS": 13}, ("Product", "Marketing"), 30, 120),
        ),
        # Jobs of a few minutes at any hour of any day.
        pool(
            "Tessarine Render",
            "Tessarine Render",
            "Graphics",
            "Product",
            [supply("lic-boston/tesserad", "TESS_RENDER", 40, "3.0", year_end)],
            Demand(
                {"BOS": 62},
                ("Product", "Marketing"),
                12,
                5,
                profile="jobs",
                one_seat=False,
                walks_away=0.0,
            ),
        ),
        pool(
            "Tessarine Review",
            "Tessarine Review",
            "Graphics",
            "Product",
            [supply("lic-boston/tesserad", "TESS_REVIEW", 20, "3.0", year_end)],
            Demand({"BOS": 14, "BER": 4}, ("Product", "Marketing", "Commercial"), 60, 25),
        ),
    ]
    return {each.name: each for each in pools}


HOUSE_RULES = {
    "Meridian CAD": "Close it over lunch: ten seats serve thirty people.\n"
    "On launch days the launch team goes first.",
    "Halvorsen Optimizer": "Long runs start after 18:00.",
    "Quillstone Studio (Product)": "Marketing has eight seats of its own; ask them when ours are"
    " full.",
}
"""What users of some pools should know, as their pages show it."""
