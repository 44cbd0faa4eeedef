"""Everything that is made of a run's trajectories, in its folder."""

from __future__ import annotations

from thinkimg_eval.report.page import PAGE, write_episode_pages, write_run_page
from thinkimg_eval.report.results import RESULTS, Result, Results, result_of
from thinkimg_eval.report.summary import Summary, Times, summary_of, times_of
from thinkimg_eval.run.folder import RunFolder, write_json

SUMMARY = "summary.json"


def write_report(folder: RunFolder) -> Summary:
    """Write results, summary and pages of a run, of as much of it as is done.

    Raises: InvalidRequest, when it is no run's folder.
    """
    origin = folder.origin()
    results: list[Result] = []
    times: list[Times] = []
    for trajectory in folder.trajectories():
        results.append(result_of(trajectory, origin.task.prompt))
        times.append(times_of(trajectory))
    summary = summary_of(origin, results, times)
    write_json(folder.path / RESULTS, Results(run=origin, results=results))
    write_json(folder.path / SUMMARY, summary)
    write_episode_pages(folder.path, folder.trajectories(), origin.task.questions)
    write_run_page(folder.path / PAGE, summary, results)
    return summary
