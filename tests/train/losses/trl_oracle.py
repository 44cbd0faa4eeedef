"""TRL's own GRPO trainer, made to compute on tensors that it is given."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch
from accelerate import Accelerator
from trl.trainer.grpo_trainer import GRPOTrainer

from thinkimg_train.losses.policy_batch import PolicyBatch
from thinkimg_train.losses.settings import LossSection

EOS, PAD = 1, 0
LOSS_TYPES = {
    "grpo": ("grpo", "token"),
    "dr_grpo": ("dr_grpo", "token"),
    "dapo": ("dapo", "token"),
    "cispo": ("cispo", "token"),
    "gspo": ("grpo", "sequence"),
}
"""Of our losses: TRL's `loss_type` and `importance_sampling_level`."""


Trainer: Any = GRPOTrainer


class Oracle(Trainer):  # type: ignore[misc]
    """Its model, its sampler and its rewards are tensors; all else is TRL's."""

    def __init__(self, **changed: Any) -> None:
        self.accelerator = Accelerator(cpu=True)
        self.model = SimpleNamespace(training=True, is_gradient_checkpointing=False)
        self.args = SimpleNamespace(
            delta=None,
            use_bias_correction_kl=False,
            steps_per_generation=1,
            gradient_accumulation_steps=1,
            per_device_train_batch_size=64,
            gradient_checkpointing_kwargs=None,
        )
        self.use_vllm, self.vllm_importance_sampling_correction = False, False
        self.off_policy_mask_threshold, self.top_entropy_quantile = None, 1.0
        self.aux_loss_enabled, self._entropy_bonus_enabled = False, False
        self.current_gradient_accumulation_steps, self.num_iterations = 1, 1
        self.beta, self.loss_type, self.importance_sampling_level = 0.0, "grpo", "token"
        self.epsilon_low = self.epsilon_high = 0.2
        self.environment_factories = self.environments = self.tools = None
        self.pad_to_multiple_of, self.mask_truncated_completions = None, False
        self._tokenizer = SimpleNamespace(pad_token_id=PAD)
        self.eos_token_ids = [EOS]
        self.multi_objective_aggregation, self.scale_rewards = "sum_then_normalize", "group"
        self.reward_weights, self.reward_func_names = torch.ones(1), ["reward"]
        self._metrics: Any = {"train": defaultdict(list)}
        self._logs: Any = defaultdict(list, rewards=defaultdict(list))
        self._pending_extra_logs: Any = {}
        self._pending_metrics: Any = {}
        for name, value in changed.items():
            setattr(self, name, value)
        self.logprobs = torch.zeros(0)
        self.episodes: Any = None

    def _get_per_token_logps_and_entropies(self, *_: Any, **__: Any) -> Any:
        return self.logprobs, torch.zeros_like(self.logprobs), None

    def _generate(self, prompts: Any) -> Any:
        return self.episodes

    def _calculate_rewards(self, inputs: Any, *_: Any) -> torch.Tensor:
        return torch.tensor([[one["reward"]] for one in inputs])


def trl_loss(name: str, settings: LossSection, batch: PolicyBatch) -> torch.Tensor:
    """What TRL makes of a batch, with a gradient to `batch.logprobs`."""
    loss_type, level = LOSS_TYPES[name]
    # TRL's bound for CISPO is that of the ratio itself, ours and the paper's is above 1.
    high = settings.clip_high + (1 if name == "cispo" else 0)
    oracle = Oracle(
        loss_type=loss_type,
        importance_sampling_level=level,
        beta=settings.kl_weight,
        epsilon_low=settings.clip_low,
        epsilon_high=high,
        max_completion_length=settings.normal_tokens,
        use_vllm=batch.sampler_weights is not None,
        vllm_importance_sampling_correction=batch.sampler_weights is not None,
    )
    oracle.args.delta = settings.ratio_limit
    oracle.logprobs = batch.logprobs
    nothing = torch.zeros((len(batch.mask), 1), dtype=torch.long)
    loss: torch.Tensor = oracle._compute_loss(
        oracle.model,
        {
            "prompt_ids": nothing,
            "prompt_mask": nothing,
            "completion_ids": torch.zeros_like(batch.mask, dtype=torch.long),
            "completion_mask": torch.ones_like(batch.mask, dtype=torch.long),
            "tool_mask": batch.mask.long(),
            "advantages": batch.advantages,
            "num_items_in_batch": batch.mask.sum(),
            "old_per_token_logps": batch.old_logprobs,
            "ref_per_token_logps": batch.reference_logprobs,
            "importance_sampling_ratio": batch.sampler_weights,
        },
    )
    return loss


def trl_advantages(rewards: torch.Tensor, scale: str) -> torch.Tensor:
    """(P, G) of rewards (P, G), NaN where there is none."""
    oracle = Oracle(num_generations=rewards.shape[1], scale_rewards=scale)
    flat = rewards.flatten().tolist()
    ids = [[2, EOS]] * len(flat)
    oracle.episodes = ids, ids, None, [""] * len(flat), None, {}, None, None
    inputs = [{"prompt": "?", "reward": one} for one in flat]
    found: torch.Tensor = oracle._generate_and_score_completions(inputs)["advantages"]
    return found.view_as(rewards)


def trl_sampler_weights(
    trainer_logprobs: torch.Tensor,
    sampler_logprobs: torch.Tensor,
    mask: torch.Tensor,
    level: str,
    cap: float,
) -> torch.Tensor:
    """TRL's correction for what vLLM sampled; all arguments (B, T)."""
    oracle = Oracle(
        num_generations=len(mask),
        use_vllm=True,
        vllm_importance_sampling_correction=True,
        vllm_importance_sampling_mode=f"{level}_truncate",
        vllm_importance_sampling_clip_min=None,
        vllm_importance_sampling_clip_max=cap,
    )
    ids = [[2] * mask.shape[1]] * len(mask)
    sampled = [[None if one != one else one for one in row] for row in sampler_logprobs.tolist()]
    masks = mask.long().tolist()
    oracle.logprobs = trainer_logprobs
    oracle.episodes = ids, ids, masks, [""] * len(ids), sampled, {}, None, None
    inputs = [{"prompt": "?", "reward": 0.0} for _ in ids]
    scored = oracle._generate_and_score_completions(inputs)
    weights: torch.Tensor = scored["importance_sampling_ratio"]
    return weights
