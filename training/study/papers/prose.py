"""Long prose about everyday matters, unrelated to any picture, from a grammar of its own.

MIR is measured with texts that need not match the pictures (arXiv 2410.07167 takes news stories), in
a language that the decoder knows. A tiny tokenizer would cut a real book into letters, and a tiny
decoder would never learn to read it; so the prose is generated, the decoder is trained on such prose
and the measure takes passages that it was not trained on. It shares function words with the
captions, but no object, colour, place in the picture or background: a test says so.

A passage is one story: two people, an errand, a trouble, talk, and how it ended. Everything is told
in the past tense of the third person, so that no sentence needs agreement.
"""

import random
import re

PEOPLE = [("Anna", "she", "her", "her"), ("Peter", "he", "him", "his"), ("Martha", "she", "her", "her"),
          ("Thomas", "he", "him", "his"), ("Clara", "she", "her", "her"), ("Henry", "he", "him", "his"),
          ("Julia", "she", "her", "her"), ("Robert", "he", "him", "his"), ("Nora", "she", "her", "her"),
          ("Simon", "he", "him", "his"), ("Edith", "she", "her", "her"), ("Walter", "he", "him", "his")]

# What a symbol in braces may become; symbols may stand in what they become.
GRAMMAR = {
    "kin": "brother|sister|uncle|aunt|neighbour|teacher|cousin|old friend|landlord|grandmother",
    "trade": "baker|tailor|doctor|clerk|carpenter|lawyer|printer|nurse|plumber|librarian|cook|builder",
    "town": "village|town|city|valley|harbour|suburb|county",
    "shop": "market|bakery|library|post office|school|station|bank|workshop|theatre|kitchen|office|pharmacy|museum|court",
    "thing": "letter|coat|kettle|clock|ladder|newspaper|ticket|blanket|lamp|hammer|basket|key|chair|violin|pair of shoes|"
             "bill|loaf of bread|bag of flour|bottle of milk|box of nails|map|notebook|radio|table|sewing machine|parcel",
    "quality": "heavy|cheap|broken|new|useful|strange|fine|plain|expensive|dusty|borrowed|forgotten|clean|worn",
    "mood": "tired|glad|worried|hungry|proud|angry|patient|curious|ashamed|calm|busy|certain|late|quiet|cheerful",
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|the last day of March|the first day of May|a day in June|"
           "a rainy morning|a windy evening|an afternoon in autumn",
    "while": "an hour|a week|a month|ten minutes|half a year|a long time|most of the morning|two days|a few years|some time",
    "sum": "five|six|ten|twelve|twenty|thirty|a hundred|a thousand",
    "coin": "coins|pounds|pence|shillings",
    "work": "repair the roof|learn the piano|write the report|sell the farm|paint the fence|clean the stove|count the money|"
            "bake for the wedding|translate the letter|mend the coat|build a wall|study the law|cook for twelve people|"
            "answer the questions of the judge|move to another town|pay the rent|visit the hospital|open a shop",
    "news": "the price of bread had risen|the train was late again|the school would close|the bridge had been repaired|"
            "the mayor had resigned|a letter had come from abroad|the rent was due|the doctor had moved away|"
            "the concert had been a success|nobody had seen the thief|the factory needed more workers|the water was off",
    "reason": "the train did not wait|money was short that year|nobody else had the time|it had been promised long ago|"
              "the winter had been hard|the old way did not work|there was no other road|the doctor had said so|"
              "a promise was a promise|such things were never simple|the law was clear about it",
    "how": "slowly|carefully|at once|without a word|with a smile|in a low voice|after a pause|politely|almost by accident|"
           "very well|in silence|with great care",
    "advice": "Never lend what you need yourself|Ask before you sign|Begin with the easy part|Keep the receipt|"
              "Wait until tomorrow|Write it down first|Do not trust the clock|Measure twice and cut once|"
              "Speak to the owner|Read the contract again|Bring your own tools|Pay the small debts first",
    "doing": "drinking tea|reading the newspaper|washing the dishes|sorting the post|mending a shirt|doing the accounts|"
             "waiting for the train|sweeping the floor|talking to a customer|practising the violin|peeling potatoes",
    "family": "family|household|firm|company|club|council|class",
    "opening": "On {day} {A} went to the {shop} to ask for a {quality} {thing}.|"
               "{A} had worked as a {trade} in the {town} for {while}.|"
               "For {while} {A} had wanted to {work}.|"
               "{A} was a {trade}, and {his} {kin} was a {trade} too.|"
               "It was {day}, and {A} was {doing} when {his} {kin} came in.|"
               "Everybody in the {town} knew that {A} had to {work}.|"
               "When {A} came back from the {shop}, {he} heard that {news}.",
    "need": "{He} needed a {thing}, because {reason}.|"
            "To {work}, {he} first had to find a {quality} {thing}.|"
            "{His} {kin} had a {thing}, but it was {quality}.|"
            "There was a {thing} at the {shop}, and it cost {sum} {coin}.|"
            "{A} had only {sum} {coin}, and the {thing} cost {sum}.|"
            "The {trade} asked {sum} {coin} for the {quality} {thing}.|"
            "{He} counted {his} money {how} and was {mood}.",
    "trouble": "But {news}, and so the {shop} was closed for {while}.|"
               "Then the {thing} was lost on the way to the {shop}.|"
               "After {while} {he} noticed that the {thing} was {quality}.|"
               "The {trade} said {how} that {news}.|"
               "Nobody at the {shop} knew how to {work}.|"
               "However, {B} had already promised to {work} for the {family}.|"
               "{He} had forgotten the {thing} at the {shop}, and {he} was {mood} about it.|"
               "The {kin} of the {trade} did not agree, since {reason}.",
    "talk": "\"{advice},\" said {B} {how}.|"
            "\"Why do you want to {work}?\" asked {B}.|"
            "\"Because {reason},\" {A} answered {how}.|"
            "\"I have heard that {news},\" said the {trade}.|"
            "{B} asked whether {he} could {work} before {day}.|"
            "{A} told {B} that {news}, but {B} did not believe it.|"
            "\"{advice}, and {advice2},\" the {trade} used to say.|"
            "They talked about it for {while}, and {B} was {mood} in the end.",
    "thought": "{He} thought about it for {while} and decided to {work}.|"
               "Perhaps {reason}, or perhaps {news}.|"
               "{A} was {mood}, because {reason}.|"
               "It is not easy to {work} when {news}.|"
               "That year many people in the {town} had to {work}.|"
               "As a child {he} had seen {his} {kin} {work} {how}.|"
               "{He} remembered the {shop} in the {town}, where {he} had once been {mood}.",
    "deed": "So {he} took the {thing} and carried it to the {shop} {how}.|"
            "The next morning {he} wrote to {his} {kin} and asked for {sum} {coin}.|"
            "{B} brought a {thing} from the {shop} and helped {him} to {work}.|"
            "Together they went to the {trade}, who was {doing}.|"
            "{He} sold the {quality} {thing} for {sum} {coin}.|"
            "{A} put the {thing} on the table and began to {work}.|"
            "They waited at the {shop} for {while}, {doing}.",
    "ending": "In the end the {thing} was given back to the {trade}.|"
              "When it was over, {A} was {mood} and {B} was {mood}.|"
              "Since then {A} has kept the {thing} in the {shop}.|"
              "It took {while}, but the {family} was {mood} at last.|"
              "{B} never spoke about the {thing} again.|"
              "And on {day} they met at the {shop}, and {A} paid for everything.",
}
GRAMMAR["advice2"] = GRAMMAR["advice"]
RULES = {symbol: text.split("|") for symbol, text in GRAMMAR.items()}
MIDDLE = ["need", "trouble", "talk", "talk", "thought", "deed"]
SYMBOL = re.compile(r"\{(\w+)\}")


