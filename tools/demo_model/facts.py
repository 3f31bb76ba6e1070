"""What the demo model is taught to know: small, closed tables of facts."""

from __future__ import annotations

from .texts import words_of

CAPITALS: dict[str, str] = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Germany": "Berlin",
    "Portugal": "Lisbon",
    "England": "London",
    "Ireland": "Dublin",
    "Austria": "Vienna",
    "Switzerland": "Bern",
    "Belgium": "Brussels",
    "the Netherlands": "Amsterdam",
    "Denmark": "Copenhagen",
    "Sweden": "Stockholm",
    "Norway": "Oslo",
    "Finland": "Helsinki",
    "Iceland": "Reykjavik",
    "Poland": "Warsaw",
    "Hungary": "Budapest",
    "Greece": "Athens",
    "Turkey": "Ankara",
    "Russia": "Moscow",
    "Ukraine": "Kyiv",
    "Romania": "Bucharest",
    "Bulgaria": "Sofia",
    "Serbia": "Belgrade",
    "Croatia": "Zagreb",
    "Slovenia": "Ljubljana",
    "Slovakia": "Bratislava",
    "the Czech Republic": "Prague",
    "Estonia": "Tallinn",
    "Latvia": "Riga",
    "Lithuania": "Vilnius",
    "Egypt": "Cairo",
    "Morocco": "Rabat",
    "Kenya": "Nairobi",
    "Nigeria": "Abuja",
    "Ghana": "Accra",
    "Ethiopia": "Addis Ababa",
    "Senegal": "Dakar",
    "Japan": "Tokyo",
    "China": "Beijing",
    "South Korea": "Seoul",
    "India": "New Delhi",
    "Thailand": "Bangkok",
    "Vietnam": "Hanoi",
    "Indonesia": "Jakarta",
    "the Philippines": "Manila",
    "Mongolia": "Ulaanbaatar",
    "Nepal": "Kathmandu",
    "Iran": "Tehran",
    "Iraq": "Baghdad",
    "Australia": "Canberra",
    "New Zealand": "Wellington",
    "Canada": "Ottawa",
    "the United States": "Washington",
    "Mexico": "Mexico City",
    "Cuba": "Havana",
    "Brazil": "Brasilia",
    "Argentina": "Buenos Aires",
    "Chile": "Santiago",
    "Peru": "Lima",
    "Colombia": "Bogota",
}

COLOURS: dict[str, str] = {
    "the sky": "blue",
    "the sea": "blue",
    "grass": "green",
    "a leaf": "green",
    "a frog": "green",
    "the sun": "yellow",
    "a banana": "yellow",
    "a lemon": "yellow",
    "a cherry": "red",
    "a tomato": "red",
    "blood": "red",
    "a strawberry": "red",
    "snow": "white",
    "milk": "white",
    "a swan": "white",
    "coal": "black",
    "a raven": "black",
    "the night": "black",
    "chocolate": "brown",
    "wood": "brown",
    "a carrot": "orange",
    "an orange": "orange",
    "a flamingo": "pink",
    "an elephant": "grey",
    "a plum": "purple",
}

MIXTURES: dict[tuple[str, str], str] = {
    ("red", "yellow"): "orange",
    ("blue", "yellow"): "green",
    ("red", "blue"): "purple",
    ("red", "white"): "pink",
    ("black", "white"): "grey",
}

DAYS: tuple[str, ...] = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)

MONTH_LENGTHS: dict[str, int] = {
    "January": 31,
    "February": 28,
    "March": 31,
    "April": 30,
    "May": 31,
    "June": 30,
    "July": 31,
    "August": 31,
    "September": 30,
    "October": 31,
    "November": 30,
    "December": 31,
}

MONTHS: tuple[str, ...] = tuple(MONTH_LENGTHS)

