"""What the charts are about: few, common words, so that a small model can know them all.

No name is the name of a colour, and none is both a category and a series of a subject.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """Things that are counted, and how they are split up."""

    noun: str
    """What one category is: "city". Its plural is not needed."""
    categories: tuple[str, ...]
    series: tuple[str, ...]
    titles: tuple[str, ...]
    values: tuple[str, ...]
    """Labels for an axis of values."""
    ordered: bool = False
    """Categories come in this order, some next to each other. Their place alone then tells
    which of those named is meant, so they are not compared by name."""

    @property
    def label(self) -> str:
        return self.noun.capitalize()


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PEOPLE = _names("Men Women Girls Boys Adults Children Students Workers Visitors Members")
_PLACES = _names("North South East West Coast Hills Valley Desert Forest Island")
_FIRMS = _names("Alpha Beta Gamma Delta Sigma Omega Zeta Kappa Theta Lambda")
_SOURCES = _names("Wind Solar Coal Gas Oil Water Wood Nuclear Heat Waste")
_SHOPS = _names("Books Music Games Food Shoes Toys Phones Tools Clothes Cars")
_WAYS = _names("Bus Train Car Plane Ship Tram Metro Taxi Truck Bicycle")
_MONTHS = _names("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
_MONEY = ("Price", "Cost", "Income", "Budget")
_AMOUNTS = ("Number", "Total", "Amount", "Count")

SUBJECTS = (
    Subject(
        "fruit",
        _names("Apples Pears Plums Grapes Lemons Figs Dates Melons Berries Mangos Kiwis Limes"),
        _PLACES,
        ("Harvest of fruit", "Fruit sold at the market", "Fruit by region"),
        ("Tons", "Boxes", "Weight"),
    ),
    Subject(
        "city",
        _names("Paris London Rome Berlin Madrid Vienna Oslo Cairo Tokyo Lima Delhi Boston Dublin"),
        _PEOPLE,
        ("People in the city", "Visits by city", "A survey of cities"),
        ("Thousands", "Visits", "Number"),
    ),
    Subject(
        "country",
        _names("Japan Brazil Kenya Norway Canada India Spain Egypt Chile Poland Italy Peru Cuba"),
        _SOURCES,
        ("Energy by country", "Where power comes from", "Energy use"),
        ("Output", "Power", "Share"),
    ),
    Subject(
        "sport",
        _names("Tennis Soccer Golf Hockey Boxing Rugby Running Rowing Skiing Chess Judo Diving"),
        _PEOPLE,
        ("Sport clubs", "Who plays what", "Members by sport"),
        ("Players", "Members", "Count"),
    ),
    Subject(
        "animal",
        _names("Dogs Cats Birds Fish Horses Sheep Cows Goats Pigs Ducks Bears Wolves Lions"),
        _PLACES,
        ("Animals counted", "Wildlife survey", "Animals by region"),
        _AMOUNTS,
    ),
    Subject(
        "company",
        _names("Apex Nova Orbit Vertex Summit Pioneer Atlas Zenith Comet Falcon Harbor Prime"),
        _SHOPS,
        ("Sales by company", "Company results", "What companies sell"),
        ("Sales", "Revenue", "Profit"),
    ),
    Subject(
        "year",
        tuple(str(year) for year in range(1991, 2025)),
        _FIRMS,
        ("Results over the years", "Yearly sales", "Growth of the group"),
        ("Sales", "Profit", "Income"),
        ordered=True,
    ),
    Subject(
        "year",
        tuple(str(year) for year in range(1950, 1990)),
        _SOURCES,
        ("Energy over time", "History of power", "Energy by year"),
        ("Output", "Power", "Use"),
        ordered=True,
    ),
    Subject(
        "month",
        _MONTHS * 2,
        _SHOPS,
        ("Sales by month", "A year of sales", "Monthly report"),
        ("Sales", "Orders", "Income"),
        ordered=True,
    ),
    Subject(
        "month",
        _MONTHS * 2,
        _WAYS,
        ("Travel by month", "Trips over the year", "Monthly trips"),
        ("Trips", "Riders", "Tickets"),
        ordered=True,
    ),
    Subject(
        "school",
        _names("Oak Maple Cedar Pine River Lake Garden Castle Bridge Mill Chapel Meadow"),
        _names("Math Art History Science Music English Sport Reading Biology Physics"),
        ("School results", "Courses by school", "Students by course"),
        ("Students", "Points", "Score"),
    ),
    Subject(
        "drink",
        _names("Tea Coffee Milk Juice Water Cocoa Soda Cider Beer Wine Lemonade Cola"),
        _names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday Holiday"),
        ("Drinks sold", "Drinks in the cafe", "What guests drink"),
        ("Cups", "Sold", "Glasses"),
    ),
    Subject(
        "team",
        _names("Tigers Eagles Sharks Bulls Hawks Rockets Kings Giants Rangers Stars Saints Heat"),
        _names("Home Away Spring Summer Autumn Winter Final Practice"),
        ("Team scores", "Points of the season", "Results by team"),
        ("Points", "Goals", "Score"),
    ),
    Subject(
        "job",
        _names("Nurse Doctor Teacher Driver Cook Baker Farmer Lawyer Writer Pilot Painter Singer"),
        _PLACES,
        ("Pay by job", "Income of workers", "Jobs and pay"),
        _MONEY,
    ),
    Subject(
        "crop",
        _names("Wheat Rice Corn Beans Cotton Barley Oats Sugar Hay Rye Hemp Soy"),
        _names("Alpha Delta Valley Plain Hills Coast River North South East"),
        ("Harvest of crops", "Crops by region", "Farm output"),
        ("Tons", "Harvest", "Yield"),
    ),
    Subject(
        "model",
        _names("Basic Classic Sport Family Turbo Mini Maxi Ultra Lite Pro Hybrid Deluxe"),
        _names("Speed Range Comfort Safety Weight Power Noise Design"),
        ("Models in a test", "Test results", "Score of each model"),
        ("Score", "Points", "Rating"),
    ),
    Subject(
        "tool",
        _names("Hammer Saw Drill Wrench Ladder Shovel Rake Axe Brush Knife Pliers Screw"),
        _names("Monday Tuesday Wednesday Thursday Friday Saturday Spring Summer Autumn Winter"),
        ("Tools sold", "Tools in the shop", "Tool orders"),
        ("Sold", "Orders", "Number"),
    ),
    Subject(
        "river",
        _names("Nile Rhine Danube Volga Congo Ganges Amazon Thames Seine Loire Elbe Po"),
        _names("Spring Summer Autumn Winter Flood Drought Source Mouth"),
        ("Rivers in numbers", "Flow of rivers", "River survey"),
        ("Flow", "Depth", "Width"),
    ),
    Subject(
        "room",
        _names("Kitchen Bedroom Bathroom Hall Office Garage Cellar Attic Balcony Library Studio"),
        _names("Light Heat Water Paint Repair Carpet Doors Windows"),
        ("Cost of each room", "Rooms and costs", "House repair"),
        _MONEY,
    ),
    Subject(
        "language",
        _names("English French German Spanish Italian Dutch Greek Polish Arabic Hindi Danish"),
        _PEOPLE,
        ("Languages learned", "Language courses", "Who learns what"),
        ("Learners", "Courses", "Number"),
    ),
)  # fmt: skip
"""Beware of making one longer: all charts change with it."""
