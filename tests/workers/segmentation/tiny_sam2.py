"""SAM 2 with random weights: tiny through transformers, its own smallest through its package."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from sam2.build_sam import build_sam2

SIDE = 128
"""The encoder's input through transformers."""


def save_for_transformers(folder: Path) -> Path:
    """A folder as on the hub, of some 10,000 parameters."""
    torch.manual_seed(0)
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=12,
        num_attention_heads=1,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[12, 24, 48, 96],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[7, 7],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[96, 48, 24, 12],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=32,
    )
    prompt = transformers.Sam2PromptEncoderConfig(
        hidden_size=32, image_size=SIDE, patch_size=16, mask_input_channels=8
    )
    decoder = transformers.Sam2MaskDecoderConfig(
        hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=32
    )
    config = transformers.Sam2Config(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    transformers.Sam2Model(config).save_pretrained(folder)
    images = transformers.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})
    transformers.Sam2Processor(images, target_size=SIDE).save_pretrained(folder)
    return folder


def save_for_package(folder: Path) -> Path:
    """A checkpoint as its authors publish it; 1 to 2 s and 150 MB, for there is no smaller."""
    torch.manual_seed(0)
    model = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
    file = folder / "sam2.1_hiera_tiny.pt"
    torch.save({"model": model.state_dict()}, file)
    return file
