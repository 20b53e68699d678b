"""From what the packages call their pictures to English phrases: "a red apple", "grapes", "the flag of Japan"."""

import re
from functools import lru_cache
from pathlib import Path

# Names of emoji that take no article, beside plurals.
MASS = set("""rice bread bacon cheese honey salt popcorn butter fire water ice tea sake milk coconut garlic ginger broccoli lettuce corn
sushi spaghetti soup sunrise sunset fog snow lightning money thread yarn wood rock soap toilet-paper wind rain chocolate candy
tofu meat seaweed coral moss grass cotton hay sand gold silver juice coffee wine beer champagne cabbage celery asparagus spinach
golf tennis football rugby soccer baseball basketball volleyball badminton cricket hockey bowling archery judo boxing surfing
music clothing equipment furniture luggage baggage pepper sugar flour pasta dough jam""".split())
ARTICLES = ("a ", "an ", "the ", "some ", "two ", "three ", "four ", "five ", "several ", "many ")
# Words that say nothing of the object; they end a title or begin it.
EMPTY = set("bw aj svg png icon icons clipart clip art simple generic various vector symbol sign logo cartoon image drawing outline "
            "color colour colored version new v2 and of the in with a an by for from on".split())


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .,:;-")


def with_article(name: str) -> str:
    """`name` as a noun phrase, by simple rules."""
    low = name[:1].lower() + name[1:] if not name[:2].isupper() else name
    if low.startswith(ARTICLES) or low.startswith(("person ", "people ", "family")) and low.startswith("people"):
        return low
    head = re.split(r" (?:with|of|in|on|at|from|holding|to|for) ", low)[0].split(" ")[-1]
    plural = head.endswith("s") and not head.endswith(("ss", "us", "is")) and head not in ("lens", "bus", "octopus", "compass")
    if plural or head in MASS or head in ("people", "men", "women", "children", "teeth", "feet"):
        return low
    an = low[0] in "aeiou" and not low.startswith(("uni", "eu", "one", "use", "usb", "ukulele")) or low.startswith(("hour", "honest", "x-ray", "hotel key x"))
    return f"{'an' if an else 'a'} {low}"


@lru_cache(None)
def wordnet(folder: str) -> tuple[frozenset[str], frozenset[str]]:
    """All words of WordNet, and its nouns."""
    lists = {}
    for part in ("noun", "verb", "adj", "adv"):
        lines = Path(folder, f"index.{part}").read_text(errors="ignore").splitlines()
        lists[part] = frozenset(line.split(" ")[0] for line in lines if not line.startswith(" "))
    return frozenset().union(*lists.values()), lists["noun"]


def singular(word: str) -> str:
    for end, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ves", "f")):
        if word.endswith(end):
            return word[: -len(end)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def clipart(title: str, folder: str) -> str | None:
    """The phrase of a clip-art's title; None where it is no plain English name of a thing."""
    every, nouns = wordnet(folder)
    title = re.sub(r"\(.*?\)|#\d+|\d+|_", " ", title.replace("-", " "))
    words = [w for w in squeezed(title).split(" ") if w]
    while words and words[-1].lower() in EMPTY:
        words.pop()
    while words and words[0].lower() in EMPTY:
        words.pop(0)
    words = [w.lower() for w in words]
    known = lambda w: w in every or singular(w) in every or w in ("and", "of", "with", "in", "on", "the", "a")
    if not 1 <= len(words) <= 5 or not all(w.isalpha() and known(w) for w in words) or len(words[-1]) < 3:
        return None
    if words[-1] not in nouns and singular(words[-1]) not in nouns:
        return None
    return with_article(" ".join(words))


def content_words(phrase: str) -> list[str]:
    """The words of a phrase that name things, in the singular."""
    small = {"a", "an", "the", "of", "with", "in", "on", "and", "at", "to", "from", "some", "two", "three", "for", "is", "are", "it", "its"}
    return [singular(w) for w in re.findall(r"[a-z]+", phrase.lower()) if w not in small]


def head(phrase: str) -> str:
    """The word that says what it is: the last one before a preposition."""
    first = re.split(r"[:,]| (?:with|of|in|on|at|from|holding|to|for|and|behind|without) ", phrase)[0]
    words = content_words(first) or content_words(phrase)
    return words[-1] if words else phrase
