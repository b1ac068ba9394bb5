"""Getting an EHR launch: from a chart page driven in the browser, from a link, from a person (design, ``[ehr_launch]``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.browser import Landing
from smartlaunch.client.authorization import require_what_it_lacks
from smartlaunch.client.discovery import WELL_KNOWN
from smartlaunch.client.engine import Engine
from smartlaunch.errors import Blocked, LoginStuck, NotConfigured, NotOffered
from smartlaunch.exchange import TRANSIENT, Endpoint
from smartlaunch.oauth.authorization import Launch
from smartlaunch.target import Client, EhrLaunch, User

_TRIES = 2
"""How often a link is opened that has launched the app before and now leads to an error: an error may pass."""


@dataclass(frozen=True)
class Opened:
    """What the EHR opened the app with; parameters of the fragment are no launch parameters."""

    parameters: tuple[tuple[str, str], ...]
    exchanges: tuple[str, ...] = ()
    fragment: bool = False
    elsewhere: str = ""
    """The address, without its parameters, when the browser was sent to the app's host but not to its launch URI."""
    pasted: bool = False

    def value(self, name: str) -> str | None:
        """The first value of a launch parameter, or None."""
        return next((v for k, v in self.parameters if k == name), None) if not self.fragment else None

    @property
    def exchange(self) -> str:
        """The exchange that shows the navigation to the launch URI."""
        return self.exchanges[-1] if self.exchanges else ""


