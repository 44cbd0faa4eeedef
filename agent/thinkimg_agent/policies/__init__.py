"""Policies: the models that decide."""

from __future__ import annotations

from thinkimg_agent.policies.policy import ContextFull, Generation, Policy, PolicyFault
from thinkimg_agent.policies.scripted import ScriptedPolicy

__all__ = ["ContextFull", "Generation", "Policy", "PolicyFault", "ScriptedPolicy"]
