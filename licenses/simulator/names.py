"""Made-up people: names drawn from lists, logins in the spellings that real servers show."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from random import Random

from .entities import Membership, Person, Site


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = words(
    """
    Ada Anselm Birte Bruno Carla Cedric Dalia Dorian Edda Emil Fenja Florin Greta Gustav Hanna
    Hector Ilka Ivo Jolanda Jonas Kalle Katya Lena Lorenz Malin Marek Nadia Nils Oda Oskar Paula
    Piet Quirin Ragna Ruben Selma Stellan Tilda Timo Ulla Urs Vera Viktor Wanda Wim Xenia Yara
    Yorick Zelda Zoë René Søren Noémie
    """
)
FAMILY = words(
    """
    Abelmann Achterberg Bramley Brinkhaus Castellane Cordwain Dalgaard Dreyfeld Elmhirst
    Espenhain Farrowby Fennhoff Garlund Grauwinkel Haverstock Hollweg Ingersby Iserloh Jessamy
    Juhlstrand Kestrelby Kornfeld Lindhagen Lowthorpe Marchwood Mühlenbeck Nettleham Nordfeld
    Oakhanger Osterby Pellworm Plessow Quarnford Quellhorst Rasmark Rowanby Sandhaven Stellmach
    Thornwick Tiefenau Ullersby Umbreit Vandermolen Vesterhal Walderslade Wiesenthal Yarrowby
    Zeidler
    """
)
GIVEN_PUNE = words(
    """
    Aarush Advika Anvay Charvi Devansh Eshani Girik Hiral Ivaan Jivika Kiaan Lavanya Mihika Neev
    Ojas Prisha
    """
)
FAMILY_PUNE = words(
    """
    Bhavsal Chitnor Deshmane Gavaskal Inamkar Jadvekar Kulkanne Limbore Mahashan Nagpure Ovalkar
    Patvarde
    """
)


def ascii_of(text: str) -> str:
    """Return the text without accents: what an account rule makes of a name."""
    plain = text.replace("ø", "o").replace("ß", "ss")
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()


def login_of(given: str, family: str, style: int) -> str:
    """Spell a login. Most are short and ASCII; a few have capitals, blanks or accents, as FlexNet
    logs show them."""
    plain_given, plain_family = ascii_of(given), ascii_of(family)
    spellings = {
        1: f"{plain_given}.{plain_family}".lower(),
        2: f"{plain_given[0]}{plain_family}",
        3: f"{given} {family}",
        4: f"{given}.{family}".lower(),
        5: f"{plain_family[:6]}{plain_given[0]}".upper(),
    }
    return spellings.get(style, f"{plain_given[0]}{plain_family}".lower())


def make_people(
    random: Random, sites: dict[str, Site], placing: dict[str, dict[str, int]], today: date
) -> tuple[Person, ...]:
    """Return the people of every team.

    placing: team -> site -> head count.
    Everybody's login is unique whatever the case. Some changed team this year, some serve two, some
    left or joined.
    """
    people: list[Person] = []
    taken: set[str] = set()
    used_names: set[str] = set()
    teams = list(placing)
    for team, by_site in placing.items():
        for code, head_count in by_site.items():
            given_names, family_names = (
                (GIVEN_PUNE, FAMILY_PUNE) if code == "PUN" else (GIVEN, FAMILY)
            )
            for _ in range(head_count):
                number = len(people)
                while True:
                    given, family = random.choice(given_names), random.choice(family_names)
                    if f"{given} {family}" not in used_names:
                        break
                used_names.add(f"{given} {family}")
                style = {7: 3, 11: 4, 13: 5, 17: 2, 19: 2}.get(
                    number % 40, 1 if number % 5 == 0 else 0
                )
                if not f"{given}{family}".isascii() and number % 3 == 0:
                    style = 4
                login = login_of(given, family, style)
                if login.casefold() in taken:
                    login = f"{login}{number}"
                taken.add(login.casefold())
                memberships: tuple[Membership, ...] = (Membership(team),)
                if number % 29 == 5:
                    moved = today - timedelta(days=random.randrange(60, 300))
                    before = teams[(teams.index(team) + 1) % len(teams)]
                    memberships = (
                        Membership(before, None, moved - timedelta(days=1)),
                        Membership(team, moved),
                    )
                elif number % 31 == 7:
                    memberships = (
                        Membership(team),
                        Membership(teams[(teams.index(team) + 2) % len(teams)]),
                    )
                elif number % 37 == 9:
                    memberships = (
                        Membership(team, today - timedelta(days=random.randrange(30, 200))),
                    )
                mail = f"{ascii_of(given)}.{ascii_of(family)}".lower()
                people.append(
                    Person(
                        login=login,
                        name=f"{given} {family}",
                        email=f"{mail}@simulated.example",
                        site=code,
                        host=f"{code.lower()}-ws{number:03d}",
                        memberships=memberships,
                        other_login=login.lower() if style in (2, 5) and number % 80 < 40 else "",
                    )
                )
    return tuple(people)
