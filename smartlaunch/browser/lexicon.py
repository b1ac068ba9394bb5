"""The words by which a person would know what a control is for, in the languages that sandboxes are likely to speak.

Words are a help, never the only way: a form with one submit control is submitted whatever its text says.
"""

from __future__ import annotations

import re
from functools import lru_cache

from smartlaunch.browser.snapshot import Control


def _words(latin: str, other: str = "") -> re.Pattern[str]:
    parts = [rf"\b(?:{latin})\b"]
    if other:
        parts.append(f"(?:{other})")
    return re.compile("|".join(parts), re.IGNORECASE)


ALLOW = _words(
    r"allow|approve|authori[sz]e|accept|agree|grant|yes|confirm|permit|share|consent|erlauben|zulassen|zustimmen|akzeptieren|genehmigen|ja|"
    r"autoriser|accepter|oui|permitir|aceptar|autorizar|aceitar|sim|si|sí|consenti|accetta|autorizza|toestaan|akkoord|tillåt|"
    r"godkänn|tillad|"
    r"godta|salli|hyväksy|zezwól|akceptuj|povolit|izin ver",
    "許可|允许|同意|허용|разрешить|принять",
)
DENY = _words(
    r"deny|decline|reject|refuse|disallow|disagree|block|(?:do not|don'?t|never) (?:allow|share|agree|authori[sz]e|accept)|"
    r"ablehnen|verweigern|"
    r"refuser|rechazar|denegar|recusar|negar|rifiuta|nega|weigeren|neka|avvisa|avslå|afvis|kiellä|odmów|odrzuć|odmítnout|reddet",
    "拒否|拒绝|거부|отклонить|запретить",
)
CANCEL = _words(
    r"cancel|abort|no|nope|no thanks|not now|abbrechen|nein|annuler|non|cancelar|não|annulla|annuleren|nee|avbryt|annuller|"
    r"anuluj|zrušit|nej|ei|peruuta",
    "キャンセル|取消|취소|отмена",
)
SIGN_IN = _words(
    r"sign[ -]?in|log[ -]?in|log[ -]?on|sign[ -]?on|submit|continue|next|anmelden|einloggen|weiter|connexion|se connecter|"
    r"connecter|suivant|"
    r"iniciar sesión|ingresar|entrar|acceder|siguiente|accedi|avanti|inloggen|aanmelden|volgende|logga in|nästa|log ind|"
    r"logg inn|kirjaudu|zaloguj|přihlásit",
    "ログイン|登录|로그인|войти",
)
CONTINUE = _words(
    r"continue|next|proceed|ok|okay|got it|i understand|understood|i agree|agree|accept|confirm|done|submit|save|select|"
    r"choose|go|open|enter|launch|"
    r"weiter|fortfahren|bestätigen|continuer|suivant|valider|continuar|siguiente|seguir|próximo|avanti|continua|conferma|"
    r"prosegui|verder|doorgaan|"
    r"volgende|fortsätt|nästa|fortsæt|fortsett|jatka|dalej|kontynuuj|pokračovat|devam",
    "続ける|次へ|继续|下一步|계속|далее|продолжить",
)
SKIP = _words(
    r"not now|skip|later|maybe later|remind me later|no,? thanks|dismiss|continue without(?: \w+)?|"
    r"without (?:a )?(?:patient|encounter|user|visit)|"
    r"überspringen|später|plus tard|ignorer|omitir|más tarde|salta|overslaan|hoppa över",
)
NECESSARY_ONLY = _words(
    r"reject(?: all)?|decline(?: all)?|(?:only )?necessary(?: only)?|essential(?: only)?|refuse(?: all)?|nur notwendige"
)
REMEMBER = _words(
    r"remember|stay (?:signed|logged)|keep me|don'?t ask|do not ask|trust|persist|save (?:my|this)|show password|angemeldet bleiben|merken|"
    r"se souvenir|rester connecté|recordar|recordarme|ricorda|onthoud|kom ihåg|newsletter|marketing",
)
NEVER = _words(
    r"forgot\w*|reset|register|sign[ -]?up|create (?:an )?account|need help|help|support|contact|privacy|terms|conditions|"
    r"imprint|about|language|"
    r"log ?out|sign ?out|logoff|back|home|go to (?:the |your )?(?:portal|dashboard)|"
    r"print|download|delete|remove|revoke|unlock|feedback|vergessen|registrieren|hilfe|"
    r"zurück|oublié|aide|"
    r"retour|olvid\w*|ayuda|volver|registrarse|dimenticat\w*|aiuto|indietro|vergeten|terug|show|hide|clear|close|edit|change",
)
OTHER_PROVIDER = _words(
    r"google|facebook|apple|microsoft|github|linkedin|twitter|id\.me|clear1?|sso|single sign-on|passkey|qr code|security key|fingerprint"
)
USER_FIELD = _words(
    r"user ?(?:name|id)?|login(?: ?name| ?id| ?email)?|log ?in|email(?: address)?|e-?mail|identifier|account(?: ?name| ?id)?|"
    r"member(?: ?id)?|loginfmt|"
    r"signin|okta signin username|benutzer(?:name|kennung)?|anmeldename|utilisateur|identifiant|courriel|usuario|correo|"
    r"utente|gebruiker(?:snaam)?|"
    r"användarnamn|brukernavn|brugernavn|käyttäjätunnus|użytkownik|uživatel",
    "ユーザー|用户|사용자|пользовател",
)
SEARCH = _words(r"search|find|filter|query|lookup|q|suche\w*|recherche\w*|buscar|cerca|zoek\w*|sök", "検索|搜索|검색|поиск")
ONE_TIME_CODE = _words(r"otp|totp|one[ -]?time|verification code|security code|mfa|2fa|two[ -]?factor|authenticator|passcode|token")
PATIENT = _words(
    r"patients?|records?|persons?|people|charts|chart (?:search|list|number)|"
    r"dependents?|dependants?|prox(?:y|ies)|family members?|health records?|subject|"
    r"patient(?:en|in)|"
    r"dossiers?|pacientes?|pazient[ei]|patiënt(?:en)?|potilas",
    "患者|환자|пациент",
)
ENCOUNTER = _words(
    r"encounters?|visits?|appointments?|episodes?|admissions?|besuche?|aufenthalte?|termine?|consultations?|encuentros?|"
    r"visitas?|visite|afspraken"
)
ROLE = _words(
    r"roles?|profiles?|persona|account|organi[sz]ations?|facility|facilities|departments?|locations?|tenants?|projects?|"
    r"practice|rolle|rôle|rol|ruolo"
)
CHOOSE = _words(
    r"select|selection|selector|choose|chooser|pick|picker|which|who|whose|wählen|auswählen|auswahl|welche\w*|choisir|choisissez|sélectionner|seleccion\w*|"
    r"elija|elegir|selezion\w*|scegli\w*|kies|"
    r"selecteer|välj|velg|vælg|valitse|wybierz",
    "選択|选择|선택|выберите",
)
PROVIDER_ROLE = _words(
    r"provider|practitioner|clinician|physician|doctor|staff|nurse|employee|professional|ehr|api|arzt|ärztin|médecin|médico|medico|arts"
)
PATIENT_ROLE = _words(r"patient|member|portal|individual|personal|consumer|family|portal api|paciente|paziente")
CONSENT = _words(
    r"access|permissions?|authori[sz]\w*|consent\w*|scopes?|shar(?:e|ing)|requests?|requesting|wants?|would like|allow\w*|grant\w*|zugriff|"
    r"berechtigung\w*|autorisation|accès|acceso|permiso\w*|accesso|toegang|åtkomst",
    "アクセス|访问|권한|доступ",
)
TROUBLE = _words(
    r"errors?|denied|invalid|unauthori[sz]ed|forbidden|not found|oops|something went wrong|went wrong|failed|failure|expired|"
    r"unable|fehler|erreur|errore|fout|fel",
    "エラー|错误|오류|ошибка",
)
ASIDE = _words(
    r"purpose|reasons?|why|language|locale|country|state|time ?zone|duration|how long|period|expir\w*|zweck|grund|sprache|dauer|"
    r"raison|langue|durée|motivo|razón|idioma|duración|lingua|durata"
)
"""What else than a person or a thing a field may ask for."""
PERIOD = _words(
    r"(?:for )?(?:\d+|an?|one|a few) (?:minutes?|hours?|days?|weeks?|months?|years?)|"
    r"(?:just |only )?(?:this )?once|this time only|one[ -]time|forever|indefinitely|always|until .{0,40}|"
    r"(?:für )?(?:\d+|eine?n?) (?:minuten?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?)|einmalig|"
    r"(?:pour )?(?:\d+|une?) (?:minutes?|heures?|jours?|semaines?|mois|ans?|années?)|"
    r"(?:por )?(?:\d+|una?) (?:minutos?|horas?|días?|semanas?|mes(?:es)?|años?)",
)
"""For how long something is allowed."""
LANGUAGE = _words(r"languages?|sprachen?|langues?|idiomas?|lingua|taal")
CLOSE = _words(r"(?:close|dismiss|schließen|fermer|cerrar|chiudi|sluiten)(?: \w+){0,2}|x", "\u00d7|\u2715|\u2716")
"""What shuts a dialogue, as the whole of its text."""
BACK_TO_APP = _words(r"(?:return|go back|back|proceed|zurück|retour|volver)\b.{0,20}\b(?:app|application|anwendung|aplicación)")
NOBODY = _words(r"(?:no|none|nothing|nobody) (?:\w+ ){0,2}(?:found|available|to (?:select|show)|match\w*)|no results|loading")
OTHER_ACCOUNT = _words(
    r"(?:use|sign in with|choose|log in with) (?:another|a different|other) (?:account|user|identity)|not you|switch (?:account|user)s?|"
    r"different (?:account|user)|another (?:account|user)|someone else|anderes konto|autre compte|otra cuenta"
)
GO_ON_AS = _words(
    r"(?:continue|proceed|go on|sign in|log in|stay) as|yes,? (?:it'?s|that'?s|this is) me|"
    r"(?:weiter|fortfahren|anmelden) als|continuer en tant que|continuar como|continua come|doorgaan als|fortsätt som|fortsæt som"
)
SURE = _words(
    r"(?:are you|you) (?:really )?sure|do you really|really want|sind sie sicher|wirklich|êtes-vous sûre?|seguro|sicur[oa]|weet u zeker"
)
TERMS = _words(
    r"terms|conditions|privacy (?:policy|notice|practices)|licen[cs]e agreement|user agreement|acceptable use|"
    r"nutzungsbedingungen|datenschutz\w*"
)
STAY = _words(
    r"stay signed in|stay logged in|keep me signed in|remember this (?:device|browser|computer)|save (?:your|this) password|"
    r"trust this|angemeldet bleiben"
)
LAUNCH = _words(r"launch|open app|start|run|starten|lancer|iniciar|avvia")
NEW_PASSWORD = _words(r"new|confirm|repeat|again|retype|neu\w*|nouveau|nueva|nuova")