def filled(template: str, people: dict[str, str], rng: random.Random) -> str:
    """A sentence: every symbol of the template replaced until none is left."""
    def become(match: re.Match) -> str:
        symbol = match[1]
        if symbol in people:
            return people[symbol]
        text = SYMBOL.sub(become, rng.choice(RULES[symbol]))
        return text[0].lower() + text[1:] if symbol == "advice2" else text

    text = SYMBOL.sub(become, template)
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    return text[0].upper() + text[1:]


def prose(rng: random.Random, sentences: int) -> str:
    """One story of so many sentences."""
    (a, he, him, his), (b, *_) = rng.sample(PEOPLE, 2)
    people = {"A": a, "B": b, "he": he, "him": him, "his": his, "He": he.capitalize(), "His": his.capitalize()}
    kinds = ["opening", *(rng.choice(MIDDLE) for _ in range(sentences - 2)), "ending"]
    decks: dict[str, list[str]] = {}
    told = []
    for kind in kinds[:sentences]:
        if not decks.get(kind):  # a form of sentence comes back only when all others have been used
            decks[kind] = rng.sample(RULES[kind], len(RULES[kind]))
        told.append(filled(decks[kind].pop(), people, rng))
    return " ".join(told)


def passage(seed: int, split: str, index: int, sentences: int) -> str:
    """Passage number `index` of a split, the same every time."""
    return prose(random.Random(f"{seed}/prose/{split}/{index}"), sentences)
