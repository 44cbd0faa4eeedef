"""Right answers with what models write for them: what published metrics are compared on."""

from __future__ import annotations

TABLE: dict[str, tuple[str, ...]] = {
    # Numbers, with and without decimals; on and across the 5% line.
    "42": ("42", "42.0", " 42 ", "44.1", "44.2", "39.9", "39.8", "-42", "+42", "forty-two", "0"),
    "0.5": ("0.5", ".5", "50%", "1/2", "0.525", "0.526", "0.5%", "5e-1", "half"),
    "1000": ("1000", "1,000", "1e3", "1E3", "1 000", "1_000", "1k", "1000.0", "950", "949", "1050"),
    "1e3": ("1000", "1e3", "1,000", "1049", "1051", "10e2"),
    "-7.5": ("-7.5", "7.5", "-7,5", "\N{MINUS SIGN}7.5", "-7.2", "-7.1", "(7.5)", "-7.875", "-7.9"),
    "0": ("0", "0.0", "-0", "zero", "0.01", "0%", "none", "00"),
    "0.0": ("0", "0.0", "0.00"),
    "100000000": ("1e8", "100,000,000", "100 million", "95000000", "94999999"),
    # Percentages.
    "12%": ("12%", "12", "0.12", "12 %", "12.5%", "12.7%", "twelve percent", "12 percent", "%12"),
    "25": ("25%", "25", "0.25", "25.0%", "2500%", "25 %", "26", "27"),
    "0.25": ("25%", "25", "0.26", "26.2%", "26.3%"),
    # Units, currencies, separators: text to ChartQA's rule.
    "$5": ("$5", "5", "$5.0", "5$", "5 dollars", "USD 5"),
    "5 kg": ("5 kg", "5", "5kg", "5 KG", "5  kg", "5 pounds"),
    "1,234": ("1,234", "1234", "1 234", "1.234", "1,235", "1,233"),
    "12 million": ("12 million", "12", "12000000", "12M", "Twelve million", "13 million"),
    # Words.
    "blue": (
        "blue",
        "Blue",
        "BLUE",
        " blue ",
        "black",
        "light blue",
        "bleu",
        "the blue line",
        "bl",
    ),
    "Yes": ("yes", "Yes", "No", "y", "true", "Yes, it is", "YES"),
    "three": ("three", "3", "Three", "tree", "3.0"),
    "United States": (
        "united states",
        "United  States",
        "USA",
        "United State",
        "the United States",
    ),
    "Não": ("não", "NÃO", "nao", "Não "),
    "中国": ("中国", "中国人", "China"),
    # Dates, years, ranges.
    "2019": ("2019", "2018", "1999", "in 2019", "2019.0", "2120", "2119", "'19"),
    "Jan 2019": ("Jan 2019", "January 2019", "jan 2019", "2019-01", "01/2019", "Jan, 2019"),
    "2010-2015": ("2010-2015", "2010\N{EN DASH}2015", "2010 - 2015", "2010 to 2015", "2010"),
    # Lists.
    "[1, 2]": ("[1, 2]", "1, 2", "[1,2]", "[2, 1]", "1 and 2", "[1, 2, 3]"),
    "red, green": ("red, green", "green, red", "red,green", "red and green", "Red, Green", "red"),
    # No answers.
    "None": ("None", "none", "", "  ", "null", "N/A", "nan"),
    "nan": ("nan", "NaN", "0", ""),
    "inf": ("inf", "infinity", "1e999", "9"),
    "3.14": ("", " ", "\n", "\t", "pi", "3.14159", "3.3", "22/7"),
}
PAIRS = [(truth, answer) for truth, answers in TABLE.items() for answer in answers]