class Launches:
    """The source of EHR launches of one run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._spent: set[str] = set()
        self._by_link: Counter[str] = Counter()
        """How often each launch link has launched an app."""
        self._ended: set[str] = set()
        """The links that launched an app and do so no more."""
        self.ask: Callable[[str], str] | None = None
        """What asks the person at the terminal, if one is there."""
        self._nobody_there = False
        """Whether the person at the browser was waited for in vain; nobody is asked again."""

    def require_way(self, client: Client) -> EhrLaunch:
        """Where the client's EHR launches come from; ``NotConfigured`` when the target file names no such place."""
        setting = self._engine.target.ehr_launch_of(client)
        if setting is None:
            raise NotConfigured("the target file has no [ehr_launch]", key="[ehr_launch]")
        if setting.kind != "pasted" and not client.launch_uri:
            raise NotConfigured(
                f"the client {client.name!r} has no launch_uri in the target file", key=f"[clients.{client.name}] launch_uri"
            )
        return setting

    def chooses(self, client: Client) -> bool:
        """Whether user and patient of an EHR launch can be chosen: on a chart page, not with a link or a pasted launch."""
        setting = self._engine.target.ehr_launch_of(client)
        return setting is not None and setting.kind == "page" and bool(client.launch_uri)

    def pasted(self, client: Client) -> bool:
        """Whether the client's launches are each made by a person, and serve one flow."""
        setting = self._engine.target.ehr_launch_of(client)
        return setting is not None and setting.by_hand

    def left(self, client: Client) -> int:
        """How many pasted launches are left for the client."""
        setting = self._engine.target.ehr_launch_of(client)
        return len([value for value in setting.launch if value not in self._spent]) if setting is not None else 0

    def context(self, client: Client, user: User | None = None) -> tuple[str, str]:
        """The patient and encounter that the EHR is configured to have open; another patient where the user cannot see that one."""
        setting = self._engine.target.ehr_launch_of(client)
        if setting is None:
            return "", ""
        patient = setting.patient or self._engine.target.patients.default or ""
        visible = self._engine.target.visible_patient(user, patient) if setting.kind == "page" else patient
        return visible, (setting.encounter or "") if visible == patient else ""

    def open(self, client: Client, user: User | None = None, *, patient: str = "", session: str = "") -> Opened:
        """Let the EHR open the app of a client and say with which parameters, right or not; a pasted launch is not spent by that.

        ``NotConfigured`` when no launch is configured or none is left; ``LoginStuck`` when the EHR opens no app.
        """
        engine, setting = self._engine, self.require_way(client)
        if setting.kind == "pasted":
            value = next((value for value in setting.launch if value not in self._spent), None) or self._one_more(client)
            if not value:
                raise NotConfigured(
                    f"each pasted launch serves one flow, and other scenarios have spent all {len(setting.launch)}",
                    key="[ehr_launch] launch = [..., one more]",
                )
            parameters = (("iss", setting.iss or engine.target.fhir_base_url), ("launch", value))
            return Opened(parameters, pasted=setting.by_hand)
        if setting.kind == "person":
            return self._by_person(client, setting, user, session)
        if setting.kind == "link":
            return self._by_a_link(client, setting, user, session)
        with engine.recorder.scope("ehr-launch") as scope:
            landing = engine.open_chart(client, setting, user, patient=patient or self.context(client, user)[0], session=session)
        return self._launched(client, landing, scope.ids)

    def _by_a_link(self, client: Client, setting: EhrLaunch, user: User | None, session: str) -> Opened:
        """A launch by a link, which serves as often as the EHR lets it; ``NotConfigured`` once it serves no more."""
        url = setting.url or ""
        if url not in self._ended:
            for _ in range(_TRIES):
                with self._engine.recorder.scope("ehr-launch") as scope:
                    landing = self._engine.open_chart(client, setting, user, patient="", session=session)
                refused = landing.kind in ("error-page", "no-way-on") and landing.status < 500 and landing.status not in TRANSIENT
                if not refused or not self._by_link[url]:
                    opened = self._launched(client, landing, scope.ids)
                    self._by_link[url] += 1
                    return opened
            self._ended.add(url)
        raise NotConfigured(
            f"each launch serves one flow, and the launch link has launched the app as often as the EHR lets it ({self._by_link[url]})",
            key="[ehr_launch] url: a link that can be used again",
        )

    def _launched(self, client: Client, landing: Landing, exchanges: Sequence[str]) -> Opened:
        """What the browser was sent to the app with; ``LoginStuck`` when it was not sent there."""
        if landing.kind != "caught":
            require_what_it_lacks(landing)
            raise (NotOffered if landing.not_offered else LoginStuck)(
                f"the EHR did not launch the app\n{landing.describe()}",
                waited_for=f"the navigation to the launch URI {client.launch_uri}",
                hint="check the app's launch URI in the EHR, or give the steps in [ehr_launch] of the target file",
                artifacts=(landing.screenshot,) if landing.screenshot else (),
            )
        return _opened(client, landing, exchanges)

    def _by_person(self, client: Client, setting: EhrLaunch, user: User | None, session: str) -> Opened:
        """A launch that a person starts in the browser which the run shows; one who does not is not asked again."""
        engine = self._engine
        if engine.browser.headed and not self._nobody_there:
            self._nobody_there = True  # until a launch has come, whatever else ends the wait
            with engine.recorder.scope("ehr-launch") as scope:
                landing = engine.watch_for_launch(client, setting, user, session=session)
            if landing.kind == "caught":
                self._nobody_there = False
                return _opened(client, landing, scope.ids, by_hand=True)
        why = "and nobody started one in time" if self._nobody_there else "and this run shows no browser"
        raise NotConfigured(f'`kind = "person"`: a person starts each EHR launch, {why}', key="--headed, with a person at the browser")

    def _one_more(self, client: Client) -> str:
        """Another launch value from the person at the terminal, who may paste the whole launch URL; nobody who declines is asked again."""
        if self.ask is None:
            return ""
        typed = self.ask(
            f"All pasted launches are spent. Launch the app of [clients.{client.name}] once more from the EHR and paste the launch URL or"
            " its `launch` value, to judge more:"
        )
        value = dict(parse_qsl(urlsplit(typed).query)).get("launch", "" if "?" in typed else typed)
        if not value or value in self._spent:
            self.ask = None
            return ""
        self._engine.recorder.redactor.learn("launch", value)
        return value

    def obtain(self, client: Client, user: User | None = None, *, patient: str = "", session: str = "") -> Launch:
        """A fresh launch for a client; ``Blocked`` when the EHR opens it without the launch parameters."""
        other_user, other_patient = user not in (None, self._engine.target.first_user), patient not in ("", self.context(client)[0])
        if self.require_way(client).kind in ("pasted", "person") and (other_user or other_patient):
            raise NotConfigured(
                "a launch that a person makes, or the options of a launcher, is of one user and one patient",
                key='[ehr_launch] kind = "page"',
            )
        self._require_seen(client, user, patient)
        opened = self.open(client, user, patient=patient, session=session)
        iss, launch = opened.value("iss"), opened.value("launch")
        if not iss or not launch:
            absent = " and ".join(f"`{name}`" for name, value in (("iss", iss), ("launch", launch)) if not value)
            raise Blocked(
                f"the EHR opened the launch URI without {absent}",
                waited_for="the launch parameters `iss` and `launch`",
                hint="the scenario on launch parameters of this suite judges this",
            )
        self._require_this_base(iss)
        if opened.pasted:
            self._spent.add(launch)
        context = self.context(client, user)
        return Launch(
            iss, launch, patient or context[0], context[1], parameters=opened.parameters, exchanges=opened.exchanges, pasted=opened.pasted
        )

    def _require_seen(self, client: Client, user: User | None, patient: str) -> None:
        """``NotConfigured`` where this patient is not among those that the target file lists for the user."""
        who = user or self._engine.target.first_user
        if patient and self.chooses(client) and who is not None and who.patients and patient not in who.patients:
            raise NotConfigured(
                f"the user {who.name!r} does not see the patient {patient}, whose chart would have to be opened",
                key="[users.<name>] patients",
            )

    def _require_this_base(self, iss: str) -> None:
        """``NotConfigured`` where the EHR launches at another base URL of this server: the reads of the suite go to the target's."""
        engine, base = self._engine, self._engine.target.fhir_base_url.rstrip("/")
        named = iss.rstrip("/")
        if named == base or urlsplit(named)[:2] != urlsplit(base)[:2] or urlsplit(named).query:
            return
        found = engine.http.send("GET", named + WELL_KNOWN, endpoint=Endpoint.DISCOVERY, headers={"Accept": "application/json"})
        if found.heard.status == 200 and found.heard.object.get("token_endpoint") == engine.discovery.document.get("token_endpoint"):
            raise NotConfigured(
                f"the EHR launches the app at {named}, another base URL of this server than the target file has",
                key="[target] fhir_base_url",
            )


def _opened(client: Client, landing: Landing, exchanges: Sequence[str], *, by_hand: bool = False) -> Opened:
    """What the EHR opened: the parameters, and the address where it is not the client's launch URI."""
    at = landing.url.split("?")[0].split("#")[0]
    # A slash at the end is how a registration form may have kept the address, and no mistake of a launch.
    expected = landing.caught_uri or at.rstrip("/") == client.launch_uri.split("?")[0].rstrip("/")
    elsewhere = "" if expected else at
    return Opened(tuple(landing.params), tuple(exchanges), fragment=landing.fragment_used, elsewhere=elsewhere, pasted=by_hand)
