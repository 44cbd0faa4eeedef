"""What a run of reinforcement learning is made of, as `--config FILE.toml` says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from thinkimg_agent.episode import Limits
from thinkimg_eval.run.config import MeshSection, NamingSection, RetrySection
from thinkimg_train.config import (
    CheckpointSection,
    DeepspeedSection,
    EvaluationSection,
    LogSection,
    LoraSection,
    ModelSection,
    NotNegative,
    OptimizerSection,
    PrecisionSection,
    ScheduleSection,
)
from thinkimg_train.data_config import AtLeastOne, Count, Share
from thinkimg_train.losses.settings import LossSection, MismatchSection
from thinkimg_train.rewards.weighing import RewardSection

Positive = Annotated[float, msgspec.Meta(gt=0)]


class VllmSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[rollout.vllm]`: vLLM, where it plays the episodes."""

    memory_share: Share = 0.3
    """Of the GPU's memory, for vLLM in this process; the model in training needs the rest."""
    max_context: Count = 0
    """The longest context in tokens; 0: as long as the model allows and the memory holds."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    eager: bool = False
    """Start sooner, and write more slowly: no compilation and no CUDA graphs."""
    weights_folder: str = ""
    """Where weights are laid for vllm-server, which must see it under the same name."""


class RolloutSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[rollout]`: the episodes of a step, and what plays them."""

    engine: Literal["transformers", "vllm", "vllm-server"] = "transformers"
    """transformers: the model that is trained itself. vllm: vLLM in this process; vllm-server:
    one that runs elsewhere. Both are given the weights after every step."""
    base_url: str = ""
    """Of vllm-server."""
    vllm: VllmSection = VllmSection()
    groups: AtLeastOne = 8
    """Questions of a step, of all processes together."""
    group_size: Annotated[int, msgspec.Meta(ge=2)] = 8
    """Episodes of each question."""
    temperature: Positive = 1.0
    max_image_pixels: AtLeastOne = 1 << 20
    """The most that the policy is shown of one image; the tools see all of it."""
    dialect: str = "hermes"
    coordinates: str = "0-1000"
    tools: tuple[str, ...] = ()
    """Offered instead of the task's; "none" alone: no tools at all."""
    batch: AtLeastOne = 32
    """Turns that transformers writes in one pass."""
    refills: Count = 0
    """Rounds of further questions, in place of those whose episodes all went alike and teach
    nothing (dynamic sampling of DAPO); 0: such groups stay, and only fill the step up."""
    ahead: bool = False
    """Play a step's episodes while the step before is learned from, with the weights from before
    that: tools, vLLM and trainer wait for each other no more, and `[mismatch]` makes up for the
    difference. Not with transformers, where one model would do both."""


class CurriculumSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[curriculum]`: which questions are asked more often."""

    least_chance: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Of a question to be asked again whose episodes were all right, or all wrong, the last
    time; with half of them right it is 1. 1: all are asked alike."""
    known: tuple[Path, ...] = ()
    """Folders of `thinkimg eval run` or `thinkimg collect` with questions of the same task: how
    often each was right there counts until it is asked."""
    easy_first: bool = False
    """The first time round, questions that `known` knows are asked in the order of how often
    they were right."""


class PauseSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[pause]`: when too many episodes of a step were aborted, they are awaited: learning from
    the others only would favour short episodes and those without tools."""

    above_share: Share = 0.05
    """Of the episodes of a step, of all processes together."""
    wait_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """Before they are tried again; each further wait is twice as long, up to five minutes."""
    give_up_s: Positive = 7200.0
    """After so much waiting in one step the run ends; the same command goes on."""


class UpdateSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[update]`: what is made of the episodes of a step."""

    advantages: Literal["centred", "standardized", "leave_one_out"] = "standardized"
    times: AtLeastOne = 1
    """How often the same episodes are learned from."""
    parts: AtLeastOne = 1
    """Steps of the optimizer for each of these times, each on so much of the episodes."""
    skip_cut_off: bool = False
    """Learn nothing from episodes that ran out of tokens (overlong filtering of DAPO)."""
    tokens: AtLeastOne = 16384
    """The most that one forward takes, what fills rows up included."""
    image_tokens: AtLeastOne = 16384
    """The most of these that stand for images."""


class TrajectoriesSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[trajectories]`: episodes that are kept to be looked at with `thinkimg view`."""

    every_steps: Count = 50
    """0: none are."""
    groups: AtLeastOne = 2
    """So many groups of a step."""


class TripwireSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[tripwires]`: what is watched for; each warns, or stops the run."""

    stop: tuple[str, ...] = ()
    """Those that stop it, by the names in `tripwires.WIRES`."""
    off: tuple[str, ...] = ()
    """Those that are not looked at."""
    steps: Annotated[int, msgspec.Meta(ge=2)] = 20
    """Over which no_calls, format_only and answers_before_evidence are judged."""
    few_calls: Share = 0.01
    """no_calls: fewer episodes than this have one."""
    reward_rise: Positive = 0.05
    """format_only: of the mean reward, from one half of the steps to the other."""
    at_once: Share = 0.95
    """answers_before_evidence: more episodes than this."""
    repeating: Share = 0.05
    """repetition: more episodes than this."""
    mismatch_kl: Positive = 0.05
    """drift: in nats for each token."""


class RlScheduleSection(ScheduleSection, frozen=True, kw_only=True):
    """`[schedule]`: how long, and the learning rate on the way; `steps` is to be given."""

    learning_rate: NotNegative = 1e-6
    kind: Literal["cosine", "linear", "constant"] = "constant"


class RlCheckpointSection(CheckpointSection, frozen=True, kw_only=True):
    """`[checkpoint]`: what a run that was broken off goes on from."""

    every_steps: Count = 50
    """0: only the last step's."""


class GrpoConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Reinforcement learning of one model on the questions of one task, into one folder."""

    out: Path
    seed: int = 0
    model: ModelSection
    task: dict[str, Any]
    """Its name, as `thinkimg eval tasks` lists it, or path/to/file.py:function, and whatever
    options it has."""
    limit: AtLeastOne | None = None
    """Only so many of its questions, the first ones."""
    rollout: RolloutSection = RolloutSection()
    curriculum: CurriculumSection = CurriculumSection()
    naming: NamingSection = NamingSection()
    limits: Limits = Limits()
    """Of episodes. What ends at its deadline has no reward: time is not the policy's doing."""
    mesh: MeshSection = MeshSection()
    retry: RetrySection = RetrySection()
    pause: PauseSection = PauseSection()
    reward: RewardSection = RewardSection()
    update: UpdateSection = UpdateSection()
    loss: LossSection = LossSection()
    mismatch: MismatchSection = MismatchSection()
    lora: LoraSection = LoraSection()
    optimizer: OptimizerSection = OptimizerSection()
    schedule: RlScheduleSection = RlScheduleSection()
    precision: PrecisionSection = PrecisionSection()
    deepspeed: DeepspeedSection = DeepspeedSection()
    evaluation: EvaluationSection = EvaluationSection()
    checkpoint: RlCheckpointSection = RlCheckpointSection()
    log: LogSection = LogSection()
    trajectories: TrajectoriesSection = TrajectoriesSection()
    tripwires: TripwireSection = TripwireSection()
