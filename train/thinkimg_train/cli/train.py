"""`thinkimg train`: teach a model, and look at what it will be taught."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thinkimg_rpc.cli.commands import new_app
from thinkimg_rpc.errors import InvalidRequest

train = new_app()


@train.callback()
def _group() -> None:
    """Teach a model to think with images."""


ConfigFile = Annotated[
    Path | None, typer.Option(metavar="FILE.toml", exists=True, dir_okay=False, help="The run.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what the run would do, and train nothing.")
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="With --dry-run: of so many processes, or GPUs.")
]


@train.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def sft(
    context: typer.Context,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    processes: Processes = None,
) -> None:
    """Fine-tune a model on recorded episodes.

    The same command goes on where it was broken off, however that was. Every field
    of the configuration can be given as --section.field VALUE: --model.path FOLDER,
    --data.trajectories DIR,DIR, --schedule.learning_rate 2e-5. On several GPUs:
    accelerate launch -m thinkimg_train.sft, with the same words. With --dry-run data
    and model are looked at, and what the run would do and need is said.

    thinkimg train sft --config sft.toml --out runs/first
    """
    from thinkimg_rpc.cli.screen import console, goes_on_after_ctrl_c
    from thinkimg_train.config import SftConfig
    from thinkimg_train.reading import read_config
    from thinkimg_train.sft import train as train_model

    asked = read_config(SftConfig, config, context.args)
    if _only_told(dry_run, processes):
        from thinkimg_train.dry_run import tell_of_sft

        tell_of_sft(asked, processes or 1, console())
        return
    with goes_on_after_ctrl_c():
        train_model(asked, console())


@train.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def grpo(
    context: typer.Context,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    processes: Processes = None,
) -> None:
    """Let a model play a task's questions with the tools, and learn from how it went.

    The same command goes on where it was broken off, however that was. Every field
    of the configuration can be given as --section.field VALUE: --model.path FOLDER,
    --task.name synthcharts, --schedule.steps 500. On several GPUs: accelerate launch
    -m thinkimg_train.grpo, with the same words. With --dry-run task, tools and model
    are looked at, and what the run would do and need is said.

    thinkimg train grpo --config grpo.toml --out runs/first
    """
    from thinkimg_rpc.cli.screen import console, goes_on_after_ctrl_c
    from thinkimg_train.grpo import train as train_model
    from thinkimg_train.grpo_config import GrpoConfig
    from thinkimg_train.reading import read_config

    asked = read_config(GrpoConfig, config, context.args)
    if _only_told(dry_run, processes):
        from thinkimg_train.dry_run import tell_of_grpo

        tell_of_grpo(asked, processes or 1, console())
        return
    with goes_on_after_ctrl_c():
        train_model(asked, console())


@train.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def inspect(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", exists=True, dir_okay=False, help="The run."),
    ] = None,
    step: Annotated[int, typer.Option(min=1, help="Which step of the run.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Which batch of that step.")] = 1,
    page: Annotated[Path, typer.Option(metavar="FILE.html", help="Where the page goes.")] = Path(
        "inspect.html"
    ),
) -> None:
    """Write a page that shows one batch as the model will see it, before a run begins.

    Each token, its role, and whether it is trained on; each image, and where its
    placeholders stand; how much is padding, and what was left out of the data and
    why. Takes the file and the --section.field VALUE of `thinkimg train sft`.

    With those of `thinkimg train grpo` the next step is played, and not learned
    from: with each token that was sampled stand its advantage, its probability for
    the trainer and for the sampler, and whether it is learned from.

    thinkimg train inspect --config sft.toml
    """
    from thinkimg_rpc.cli.screen import console
    from thinkimg_train.config import SftConfig
    from thinkimg_train.grpo_config import GrpoConfig
    from thinkimg_train.inspect.batch import inspect_batch
    from thinkimg_train.inspect.page import write_page
    from thinkimg_train.reading import names_of, read_config

    screen = console()
    if "task" in names_of(config, context.args):
        from thinkimg_train.inspect.played import inspect_next_step

        played = read_config(GrpoConfig, config, context.args)
        view = inspect_next_step(played, step, batch, screen)
    else:
        view = inspect_batch(read_config(SftConfig, config, context.args), step, batch, screen)
    write_page(view, page)
    screen.print(f"to look at: {page}", markup=False)


def _only_told(dry_run: bool, processes: int | None) -> bool:
    if processes is not None and not dry_run:
        raise InvalidRequest.field(
            "--processes", "is only for --dry-run: accelerate launch --num_processes starts them"
        )
    return dry_run
