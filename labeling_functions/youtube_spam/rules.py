"""Labeling functions for YouTube comment spam.

Each function looks for one reason to believe that a comment is an honest remark (HAM) or an
advertisement (SPAM). It abstains, by returning False or None, when that reason is absent.

No function takes notice of the others: "I really love this song, so please come and listen to
mine" gets votes for both classes, and the label model settles which of them to believe.
"""

import html
import re
import unicodedata
from typing import Any

from quorate import labeling_function

# ---- Shared helpers ------------------------------------------------------------------------------

TAG = re.compile(r"<[^>]*>")
SPACE = re.compile(r"\s+")
REPEATED_LETTER = re.compile(r"(.)\1+")


def plain(text: str) -> str:
    """Lower-case text without HTML tags, entities, wide letters or runs of spaces."""
    visible = TAG.sub(" ", html.unescape(text)).replace("\ufeff", "")
    return SPACE.sub(" ", unicodedata.normalize("NFKC", visible)).strip().lower()


def squeezed(word: str) -> str:
    """The word with each repeated letter written once, so that "loooove" equals "love"."""
    return REPEATED_LETTER.sub(r"\1", word)


def words_in(plain: str) -> int:
    """How many words a comment has."""
    return len(plain.split())


# ---- Signs of advertising ------------------------------------------------------------------------

OTHER_SITE = re.compile(
    r"(?:https?\s?://|www\s?\.\s?)(?!(?:www\.|m\.)?youtu)"
    r"|\b(?!youtu)[\w-]{3,}\s?\.\s?(?:com|net|org|tk|nl|ly|tv|biz|info|co|eu|pl)\b(?=[\s/\\.?]|$)"
)


@labeling_function(
    label="SPAM",
    pre=[plain],
    examples={
        "see http://example.org/offer": "SPAM",
        "best prices at example . com": "SPAM",
        "Roar: http://youtu.be/CevxZvSJLk8": None,
    },
)
def links_elsewhere(plain: str) -> bool:
    """Names a web address that is not YouTube's."""
    return bool(OTHER_SITE.search(plain))


BEGGING = re.compile(r"\b(?:pl+e+a+s+e*|pl+e+s+e+|pl+i*[zs]+)\b", re.IGNORECASE)


@labeling_function(label="SPAM", examples={"PLEASE look": "SPAM", "help plzzz": "SPAM", "pleasant voice": None})
def begs(text: str) -> bool:
    """Says please, however it is spelled."""
    return bool(BEGGING.search(text))


MONEY = re.compile(
    r"\b(?:make|making|earn|need|get|easy|lots? of|pal|real|extra) (?:\w+ )?money\b"
    r"|\b(?:free|gift ?cards?|paid|earn\w*|donat\w+|sell|sale|prices?|downloads?)\b"
    r"|\b(?:to|and) win\b|[$€£] ?\d|\d ?(?:[$€£]|dollars|bucks)"
)


@labeling_function(
    label="SPAM",
    pre=[plain],
    examples={"Get FREE gift cards": "SPAM", "only $20": "SPAM", "YouTube money!": None},
)
def offers_money(plain: str) -> bool:
    """Talks of earning, winning, selling, prices or free things."""
    return bool(MONEY.search(plain))


GREETING = re.compile(
    r"\b(?:hey+|hi+|hello|yo|sup|dear|aye|what'?s up)\W+(?:(?:again|to|you|music) )*"
    r"(?:guys?|every ?(?:one|body)|people|friends?|you ?tubers?|fans|ladies|there|homies|yall)\b"
    r"|\b(?:you|if|can|could|but) guys\b|^guys\b|^every ?one\b"
)


@labeling_function(
    label="SPAM",
    pre=[plain],
    examples={"Hey guys! I sing": "SPAM", "Can you guys help": "SPAM", "these guys rock": None},
)
def greets_the_crowd(plain: str) -> bool:
    """Addresses the other viewers as an audience."""
    return bool(GREETING.search(plain))


INTRODUCTION = re.compile(
    r"\b(?:i'?\s?a?m|we'? ?a?re) (?:\w+ ){0,5}"
    r"(?:rapper|singer|producer|youtuber|artist|student|musician|remixer|duo|company|leader)\b"
    r"|\bmy name'?s?\b|\b(?:i|we) (?:also )?(?:make|upload|made|record|(?:have )?just started) "
)


@labeling_function(
    label="SPAM",
    pre=[plain],
    examples={"I'm a young rapper": "SPAM", "I make covers": "SPAM", "I'm a big fan": None},
)
def introduces_self(plain: str) -> bool:
    """Tells what the writer is or makes, as a stranger does before asking for attention."""
    return bool(INTRODUCTION.search(plain))


ORDER = re.compile(
    r"(?:^\W*|[.!,:;)] ?|\b(?:and|to|go|please|pl[zs]+|come|can you|should|guys|everyone) )"
    r"(?:subs?\w*|check(?! (?:the|how|back|on)\b)|visit|follow|click|watch (?:my|it|our)|share"
    r"|vote|join|search|help|support|add|donate|google|look at|go to|take a look|sign up"
    r"|listen to|download|like (?:this comment|and|my|please))\b"
)


