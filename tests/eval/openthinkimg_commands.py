"""The commands and configuration keys of OpenThinkIMG that a user may come with.

The flags are those of its README (github.com/OpenThinkIMG/OpenThinkIMG at 765c903, and
github.com/zhaochen0110/OpenThinkIMG); order and values are ours.
"""

from __future__ import annotations

from typing import Any

COMMANDS: dict[str, str] = {
    "serve": "python start_server_config.py --config ./config/mine.yaml",
    "serve here": "python start_server_local.py --config ./config/mine.yaml",
    "evaluate": """accelerate launch --config_file accelerate.yaml -m tool_server.tf_eval
        --task_name chartgemma --model qwen2vl --model_args pretrained=MODEL --max_rounds 3
        --stop_token '<stop>' --batch_size 2 --verbosity INFO --output_path out.jsonl""",
    "evaluate from a file": """accelerate launch --config_file accelerate.yaml
        -m tool_server.tf_eval --config eval.yaml""",
    "grpo": """torchrun --nnodes=1 --node_rank=0 --nproc_per_node=8 --master_addr=127.0.0.1
        --master_port=29500 src/open_r1/tool_grpo.py --use_vllm True --use_tool true
        --controller_addr http://127.0.0.1:20001 --model_name_or_path MODEL --dataset_name DATA
        --output_dir OUT --run_name RUN --seed 42 --learning_rate 1e-6 --num_generations 8
        --lr_scheduler_type constant --temperature 1.0 --max_prompt_length 16000
        --max_completion_length 2048 --max_pixels 200000 --num_train_epochs 1
        --per_device_train_batch_size 2 --gradient_accumulation_steps 12 --bf16 true
        --gradient_checkpointing true --attn_implementation flash_attention_2 --deepspeed DS
        --vllm_gpu_memory_utilization 0.8 --logging_steps 1 --save_steps 100
        --save_only_model true --report_to wandb""",
    "sft": """accelerate launch --multi_gpu --num_machines 1 --num_processes 6
        --main_process_port 29502 src/open_r1/sft.py --model_name_or_path MODEL
        --dataset_name DATA --output_dir OUT --run_name RUN --seed 42 --learning_rate 2e-5
        --max_seq_length 4096 --num_train_epochs 2 --warmup_ratio 0.1
        --per_device_train_batch_size 2 --gradient_accumulation_steps 8 --bf16
        --gradient_checkpointing true --attn_implementation flash_attention_2 --deepspeed DS
        --logging_steps 1 --save_steps 100 --save_only_model true --report_to wandb""",
}
PROGRAMS: dict[str, str] = {
    # What a word of a command starts, and under what heading of the page its flags are.
    "start_server_config.py": "flags of start_server_config.py, start_server_local.py",
    "start_server_local.py": "flags of start_server_config.py, start_server_local.py",
    "accelerate": "flags of accelerate launch",
    "torchrun": "flags of torchrun",
    "tool_server.tf_eval": "flags of tool_server.tf_eval",
    "src/open_r1/tool_grpo.py": "flags of tool_grpo.py",
    "src/open_r1/sft.py": "flags of sft.py",
}
_WORKER = {
    "worker_name": "Point",
    "job_name": "point",
    "calculate_type": "control",
    "conda_env": "molmo",
    "cuda_visible_devices": "0",
    "srun_kwargs": "",
    "dependency_worker_name": "ocr",
    "wait_for_self": True,
}
_COMMAND = {"script-addr": "worker.py", "port": 20027, "host": "0.0.0.0"}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "keys of the evaluation's configuration": {
        "model_args": {
            "model": "qwen2vl",
            "model_args": "pretrained=MODEL",
            "batch_size": 2,
            "max_rounds": 3,
            "stop_token": "<stop>",
        },
        "task_args": {
            "task_name": "chartgemma",
            "resume_from_ckpt": "in.jsonl",
            "save_to_ckpt": "out.jsonl",
        },
        "script_args": {"verbosity": "INFO", "output_path": "out.jsonl", "controller_addr": "…"},
    },
    "keys of a task's config.yaml": {
        "task_name": "chartgemma",
        "dataset_path": "test.json",
        "image_dir_path": "images",
        "num_sample": 1000,
        "dataset_type": "unique",
        "generation_config": {"max_length": 2048, "temperature": 0.6},
    },
    "parts of --model_args": {"pretrained": "MODEL", "tensor_parallel": 4},
    "keys of the tool servers' configuration": {
        "base_dir": ".",
        "log_folder": "logs",
        "partition": "gpus",
        "default_calculate_gpus": 1,
        "default_calculate_cpus": 16,
        "default_control_cpus": 2,
        "default_control_gpus": 0,
        "retry_interval": 1,
        "request_timeout": 10,
        "controller_config": {
            "worker_name": "controller",
            "job_name": "controller",
            "calculate_type": "control",
            "srun_kwargs": "",
            "cmd": _COMMAND,
        },
        "tool_worker_config": {
            **_WORKER,
            "cmd": {
                **_COMMAND,
                "model_path": "Molmo",
                "model-path": "dino.pth",
                "model-config": "dino.py",
                "sam2_checkpoint": "sam2.pt",
                "sam2_model_cfg": "sam2.yaml",
            },
        },
    },
}