@lru_cache(maxsize=4096)
def split_name(name: str) -> str:
    """Turn ``allowButton`` or ``kc-cancel`` into words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^0-9A-Za-z\u0080-\uffff]+", " ", spaced).strip().lower()


def says(control: Control, pattern: re.Pattern[str], *, deep: bool = True) -> bool:
    """Whether what a person reads on the control matches; with ``deep``, the first of text, value, id and name that says anything.

    The shown text comes first since ``<button value="allow">No</button>`` means no. A value or id is asked only when the text matches
    no meaning we know.
    """
    shown = f"{control.text} {control.label}".strip()
    if pattern.search(shown):
        return True
    if not deep or (shown and any(p.search(shown) for p in (ALLOW, DENY, CANCEL, CONTINUE, SKIP, NEVER))):
        return False
    return bool(pattern.search(split_name(control.value)) or pattern.search(split_name(f"{control.id} {control.name}")))


def field_words(control: Control) -> str:
    """Everything that says what a field is for, as words."""
    return " ".join((control.label, control.placeholder, split_name(control.name), split_name(control.id), control.autocomplete))


def without_scopes(text: str) -> str:
    """A text without the scopes in it: ``patient/Observation.rs`` speaks of no patient to choose, and ``profile`` of no profile."""
    return re.sub(
        r"\b(?:patient|user|system|launch)/[\w.*?&=:|,%-]+|\b(?:openid|fhirUser|offline_access|online_access)\b|(?<=\bscope )profile\b",
        " ",
        text,
    )


def normal(text: str) -> str:
    """Fold case and white space for comparing names."""
    return " ".join(text.casefold().split())


GOES_ON = _words(
    r"(?:you are|you will be|being) (?:now )?(?:redirected|transferred|forwarded|signed in)|redirecting|please wait|one moment|"
    r"just a moment|loading|(?:approve|confirm) (?:the|this)?.{0,40}(?:phone|device|app)|waiting for|"
    r"sie werden (?:weitergeleitet|angemeldet)|bitte warten|einen moment|"
    r"veuillez patienter|redirection en cours|redirigiendo|espere|even geduld|attendere"
)
"""What a page says that goes on by itself after a while."""


def wants_patient(persona: str) -> bool:
    """Whether the user is one who signs in as a patient."""
    return bool(persona and PATIENT_ROLE.search(split_name(persona)))