@labeling_function(
    label="SPAM",
    pre=[plain],
    examples={
        "Visit us": "SPAM",
        "so good, follow me": "SPAM",
        "came to check the views": None,
        "they follow her": None,
    },
)
def orders_the_reader(plain: str) -> bool:
    """Tells the reader what to do: check, visit, follow, share, vote, join."""
    return bool(ORDER.search(plain))


# ---- Signs of a remark ---------------------------------------------------------------------------

WORD = re.compile(r"[a-z0-9']+")
PRAISE = (
    "love loved loves lovely best great good nice cool awesome amazing beautiful cute perfect "
    "favorite favourite fav epic super fantastic sexy hot wow omg funny rocks fun lol haha"
)


@labeling_function(
    label="HAM",
    pre=[plain],
    resources={"praise": lambda: frozenset(squeezed(word) for word in PRAISE.split())},
    examples={"I loooove it": "HAM", "Great song!": "HAM", "visit us today": None},
)
def praises(plain: str, praise: frozenset[str]) -> bool:
    """Praises or laughs in a sentence or two."""
    words = {squeezed(word) for word in WORD.findall(plain)}
    return words_in(plain) <= 25 and not words.isdisjoint(praise)


TOPIC = re.compile(
    r"\b(?:psy|gangnam|oppa|korean?"  # PSY: Gangnam Style
    r"|katt?y|perry|roar|tiger|jungle"  # Katy Perry: Roar
    r"|lmfao|party rock|shuffl\w*|lauren"  # LMFAO: Party Rock Anthem
    r"|eminem|rihanna|me[gh]+an fox|charlie"  # Eminem: Love the Way You Lie
    r"|shakira|waka|world ?cup|africa)\b"  # Shakira: Waka Waka
)


@labeling_function(
    label="HAM",
    pre=[plain],
    examples={"is that Megan Fox?": "HAM", "check out my rap": None},
)
def names_song_or_cast(plain: str) -> bool:
    """Names one of the five songs or somebody in its video, in a short comment."""
    return words_in(plain) <= 30 and bool(TOPIC.search(plain))


NAME_PART = re.compile(r"[A-Z]+[a-z]*")


@labeling_function()
def names_artist_of_video(row: Any) -> str | None:
    """Names the artist of the very video it stands under, for example Katy, in a short comment."""
    comment = plain(row.text)
    artist = NAME_PART.findall(row.video.split("-")[-1])
    named = any(part.lower() in comment for part in artist)
    return "HAM" if named and words_in(comment) <= 30 else None


QUESTION = re.compile(r"^\W*(?:why|how|who|what|when|where|is|are|did|does|anyone|anybody)\b")


@labeling_function(
    label="HAM",
    pre=[plain],
    examples={"Who is that girl?": "HAM", "I know what you mean": None},
)
def wonders(plain: str) -> bool:
    """Opens the way a question does."""
    return bool(QUESTION.search(plain))


COMPLAINT = re.compile(r"\b(?:hate|suck\w*|stupid|worst|terrible|racist|garbage|trash|annoying|shit|crap|dislik\w*)\b")


@labeling_function(
    label="HAM",
    pre=[plain],
    examples={"this song sucks": "HAM", "subscribe if you agree": None},
)
def complains(plain: str) -> bool:
    """Speaks ill of the song or of somebody: advertisers stay polite."""
    return bool(COMPLAINT.search(plain))


PERSON = re.compile(r"\b(?:she|her|he|his|him|they|girl|guy|dude|kid)\b")


@labeling_function(
    label="HAM",
    pre=[plain],
    examples={"She's so talented": "HAM", "check my page out": None},
)
def talks_of_a_person(plain: str) -> bool:
    """Talks of a third person, mostly the singer or somebody in the video, in a few sentences."""
    return bool(PERSON.search(plain)) and words_in(plain) <= 40


# ---- Rules that vote for either class ------------------------------------------------------------

OWN_WORK = re.compile(
    r"\b(?:my|our|mah)\s+(?!fav)(?:\w+\s+){0,3}?"
    r"(?:chan\w*|vid\w*|page|site|web|blog|songs?|music\w*|covers?|remix\w*|rap\w*|mixtape|album"
    r"|tracks?|sound|profile|stream|stuff|playlist|book|beats?|bands?|company|project|app)\b"
)
THEIR_WORK = re.compile(
    r"\b(?:th?is|the|her|his|your|my fav\w*) (?:\w+ )?"
    r"(?:songs?|video|music|clip|lyrics|voice|singer|rapper|dance)\b"
)


@labeling_function(
    pre=[plain],
    examples={
        "Come see MY new YouTube channel": "SPAM",
        "I love this song": "HAM",
        "my favourite song": "HAM",
        "hello": None,
    },
)
def whose_work(plain: str) -> str | None:
    """The writer's own channel or song is advertising; the artist's song is the topic."""
    if OWN_WORK.search(plain):
        return "SPAM"
    return "HAM" if THEIR_WORK.search(plain) else None


@labeling_function(
    pre=[plain],
    examples={
        "Wow": "HAM",
        "and then, " * 40: "SPAM",
        "I heard it on the radio this morning": None,
    },
)
def length(plain: str) -> str | None:
    """A reaction is a few words long; an advertisement explains itself at length."""
    if words_in(plain) >= 80:
        return "SPAM"
    return "HAM" if words_in(plain) <= 6 else None
