"""Labeling functions for the seven Snips intents: what a list of words cannot say.

Most of them turn on word order (a verb, and later what it is applied to) or on an "unless"
(a bare title is searched for, unless the speaker also talks of a cinema). Each one abstains
when it does not see its own evidence. The patterns sit above the functions that use them.
"""

import re
from pathlib import Path

from quorate import labeling_function

# Ways to begin a request before saying what is wanted.
POLITE = (
    r"(?:(?:please|kindly|hey|ok|okay|just)[, ]+"
    r"|(?:can|could|would|will|may) (?:you|u|i|we) (?:please )?"
    r"|help me (?:to )?"
    r"|(?:i|we)(?:'d| would) (?:like|love) (?:for )?(?:you )?to "
    r"|(?:i |we )?(?:want|need|wish|have) (?:you )?to "
    r"|let(?:'s|s| me| us) )*"
)
TO_WATCH_OR_READ = (
    r"(?:tv|television|series|show|trailer|game|picture|photograph|painting|novel|book|saga"
    r"|movie|film|episodes?)"
)
TO_HEAR = r"(?:song|album|soundtrack|discography|poem)"


def tidy(text: str) -> str:
    """The utterance in lower case, with single spaces, without its final punctuation."""
    return " ".join(text.lower().replace("\u2019", "'").split()).rstrip(" .?!")


# --- AddToPlaylist ---------------------------------------------------------------------------

ADD_TO = re.compile(r"\b(?:add|put|include|insert|move)\b.+?\b(?:to|onto|into|on|in)\b")
STARS = re.compile(r"\b(?:stars?|points?|rating|score)\b")
PLAYLIST = re.compile(r"\bplay ?list\b")
START_IT = re.compile(r"\b(?:play|plays|playing|hear|listen|open|start|pull up|shuffle)\b(?! ?list)")


@labeling_function(
    label="AddToPlaylist",
    pre=[tidy],
    examples={
        "Add this track to Digster Reggae.": "AddToPlaylist",
        "Put 5 stars on this novel": None,
        "Play the song from my playlist": None,
    },
)
def adds_something_to_something(tidy: str) -> bool:
    """Says add, put or include, and later to, onto or in, and does not talk of stars."""
    return bool(ADD_TO.search(tidy)) and not STARS.search(tidy)


@labeling_function(
    pre=[tidy],
    examples={
        "I want novena on the playlist called Gold Edition": "AddToPlaylist",
        "Start up my nostalgic playlist.": "PlayMusic",
        "Start up my day": None,
    },
)
def playlist_filled_or_played(tidy: str) -> str | None:
    """A playlist that is played or opened is PlayMusic, any other mention of one fills it."""
    if not PLAYLIST.search(tidy):
        return None
    return "PlayMusic" if START_IT.search(tidy) else "AddToPlaylist"


# --- BookRestaurant --------------------------------------------------------------------------

BOOK_FIRST = re.compile(rf"^{POLITE}book\b(?! (?:of|called|titled|by)\b)")
COMPANY = re.compile(r"\b(?:me and|and (?:i|me)|my \w+ and i|party of)\b.* (?:at|in|to|for)\b")
EAT_WHERE = re.compile(r"\b(?:eat|dine|food|go|take me)\b.*\b(?:at|to|in|near|from|for)\b")
EATERY = re.compile(
    r"\b(?:restaurants?|bars?|pubs?|cafe|cafeteria|diner|tavern|taverna|brasserie|bistro"
    r"|food (?:court|truck)|house|place|steakhouse|pizzeria|serves?|within|close|party of)\b"
)


@labeling_function(
    label="BookRestaurant",
    pre=[tidy],
    examples={
        "Book the Light Horse Tavern for 4 people": "BookRestaurant",
        "I need to book a pub": "BookRestaurant",
        "find the book In the Valley": None,
    },
)
def uses_book_as_a_verb(tidy: str) -> bool:
    """Opens with book as the thing to do, where a title search has it as a noun."""
    return bool(BOOK_FIRST.search(tidy))


@labeling_function(
    label="BookRestaurant",
    pre=[tidy],
    examples={
        "susanne and i would like to go to Palau": "BookRestaurant",
        "a party of four in Japan": "BookRestaurant",
        "play Me and You": None,
    },
)
def brings_company(tidy: str) -> bool:
    """Names who comes along, and then where to go or for when."""
    return bool(COMPANY.search(tidy))


@labeling_function(
    label="BookRestaurant",
    pre=[tidy],
    examples={
        "Lets go to a bistro in SD": "BookRestaurant",
        "I want to eat at The Fort": None,
        "go to the saga The Quantum Thief": None,
    },
)
def goes_to_an_eatery(tidy: str) -> bool:
    """Says eat or go, then to or at, and names a kind of place that feeds people."""
    return bool(EAT_WHERE.search(tidy) and EATERY.search(tidy))


