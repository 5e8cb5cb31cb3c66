"""The menu shows each reader their own links and numbers, whoever opened a page before them."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.contrib.auth.models import Permission, User
from django.test import Client

from licenses.models import Feature
from tests.factories import FeatureFactory

from .conftest import World, logged_in


def menu(client: Client, path: str = "/admin/", language: str = "en") -> dict[str, str]:
    """Return the words of each link of the menu with its number, by address."""
    text = client.get(path, headers={"accept-language": language}).content.decode()
    inside = text.split('id="nav-sidebar-apps"')[1].split("</nav>")[0].split("openUserLinks")[0]
    found = {}
    for link, words in re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', inside, re.S):
        plain = re.sub(r"<span class=\"material-symbols[^>]*>.*?</span>|<[^>]+>", " ", words)
        found[link] = " ".join(plain.split())
    return found


def marked(client: Client, path: str) -> list[str]:
    text = client.get(path).content.decode()
    return re.findall(r'<a href="([^"]+)" class="flex h-\[38px\][^"]* active">', text)


def opened(client: Client, path: str) -> int:
    return client.get(path).content.decode().count("navigationOpen: true")


def test_each_reader_gets_the_links_of_their_own_rights(
    root: Client, anton: Client, vera: Client, world: World, account: Callable[..., User]
) -> None:
    everything = menu(root)
    assert len(everything) > 40 and "/admin/auth/user/" in everything
    for _ in range(2):
        for client in (vera, anton, root):
            shown = menu(client)
            assert shown.items() <= everything.items() or client is not root
            assert ("/admin/auth/user/" in shown) == (client is root)
    user = account("olga")
    client = logged_in(user)
    assert "/admin/licenses/vendor/" not in menu(client)
    user.user_permissions.add(Permission.objects.get(codename="view_vendor"))
    assert "/admin/licenses/vendor/" in menu(client)
    user.user_permissions.clear()
    assert "/admin/licenses/vendor/" not in menu(client)


def test_each_reader_gets_the_numbers_of_their_own_scope(
    root: Client, world: World, account: Callable[..., User]
) -> None:
    link = "/admin/licenses/feature/"
    nobody = account("olga")
    nobody.user_permissions.add(Permission.objects.get(codename="view_feature"))
    client = logged_in(nobody)
    for number in range(3):
        waiting = Feature.objects.unmapped().count()
        assert menu(root)[link].split()[1:] == ([str(waiting)] if waiting else [])
        assert menu(client)[link] == "Features"
        FeatureFactory(server=world.server, name=f"NEW_{number}")


def test_the_link_of_the_page_is_marked_and_its_group_open(root: Client, world: World) -> None:
    for _ in range(2):
        assert (marked(root, "/admin/"), opened(root, "/admin/")) == (["/admin/"], 0)
        for path in (
            "/admin/licenses/vendor/",
            f"/admin/licenses/vendor/{world.vendor.pk}/change/",
        ):
            assert (marked(root, path), opened(root, path)) == (["/admin/licenses/vendor/"], 1)


def test_the_menu_speaks_the_language_of_its_reader(root: Client, world: World) -> None:
    for _ in range(2):
        assert menu(root)["/admin/licenses/team/"] == "Teams"
        assert menu(root)["/admin/licenses/vendor/"] == "Vendors"
        assert menu(root, language="de")["/admin/licenses/vendor/"] == "Hersteller"


def test_what_is_of_the_reader_alone_is_drawn_for_each(
    account: Callable[..., User], world: World
) -> None:
    clients = {
        name: logged_in(account(name, "manager", first_name=name.title(), email=f"{name}@x.test"))
        for name in ("olga", "ines")
    }
    for _ in range(2):
        for name, client in clients.items():
            answer = client.get("/admin/licenses/vendor/")
            text = answer.content.decode()
            others = clients.keys() - {name}
            assert f"{name}@x.test" in text and name.title() in text
            assert not any(f"{other}@x.test" in text or other.title() in text for other in others)
            tokens = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
            assert len(tokens) >= 4 and len(set(tokens)) == 1
            # The token is this session's own: with it the form is taken, as the browser would.
            checked = Client(enforce_csrf_checks=True)
            checked.cookies = client.cookies
            sent = {"csrfmiddlewaretoken": tokens[0], "language": "en-gb", "next": "/admin/"}
            assert checked.post("/language/", sent).status_code == 302
