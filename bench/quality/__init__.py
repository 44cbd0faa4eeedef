"""How good the tools' answers are: one module for each area, each with one table.

`make bench-tools` prints them all. An area is a module of this package with

    def measure(progress: Progress) -> Section      # rich's Progress, for its bars
    def contact_sheet(folder: Path) -> Path         # pictures for a person to look at

Goals belong to the section. What cannot be measured here (data that is not
there) is left out with a note.
"""