# --- GetWeather ------------------------------------------------------------------------------

WILL_IT = re.compile(r"\b(?:(?:will|is|does|if|when) (?:it|there|the)|it'll|how|what is)\b")
WORD = re.compile(r"[a-z]+")
WEATHER_WORDS = Path(__file__).with_name("weather_words.txt")


def weather_words() -> frozenset[str]:
    """The terms of the gazetteer that lies beside this file."""
    lines = WEATHER_WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@labeling_function(
    label="GetWeather",
    pre=[tidy],
    resources={"weather_words": weather_words},
    examples={
        "Will it be chilly in Weldona": "GetWeather",
        "Is it going to snow here?": "GetWeather",
        "show 50 Words for Snow": None,
        "Is it playing here": None,
    },
)
def asks_if_it_will(tidy: str, weather_words: frozenset[str]) -> bool:
    """Asks will it, is there or how, and after that names a kind of weather."""
    asked = WILL_IT.search(tidy)
    return asked is not None and not weather_words.isdisjoint(WORD.findall(tidy, asked.end()))


# --- PlayMusic -------------------------------------------------------------------------------

PLAY_BY = re.compile(r"\b(?:play|hear|listen to|put on|open)\b.+\b(?:by|from|off|on|using|with)\b")
PLAY_SHOWN = re.compile(rf"^{POLITE}play\b.*\b{TO_WATCH_OR_READ}\b")


@labeling_function(
    label="PlayMusic",
    pre=[tidy],
    examples={
        "Play Odessa by Maartin Allcock.": "PlayMusic",
        "I want to hear something from the fifties": "PlayMusic",
        "play the trailer for Silk by Hand": None,
    },
)
def plays_by_or_from(tidy: str) -> bool:
    """Asks to play or hear something by an artist, from a year or on a service."""
    return bool(PLAY_BY.search(tidy)) and not PLAY_SHOWN.search(tidy)


# --- RateBook --------------------------------------------------------------------------------

RATE_THEN_SCORE = re.compile(
    r"\b(?:rate|gives?|gave|giving|award|gets|deserves?|worth|is an?)\b"
    r".*\b(?:[0-6]|zero|one|two|three|four|five|six)\b"
)
NOT_A_SCORE = re.compile(r"\b(?:table|people|party|weather|forecast|movies?|showtimes|play)\b")
THIS_BOOK = re.compile(
    r"\b(?:this|current|next|previous|last|following|my) "
    r"(?:\w+ )?(?:novel|book|essay|textbook|chronicle|saga|series|album)\b"
)


@labeling_function(
    label="RateBook",
    pre=[tidy],
    examples={
        "Give The Phantom Ship a zero.": "RateBook",
        "the current essay is worth five": "RateBook",
        "give me a table for two": None,
    },
)
def verb_then_score(tidy: str) -> bool:
    """Says rate, give or deserve, and later a score from zero to six."""
    return bool(RATE_THEN_SCORE.search(tidy)) and not NOT_A_SCORE.search(tidy)


@labeling_function(
    label="RateBook",
    pre=[tidy],
    examples={
        "rate this textbook": "RateBook",
        "Find the novel called Loyalty.": None,
        "add this album to my Blues playlist": None,
    },
)
def points_at_this_book(tidy: str) -> bool:
    """Points at a book (this one, the current one, the last one), not to add it anywhere."""
    return bool(THIS_BOOK.search(tidy)) and (not ADD_TO.search(tidy) or bool(STARS.search(tidy)))


# --- SearchCreativeWork ----------------------------------------------------------------------

FIND_WORK = re.compile(
    r"\b(?:find|search|look|looking|show|see|watch|view|get|locate|read|where|what is|go to)\b"
    rf".*\b(?:{TO_WATCH_OR_READ}|{TO_HEAR})\b"
)
FIND_FIRST = re.compile(rf"^{POLITE}(?:find|fine|show|search|look|get|see|locate|pull up)\b")
WHERE_TO_GET = re.compile(r"^where (?:can i|to|do i) (?:find|get|buy|purchase|download)\b")
NOT_A_TITLE = re.compile(
    r"\b(?:movies|films|cinemas?|theat(?:re|er)s?|movie house|schedules?|showtimes?|showings?"
    r"|playing|showing|movie times?|starting|animated|nearby|nearest|closest|at|time|when"
    r"|weather|forecast|fore?cast|temperature|table|reservations?|seating|seats|party of"
    r"|restaurant|bars?|pub|cafe|bistro|brasserie|bakery|tavern|serves"
    r"|to book|playlist|music|rating|stars|points)\b"
)


