"""The sentences that `itam.retold` knows, as they are stored. The first that fits is taken."""

from __future__ import annotations

from django.utils.translation import gettext_noop

FORMS = (
    # Who changed something, where it was no account.
    gettext_noop("command %(command)s"),
    # Why a name was not erased.
    gettext_noop(
        "A legal hold covers what %(person)s used: names are kept until it ends. %(holds)s"
    ),
    gettext_noop("Gave up after %(count)s attempts that ended without a word: use the command."),
    # What a connection test goes through, and what came of it.
    gettext_noop("The tool lmutil"),
    gettext_noop("The host's name"),
    gettext_noop("The port"),
    gettext_noop("The licence server"),
    gettext_noop("The vendor daemon"),
    gettext_noop("The answer"),
    gettext_noop("fine"),
    gettext_noop("not reached"),
    gettext_noop("No lmutil is set. Put its absolute path into ITAM_LMUTIL and restart."),
    gettext_noop("The server has no address. Enter one such as 27000@license.example.com."),
    gettext_noop("The server is up and lists %(count)s features."),
    gettext_noop("The server answers, but not completely. %(detail)s"),
    gettext_noop("The server is up, but its vendor daemon is down. %(detail)s"),
    gettext_noop("The host's name is unknown. %(detail)s"),
    gettext_noop("The server cannot be read with this tool. %(detail)s"),
    gettext_noop(
        "The host is there, but nothing listens on this port: is lmgrd down, or the port another? "
        "%(detail)s"
    ),
    gettext_noop("The licence server cannot be reached. %(detail)s"),
    gettext_noop(
        "The server did not answer in time. The host may be off, or a firewall drops the port."
    ),
    gettext_noop("Found %(text)s; expected a report of lmstat."),
    # What became of a program.
    gettext_noop("%(program)s did not end within %(seconds)s seconds and was killed."),
    gettext_noop("%(program)s wrote more than %(bytes)s bytes and was killed."),
    gettext_noop("%(program)s was ended by signal %(signal)s."),
    gettext_noop("%(program)s could not be started: %(error)s."),
    gettext_noop("%(program)s cannot be found: %(error)s."),
    gettext_noop("%(program)s is not a program that this user may run."),
    gettext_noop("%(program)s may be replaced by any user; it is not run."),
    # What became of a file that was handed in.
    gettext_noop("The text is not kept: it holds keys."),
    gettext_noop(
        "The log says to be of the machine %(machine)s; the server %(server)s is known to run on "
        "%(known)s. Nothing of it is read until somebody says that %(again)s is a machine of this "
        "server."
    ),
    gettext_noop(
        "The status says to be of the machine %(machine)s; the server %(server)s is known to run "
        "on %(known)s. Nothing of it is read until somebody says that %(again)s is a machine of "
        "this server."
    ),
    gettext_noop(
        "From line %(line)s on the log says to be of the machine %(machine)s; the server "
        "%(server)s is known to run on %(known)s. Nothing from there on is read until somebody "
        "says that %(again)s is a machine of this server."
    ),
    gettext_noop("Gave up after %(tries)s attempts that ended without a word."),
    # Why no pack for an auditor is made.
    gettext_noop("The period from %(first)s to %(end)s is empty."),
    gettext_noop("No day is sealed yet: the first one is, a quarter past midnight."),
    gettext_noop("This installation keeps counts only: no names go into a pack."),
    gettext_noop(
        "Expected a period that ends within the sealed days (%(begin)s to %(last)s), found"
        " %(first)s to %(end)s, with evidence up to %(day)s."
    ),
    gettext_noop(
        "These servers serve other vendors too: %(servers)s. Their entries lie in one stream, which"
        " is handed over only where shared servers are asked for."
    ),
    gettext_noop(
        "What was recorded after %(day)s tells of the period, too: let the evidence reach to a"
        " later day, once it is sealed."
    ),
    gettext_noop(
        "The evidence up to %(day)s does not tell what holds, or held since then, of %(what)s: let"
        " it reach to a later day, once it is sealed."
    ),
    # What an alert is called.
    gettext_noop("%(server)s: %(value)s of %(lines)s could not be read"),
    gettext_noop("%(pool)s: use has been zero for %(days)s"),
    gettext_noop("%(pool)s: use has been exactly %(level)s for %(days)s"),
    gettext_noop("%(pool)s: contract, licence file and server differ on its seats"),
    gettext_noop("%(pool)s is expected to be full in about %(left)s"),
    gettext_noop("Licence server %(server)s gives no answer"),
    gettext_noop("The sealed evidence does not fit"),
    gettext_noop("The %(part)s stands still"),
    gettext_noop("%(pool)s: %(refusals)s in an hour"),
    gettext_noop("%(pool)s is over its limit: %(value)s in use, %(bound)s allowed"),
    gettext_noop("%(pool)s is full: %(value)s of %(bound)s seats in use"),
    gettext_noop("%(pool)s: %(value)s of %(bound)s seats in use"),
    gettext_noop("%(pool)s: %(worst)s of %(limit)s seats were in use"),
    gettext_noop("%(pool)s: %(worst)s seats were in use"),
    gettext_noop("Licence file of %(server)s ends on %(when)s"),
    gettext_noop("Contract %(contract)s: last day to give notice is %(when)s"),
    gettext_noop("Contract %(contract)s renews after %(when)s"),
    gettext_noop("Contract %(contract)s ends on %(when)s"),
    # What an alert of the past says.
    gettext_noop("Found in data that came late. Nobody was called."),
    # Why a line of a log could not be read.
    gettext_noop("the text ends in the middle of this event"),
    gettext_noop("longer than %(count)s bytes; the rest was skipped"),
    gettext_noop("expected a time and a daemon: HH:MM:SS (daemon) EVENT: ..."),
    gettext_noop("NUL bytes stand where lines were"),
    gettext_noop("no time stands before it, and it is no text that is known"),
    gettext_noop("expected the components of a package, and a bracket that closes them"),
    gettext_noop("expected (daemon) and a kind of event"),
    gettext_noop("expected a date that exists, as TIMESTAMP MM/DD/YYYY, found %(text)s"),
    gettext_noop("expected a quote that closes the feature's name"),
    gettext_noop("expected the name of a feature"),
    gettext_noop("expected USER@HOST"),
    gettext_noop("expected a feature and a user"),
    gettext_noop("expected one licence or more"),
    gettext_noop("expected a number of licences that a server can lend"),
    gettext_noop("names a feature and USER@HOST, and is no event that is known"),
    gettext_noop("expected a bracket that closes"),
    gettext_noop("expected a square bracket that closes"),
    gettext_noop("%(count)s more lines, up to this one, could not be read"),
    # How the clock of a log moved.
    gettext_noop("the clock went back"),
    gettext_noop("the text goes back, and is read as another one from there on"),
    gettext_noop("the zone skips this time of day when its clocks go forward"),
    gettext_noop("the date line says %(day)s"),
    gettext_noop(
        "another text of the log tells otherwise of the time from %(start)s to %(end)s: it lacks "
        "%(mine)s of the events here, and %(theirs)s of its events are not here; all of them are "
        "counted"
    ),
    gettext_noop("line %(line)s: clock moved by %(seconds)s s: %(said)s"),
    gettext_noop(
        "line %(line)s: a checkout of %(feature)s was changed while it ran (%(seats)s seats "
        "named); it is counted with the seats it was taken with"
    ),
    gettext_noop(
        "requests for %(feature)s that began to wait: %(count)s; what waits holds no seat, and is "
        "not counted"
    ),
    gettext_noop("line %(line)s: %(said)s (%(seconds)s s)"),
    # Why a status could not be read, or is not whole.
    gettext_noop("longer than %(count)s characters"),
    gettext_noop("expected (HOST/PORT HANDLE) before the start"),
    gettext_noop("expected (vVERSION) before the handle"),
    gettext_noop("expected a user before the version"),
    gettext_noop("expected a start such as Mon 3/16 8:13"),
    gettext_noop("the row is cut"),
    gettext_noop("expected Users of FEATURE: (...)"),
    gettext_noop("expected the totals, or the reason why there are none"),
    gettext_noop("expected a holder, a reservation or a queued request"),
    gettext_noop("expected a feature, a version, a number of licences, a daemon and an expiry"),
    gettext_noop("%(text)s is not an expiry date such as 31-dec-2026 or permanent"),
    gettext_noop("%(text)s is not a time such as 8:13"),
    gettext_noop("%(day)s and %(time)s are not a start such as Mon 3/16 8:13"),
    gettext_noop("%(text)s is not a day such as Mon 3/16"),
    gettext_noop("Found a server that is up; expected Feature usage info after it."),
    gettext_noop("Found the name of a server; expected its state and features."),
    gettext_noop("Found features; expected License server status before them."),
    gettext_noop("Found features; expected a server or a vendor daemon that is up."),
    gettext_noop("The report ends before the features of its last daemon"),
    gettext_noop("The report ends before the features of %(daemons)s"),
    gettext_noop("%(count)s lines could not be read, the first in line %(line)s."),
    gettext_noop("The daemon does not answer for %(names)s."),
    gettext_noop("Rows and reservations do not add up to what is printed as in use: %(names)s"),
    # Why a line of a licence file or an options file could not be read.
    gettext_noop("expected SERVER HOST HOSTID [PORT]"),
    gettext_noop("expected the name of a daemon after %(keyword)s"),
    gettext_noop("expected SERVER, VENDOR, FEATURE, INCREMENT, UPGRADE, PACKAGE or USE_SERVER"),
    gettext_noop("expected %(keyword)s FEATURE DAEMON VERSION EXPIRY COUNT"),
    gettext_noop("expected an expiry such as 31-dec-2026 or permanent as the fifth word"),
    gettext_noop("expected a number of licences or uncounted after the expiry"),
    gettext_noop("expected PACKAGE NAME DAEMON VERSION COMPONENTS=..."),
    gettext_noop('expected COMPONENTS="..." in a PACKAGE'),
    gettext_noop("expected a date that exists"),
    gettext_noop("expected a keyword of options files, such as RESERVE, MAX, INCLUDE or GROUP"),
    gettext_noop("expected %(keyword)s FEATURE NUMBER"),
    gettext_noop("expected %(keyword)s NAME MEMBER..."),
    gettext_noop("expected %(keyword)s ... and one of %(kinds)s"),
    gettext_noop("expected a name after %(kind)s"),
    gettext_noop("expected a number"),
    # Why a file cannot be taken.
    gettext_noop(
        "Line %(line)s has a time but no date, and no date line comes before it; expected the "
        "date of the first line. Give it with --date YYYY-MM-DD."
    ),
    gettext_noop(
        "Line %(line)s has a time but no date, and no date line comes before it; expected the "
        "date of the first line."
    ),
    gettext_noop("format %(format)s is not read; expected one of %(formats)s."),
    gettext_noop("larger than %(most)s MB, which no %(format)s is."),
    gettext_noop("cannot be read: %(error)s"),
    gettext_noop(
        "both %(first)s and %(second)s tell of the daemon %(daemon)s; expected one licence server. "
        "Import the answer of each into a server of its own."
    ),
    gettext_noop("not one line with a time and a daemon was found; expected a FlexNet debug log."),
    gettext_noop("nothing in it looks like the output of lmstat"),
    gettext_noop("it unpacks to more than %(times)s times its size; unpack it yourself first"),
    gettext_noop("Another worker took this import over."),
    gettext_noop("Unknown time zone %(zone)s: expected a name such as Europe/Berlin or UTC."),
    gettext_noop(
        "Server %(server)s has the zone %(zone)s, not %(other)s. What was imported was read "
        "in %(read)s; leave --zone away, or use another server name."
    ),
    gettext_noop("Server %(server)s is of kind %(kind)s, not %(other)s."),
    gettext_noop(
        "Found an lmstat banner without a report; expected License server status and Feature "
        "usage info."
    ),
    gettext_noop(
        "Found no report of lmstat; expected License server status and Feature usage info."
    ),
    gettext_noop("the output of lmstat -a, a debug log, a licence file or an options file"),
    gettext_noop("text in another format"),
    gettext_noop("an empty file"),
    gettext_noop("nothing but blanks"),
    gettext_noop("a web page or XML"),
    gettext_noop("JSON, starting with %(text)s"),
    gettext_noop("a PDF file"),
    gettext_noop("a zip archive"),
    gettext_noop("an empty zip archive"),
    gettext_noop("a gzip archive"),
    gettext_noop("a bzip2 archive"),
    gettext_noop("an xz archive"),
    gettext_noop("a 7-Zip archive"),
    gettext_noop("a picture"),
    gettext_noop("a program"),
    gettext_noop("a database"),
    gettext_noop("an old Office document"),
    gettext_noop(
        "binary data, perhaps the daemon's REPORTLOG, which only FlexNet Manager can read; "
        "the debug log of the same daemon can be read"
    ),
    # Why an address is none.
    gettext_noop(
        "Found %(text)s; expected PORT@HOST such as 27000@license.example.com, or exactly "
        "three of them joined by commas for a redundant triad."
    ),
    gettext_noop("Found %(text)s; expected three different machines."),
    gettext_noop("Found port %(port)s; expected 1 to 65535."),
    gettext_noop(
        "Found host %(host)s; expected a host's name of letters, digits, dots and dashes, or "
        "an IP address."
    ),
    gettext_noop("Found %(binary)s; expected the absolute path of a program."),
    # Why the line of a raw text is not shown.
    gettext_noop("No log of that moment was read."),
    gettext_noop("No answer of the day before that moment was read."),
    gettext_noop("The raw text is no longer kept."),
    gettext_noop("The raw text is damaged: it is not what was read."),
    gettext_noop("The line was not found in the text."),
    gettext_noop("Too much raw text for one answer: open the piece by itself."),
    # What is wrong in a file of the inventory.
    gettext_noop("line %(line)s, column %(column)s: %(said)s"),
    gettext_noop("line %(line)s: %(said)s"),
    gettext_noop("and %(count)s more"),
    gettext_noop("found the byte %(byte)s, expected UTF-8 text"),
    gettext_noop("not readable as comma-separated: %(error)s"),
    gettext_noop("larger than %(most)s MB, which no inventory file is"),
    gettext_noop("found nothing, expected a header row"),
    gettext_noop("found the header %(found)s, expected that of %(kinds)s, joined by commas"),
    gettext_noop("found the header %(found)s, expected %(columns)s (%(kind)s)"),
    gettext_noop("found %(count)s values, expected %(most)s"),
    gettext_noop("found a NUL character, expected text"),
    gettext_noop("found nothing, expected a value"),
    gettext_noop("found %(found)s, expected a day such as 2026-01-31"),
    gettext_noop("found %(found)s, expected a whole number, 0 or more"),
    gettext_noop("found %(found)s, expected 1 or more"),
    gettext_noop(
        "found %(found)s, expected an amount such as 1250.00, with a point and no thousands "
        "separator"
    ),
    gettext_noop("found %(found)s, expected three capital letters such as EUR"),
    gettext_noop("found %(found)s, expected yes or no"),
    gettext_noop("found %(found)s, expected a zone such as Europe/Berlin or UTC"),
    gettext_noop("found %(found)s, expected one of %(known)s"),
    gettext_noop("found %(found)s, expected the name of a known vendor"),
    gettext_noop("found %(found)s, expected the name of a known team"),
    gettext_noop("found %(found)s, expected the name of a known pool"),
    gettext_noop("found %(found)s, expected a team that is not below this one"),
    gettext_noop("found %(found)s, expected %(other)s as in line %(line)s"),
    gettext_noop("found %(found)s, expected a known product of %(vendor)s"),
    gettext_noop("found %(found)s, expected an earlier day, or none"),
    gettext_noop("found %(found)s, expected a day of this age"),
    gettext_noop("found %(found)s, expected the number of a known contract with %(vendor)s"),
    # What a text holds instead, whatever it is.
    gettext_noop("Found %(there)s; expected %(instead)s."),
)