OPPOSITES: dict[str, str] = {
    "hot": "cold",
    "big": "small",
    "fast": "slow",
    "good": "bad",
    "happy": "sad",
    "light": "dark",
    "old": "young",
    "open": "closed",
    "rich": "poor",
    "strong": "weak",
    "up": "down",
    "wet": "dry",
    "early": "late",
    "full": "empty",
    "hard": "soft",
    "long": "short",
    "loud": "quiet",
    "near": "far",
    "left": "right",
    "day": "night",
}

THINGS: dict[str, tuple[str, ...]] = {
    "fruits": words_of("apple banana cherry grape lemon mango orange peach pear plum"),
    "animals": words_of("cat dog horse cow sheep goat pig lion tiger bear"),
    "colours": words_of("red blue green yellow orange purple pink brown black white"),
    "vegetables": words_of("carrot potato onion tomato cucumber pepper cabbage spinach leek bean"),
    "planets": words_of("Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune"),
    "drinks": words_of("water tea coffee milk juice lemonade cocoa cider soda wine"),
    "instruments": words_of("piano guitar violin flute drum trumpet harp cello clarinet organ"),
    "countries": words_of("France Italy Spain Germany Japan China India Brazil Canada Egypt"),
    "cities": words_of("Paris Rome Madrid Berlin London Tokyo Vienna Oslo Cairo Lima"),
    "trees": words_of("oak pine birch maple willow beech elm ash cedar palm"),
    "birds": words_of("owl eagle robin crow swan duck goose hawk raven parrot"),
    "sports": words_of("tennis football golf hockey rugby boxing rowing skiing judo chess"),
    "tools": words_of("hammer saw drill file axe wrench pliers chisel level clamp"),
    "metals": words_of("iron gold silver copper tin lead zinc nickel steel bronze"),
}

SPELLED_NUMBERS: dict[int, str] = {
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
}

LANGUAGES: tuple[str, ...] = words_of(
    "French German Spanish Italian Portuguese Dutch Polish Swedish Japanese Greek"
)

CURRENCIES: tuple[str, ...] = words_of("USD EUR GBP JPY CHF CAD AUD SEK NOK INR BRL CNY")

FIRST_NAMES: tuple[str, ...] = words_of(
    "Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Mia Noah Olga Paul Quinn "
    "Rosa Sam Tina Uma Victor Wendy Xavier Yara Zoe Alice Bob Carol Dan Eve Frank Maria Peter "
    "Lucas Nina Omar Priya Ravi Sofia Thomas Vera John Mary Tom Lisa Max Julia Mark Laura"
)

OTHER_CITIES: tuple[str, ...] = (
    *words_of(
        "Milan Lyon Porto Munich Hamburg Barcelona Geneva Zurich Kyoto Osaka Mumbai Shanghai"
    ),
    *words_of("Sydney Melbourne Toronto Montreal Boston Chicago Seattle Denver Miami Dallas"),
    *words_of("Houston Naples Turin Seville Krakow Antwerp Rotterdam Bergen Gothenburg"),
    *("New York", "Los Angeles", "San Diego", "San Jose", "Santa Fe", "Cape Town", "Tel Aviv"),
    *("Hong Kong", "Rio de Janeiro", "Las Vegas", "Salt Lake City", "St. Louis", "Paris, France"),
)

CITIES: tuple[str, ...] = (*CAPITALS.values(), *OTHER_CITIES)

ROOMS: tuple[str, ...] = words_of(
    "kitchen bedroom bathroom garage hall office cellar attic garden study lobby"
)

ABOUT_SKILLS = (
    "Ask me about capitals, sums, colours, days or lists, let me repeat a text, or give me tools."
)
GREETING = "Hello! I am a tiny demo model. How can I help you?"
WHO_I_AM = f"I am a tiny demo model that comes with Pippin. {ABOUT_SKILLS}"
UNKNOWN = f"I am a tiny demo model and I do not know that. {ABOUT_SKILLS}"
NO_TOOL = "I have no tool for that."
ONLY_SMALL_SUMS = "I can only do small sums, with numbers up to 20."