@labeling_function(
    label="SearchCreativeWork",
    pre=[tidy],
    examples={
        "Where can I find the album The Adventures of Lolo II": "SearchCreativeWork",
        "find movie times": None,
        "Play the album Journeyman": None,
    },
)
def finds_a_named_kind_of_work(tidy: str) -> bool:
    """Says find, show or get, and later painting, novel, song or another kind of work."""
    return bool(FIND_WORK.search(tidy)) and not NOT_A_TITLE.search(tidy)


@labeling_function(
    label="SearchCreativeWork",
    pre=[tidy],
    examples={
        "Find The Madwoman in the Attic.": "SearchCreativeWork",
        "Find The Madwoman in the Attic at a cinema": None,
        "find the closest restaurant": None,
    },
)
def finds_a_bare_title(tidy: str) -> bool:
    """Opens with find or show, and says nothing of cinemas, hours, tables or the weather."""
    asked = FIND_FIRST.search(tidy) or WHERE_TO_GET.search(tidy)
    return bool(asked) and not NOT_A_TITLE.search(tidy)


@labeling_function(
    label="SearchCreativeWork",
    pre=[tidy],
    examples={
        "play the television show Tears Laid in Earth": "SearchCreativeWork",
        "Play the top song": None,
    },
)
def plays_what_is_not_music(tidy: str) -> bool:
    """Opens with play, but what is to be played is watched or read."""
    return bool(PLAY_SHOWN.search(tidy)) and not PLAYLIST.search(tidy)


# --- SearchScreeningEvent --------------------------------------------------------------------

ON_A_SCREEN_AT_HOME = re.compile(rf"\bthe (?:\w+ )?{TO_WATCH_OR_READ}\b|\b(?:tv|television)\b")
WHERE_TO_SEE = re.compile(
    r"\b(?:when|what time|where)\b.* (?:(?:can|could) i|i (?:can|could)) (?:go )?(?:see|watch)\b"
    r"|\bgo see\b"
)
SEE_THERE = re.compile(
    r"\b(?:see|watch|find|show|list|playing|showing)\b.*"
    r"\b(?:at|in|around|near|closest|nearest)\b.*"
    r"\b(?:cinemas?|theat(?:re|er)s?|house|area|neighbou?rhood|entertainment|corporation|here)\b"
)
IS_IT_PLAYING = re.compile(r"^(?:when|what time|where|is|are|does|which|what)\b.*\b(?:play|playing|showing|start)\b")
WATCH = re.compile(r"\b(?:watch|see|playing|showing|movies?|films?|starting)\b")
HOUR = re.compile(
    r"\bat (?:\d+:\d+|[\w ]+ ?[ap]\.?m\b|[\w ]+ o'clock|noon|midnight)"
    r"|\b(?:second|minute|hour)s? from now\b|\bin \w+ (?:second|minute|hour)s?\b"
)


@labeling_function(
    label="SearchScreeningEvent",
    pre=[tidy],
    examples={
        "When can I see Red Hot Tires": "SearchScreeningEvent",
        "I want to go see The Trouble with Girls": "SearchScreeningEvent",
        "Where can I see the trailer for Phineas Redux?": None,
    },
)
def asks_where_or_when_to_see(tidy: str) -> bool:
    """Asks where or when to see a title, and does not call it a show, trailer or book."""
    return bool(WHERE_TO_SEE.search(tidy)) and not ON_A_SCREEN_AT_HOME.search(tidy)


@labeling_function(
    label="SearchScreeningEvent",
    pre=[tidy],
    examples={
        "Is Lord Jim playing at the movie house": "SearchScreeningEvent",
        "find films in the area": "SearchScreeningEvent",
        "is it chilly in my area": None,
    },
)
def sees_it_somewhere(tidy: str) -> bool:
    """Says see, show or playing, and later at or near some cinema or neighbourhood."""
    return bool(SEE_THERE.search(tidy))


@labeling_function(
    label="SearchScreeningEvent",
    pre=[tidy],
    examples={
        "What time does Johnny Got His Gun play": "SearchScreeningEvent",
        "play Johnny Got His Gun": None,
        "When is the TV series Crossing Lines showing?": None,
    },
)
def asks_if_it_is_playing(tidy: str) -> bool:
    """Is a question, and what it asks is when, where or whether something plays."""
    return bool(IS_IT_PLAYING.search(tidy)) and not ON_A_SCREEN_AT_HOME.search(tidy)


@labeling_function(
    label="SearchScreeningEvent",
    pre=[tidy],
    examples={
        "find Mary Kom starting in one hour": "SearchScreeningEvent",
        "I'd like to watch Demolition Man at 11:09 PM": "SearchScreeningEvent",
        "Book a table at 7 PM": None,
    },
)
def watches_at_an_hour(tidy: str) -> bool:
    """Speaks of watching or of films, and gives the hour."""
    return bool(WATCH.search(tidy) and HOUR.search(tidy))
