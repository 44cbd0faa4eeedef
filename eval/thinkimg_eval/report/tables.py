"""What came out of a run, in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from thinkimg_eval.report.comparison import Comparison
from thinkimg_eval.report.intervals import Estimate
from thinkimg_eval.report.summary import Cost, Summary, by_category


def print_summary(screen: Console, summary: Summary) -> None:
    """The tables of a run."""
    run = summary.run
    screen.print(
        f"[bold]{escape(run.task.name)}[/] {escape(f'{run.task.version}, {run.policy.name}')}: "
        f"[bold]{said(summary.accuracy)}[/]"
    )
    if summary.done < summary.questions:
        screen.print(f"{summary.done} of {summary.questions} questions done so far")
    if summary.aborted:
        screen.print(
            f"{summary.aborted} aborted by the mesh or the policy's server, and not counted; "
            "the same command tries them again",
            style="yellow",
        )
    screen.print()
    if summary.categories:
        screen.print(_accuracies("category", by_category(summary)), "")
    if summary.done:
        use = {"any tool": summary.tools.used, "no tool": summary.tools.not_used}
        screen.print(_accuracies("tool use", {n: e for n, e in use.items() if e.n}), "")
    if summary.tools.by_tool:
        screen.print(_tools(summary), "")
    if summary.cost is not None:
        screen.print(_costs(summary.cost), "")
    screen.print(_endings(summary))


def print_comparison(screen: Console, comparison: Comparison) -> None:
    """How the second run differs from the first, and where."""
    before, after = comparison.accuracy
    screen.print(
        f"[bold]{_points(comparison.difference)}[/] on {comparison.questions} questions: "
        f"{before:.1%} before, {after:.1%} after"
    )
    if comparison.only_one:
        screen.print(f"{comparison.only_one} further questions have a score in only one run")
    screen.print()
    if comparison.by_category:
        table = new_table("category", "difference in points", "questions")
        for name, one in comparison.by_category.items():
            table.add_row(name, _points(one), str(one.n))
        screen.print(table, "")
    table = new_table("", "question", "truth", "before", "after", "sample")
    for column in table.columns:
        column.justify = "left"
    for verdict, flips in (("worse", comparison.worse), ("better", comparison.better)):
        for flip in flips:
            table.add_row(
                verdict,
                *map(_cell, (flip.question, flip.truth, *flip.answers)),
                Text(flip.sample_id),
            )
    screen.print(table if table.row_count else "no question went otherwise")


def _points(difference: Estimate) -> str:
    """As "+2.1 (-0.3 to +4.4)"."""
    assert difference.mean is not None
    assert difference.low is not None
    assert difference.high is not None
    mean, low, high = (100 * one for one in (difference.mean, difference.low, difference.high))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _cell(text: str | None) -> Text:
    """What a model wrote is shown as it is, without a terminal's markup."""
    return Text("none" if text is None else text)


def said(estimate: Estimate) -> str:
    """As "91.7% (89.8 to 93.3), n = 994"."""
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return "nothing scored"
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{estimate.mean:.1%} ({low:.1f} to {high:.1f}), n = {estimate.n}"


def _accuracies(title: str, estimates: dict[str, Estimate]) -> Table:
    table = new_table(title, "accuracy", "95% interval", "questions")
    for name, one in estimates.items():
        if one.mean is None or one.low is None or one.high is None:
            table.add_row(name, "", "", "0")
        else:
            interval = f"{one.low:.1%} to {one.high:.1%}"
            table.add_row(name, f"{one.mean:.1%}", interval, str(one.n))
    return table


def _tools(summary: Summary) -> Table:
    table = new_table(*("tool", "calls", "questions", "accuracy", "refused", "median ms", "p95 ms"))
    for name, use in summary.tools.by_tool.items():
        mean = use.accuracy.mean
        table.add_row(
            name,
            str(use.calls),
            str(use.accuracy.n),
            "" if mean is None else f"{mean:.1%}",
            str(use.caller_errors),
            f"{use.seconds.median * 1000:.0f}",
            f"{use.seconds.p95 * 1000:.0f}",
        )
    return table


def _costs(cost: Cost) -> Table:
    table = new_table("per question", "mean", "median", "p95")
    for name, one in cost.by_name().items():
        table.add_row(
            name,
            *(
                f"{figure:.{0 if figure >= 100 else 2}f}"
                for figure in (one.mean, one.median, one.p95)
            ),
        )
    return table


def _endings(summary: Summary) -> Table:
    table = new_table("ended", "questions")
    for ending, count in summary.endings.items():
        table.add_row(ending.replace("_", " "), str(count))
    return table


def new_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
