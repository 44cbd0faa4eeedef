from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from thinkimg_rpc.serve.config import (
    DEFAULT_CONFIG,
    MeshConfig,
    find_config,
    load_config,
    parse_config,
    read_token,
)
from thinkimg_rpc.settings import CannotStart

WORKER = '[[worker]]\nname = "a"\ntools = ["m:T"]\n'
IN_OLD = WORKER + 'env = "old"\n'


def refusal(text: str) -> str:
    with pytest.raises(CannotStart) as refused:
        parse_config(tomllib.loads(text))
    return str(refused.value)


def test_the_shipped_mesh_hosts_together_what_shares_images_text_or_a_model() -> None:
    config = load_config(DEFAULT_CONFIG)
    hosted = {
        worker.name: [tool.rpartition(":")[2] for tool in worker.tools] for worker in config.worker
    }
    assert hosted == {
        "image": ["Crop", "DrawHorizontalLineByY", "DrawVerticalLineByX"],
        "text": ["OCR", "GroundingDINO", "Point", "ZoominSubplot"],
        "segment": ["SAM", "SegmentRegionAroundPoint"],
    }
    assert config.mesh.address == "127.0.0.1:50051"


def test_each_option_that_the_shipped_file_mentions_exists_with_the_default_it_states() -> None:
    text = DEFAULT_CONFIG.read_text(encoding="utf-8")
    uncommented = re.sub(r"^#(?=[\[a-z])", "", text, flags=re.MULTILINE)
    everything = parse_config(tomllib.loads(uncommented))
    assert everything.limits == MeshConfig().limits
    assert everything.mesh.drain_s == MeshConfig().mesh.drain_s
    assert everything.worker[0].image_cache_bytes == MeshConfig().limits.image_cache_bytes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mesh]\nadress = 1", '[mesh] unknown key "adress"; did you mean "address"?'),
        ("[meshes]", 'unknown key "meshes"; did you mean "mesh"?'),
        (
            "[tls]\nqqq = 1",
            '[tls] unknown key "qqq"; known keys: cert, key, ca, mutual, name, folder',
        ),
        ("mesh = 3", "[mesh] must be a table"),
        ("[mesh]\ndrain_s = 'x'", "[mesh] drain_s: expected a number, got text in quotes"),
        ("[mesh]\ninsecure = 1", "[mesh] insecure: expected true or false, got a whole number"),
        (
            '[mesh]\naddress = "50051"',
            '[mesh] address: "50051" is not HOST:PORT, like "127.0.0.1:50051"',
        ),
        (
            '[mesh]\naddress = "localhost:99999"',
            '[mesh] address: "localhost:99999" is not HOST:PORT, like "127.0.0.1:50051"',
        ),
        ("[limits]\nqueue_length = 0", "[limits] queue_length: must be at least 1, not 0"),
        (
            "[limits]\nresult_cache_bytes = -1",
            "[limits] result_cache_bytes: must be at least 0, not -1",
        ),
        ("[worker]\nname = 'a'", "worker must be written [[worker]], once for each worker"),
        ("[[worker]]\ntools = ['m:T']", "[[worker]] number 1 name: must be given"),
        (
            WORKER + "replica = 2",
            '[[worker]] "a" unknown key "replica"; did you mean "replicas"?',
        ),
        (
            WORKER + "port = 65535\nreplicas = 2",
            '[[worker]] "a" port: its replicas would need ports above 65535',
        ),
        (WORKER + "replicas = 0", '[[worker]] "a" replicas: expected a whole number >= 1'),
        (
            WORKER + "[worker.variables]\nX = 1",
            '[[worker]] "a" variables[...]: expected text in quotes',
        ),
        (
            '[[worker]]\nname = "a"\ntools = "m:T"',
            '[[worker]] "a" tools: expected a list, got text in quotes',
        ),
        (
            '[[worker]]\nname = "a"\ntools = ["crop"]',
            '[[worker]] "a" tools: "crop" does not name a tool class; write package.module:Class',
        ),
        (
            '[[worker]]\nname = "a"\ntools = []',
            '[[worker]] "a" tools: name at least one tool class',
        ),
        (
            '[[worker]]\nname = "A B"\ntools = ["m:T"]',
            '[[worker]] "A B" name: use lower-case letters, digits, - and _',
        ),
        (
            WORKER + WORKER,
            'two [[worker]] are called "a"; rename one, or set replicas = 2',
        ),
        (
            '[[worker]]\nname = "hub"\ntools = ["m:T"]',
            '[[worker]] "hub": the name is taken by the mesh itself',
        ),
        ("env = 3", "env must be written [env.NAME], once for each environment"),
        (IN_OLD, '[[worker]] "a" env: there is no [env.old]; add [env.old]'),
        (
            IN_OLD + "[env.odl]\nrequirements = ['timm']",
            '[[worker]] "a" env: there is no [env.old]; did you mean "odl"?',
        ),
        (
            WORKER + "[env.old]\nrequirements = ['timm']",
            '[env.old] is used by no worker; write env = "old" in one, or remove it',
        ),
        (
            IN_OLD + "[env.old]\nrequirement = ['timm']",
            '[env.old] unknown key "requirement"; did you mean "requirements"?',
        ),
        (
            IN_OLD + "[env.old]\ninherit = true",
            "[env.old] requirements: name at least one package, or the path of an environment",
        ),
        (
            IN_OLD + "[env.old]\nrequirements = ['timm']\npath = 'venv'",
            "[env.old] path: an environment that is there is used as it is; leave out path",
        ),
        (
            IN_OLD + "[env.old]\nrequirements = ['-r all.txt']",
            '[env.old] requirements: "-r all.txt" is no package; pip takes its options from',
        ),
        (
            WORKER + "[env.'a/b']\nrequirements = ['timm']",
            "[env.a/b]: use lower-case letters, digits, - and _, for example [env.old]",
        ),
    ],
)
def test_a_mistake_is_told_by_its_key_and_the_remedy(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"cannot read .*mesh.toml: No such file"):
        load_config(tmp_path / "mesh.toml")


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text("[mesh\n")
    with pytest.raises(CannotStart, match=r"mesh.toml is not valid TOML: .*line 1"):
        load_config(path)


def test_a_mistake_in_a_file_is_told_with_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text("[mesh]\nadress = 1\n")
    with pytest.raises(CannotStart, match=r'mesh.toml: \[mesh\] unknown key "adress"'):
        load_config(path)


def test_files_are_relative_to_the_folder_of_mesh_toml(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(
        '[mesh]\ntoken_file = "t"\nlog_dir = "/var/log/x"\nresult_cache_dir = "a"\n'
        '[tls]\ncert = "c"\nkey = "~/k"\n'
    )
    config = load_config(path)
    assert config.mesh.token_file == str(tmp_path / "t")
    assert config.mesh.log_dir == "/var/log/x"
    assert config.mesh.result_cache_dir == str(tmp_path / "a")
    assert config.tls is not None
    assert config.tls.cert == str(tmp_path / "c")
    assert config.tls.key == str(Path.home() / "k")
    assert config.tls.ca == ""


def test_what_an_environment_is_made_of_is_relative_to_that_folder_too(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(
        '[mesh]\nenvironment_dir = "cache"\n'
        '[env.mine]\nrequirements = ["timm<1", "./my-tools"]\npython = "python3.12"\n'
        '[env.there]\npath = "venv"\n'
        '[[worker]]\nname = "a"\ntools = ["m:T"]\nenv = "mine"\n'
        '[[worker]]\nname = "b"\ntools = ["m:T"]\nenv = "there"\n'
    )
    config = load_config(path)
    assert config.mesh.environment_dir == str(tmp_path / "cache")
    assert config.env["mine"].requirements == ("timm<1", str(tmp_path / "my-tools"))
    assert config.env["mine"].python == "python3.12"
    assert config.env["there"].path == str(tmp_path / "venv")


def test_mesh_toml_of_the_current_folder_goes_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(None) == DEFAULT_CONFIG
    Path("mesh.toml").touch()
    assert find_config(None) == Path("mesh.toml")
    assert find_config(Path("other.toml")) == Path("other.toml")


def test_the_token_comes_from_its_file_or_else_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("from the file\n")
    with_file = parse_config({"mesh": {"token_file": str(tmp_path / "token")}})
    monkeypatch.delenv("THINKIMG_TOKEN", raising=False)
    assert read_token(MeshConfig()) == ""
    monkeypatch.setenv("THINKIMG_TOKEN", "from the environment")
    assert read_token(MeshConfig()) == "from the environment"
    assert read_token(with_file) == "from the file"


def test_an_empty_or_missing_token_file_never_means_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(CannotStart, match=r"token_file: .* is empty; write the token into it"):
        read_token(parse_config({"mesh": {"token_file": str(tmp_path / "token")}}))
    with pytest.raises(CannotStart, match=r"token_file: cannot read .*nowhere"):
        read_token(parse_config({"mesh": {"token_file": str(tmp_path / "nowhere")}}))


def test_a_folder_of_certificates_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text('[tls]\nfolder = "certs"\nmutual = true\nca = "our.crt"\n')
    tls = load_config(tmp_path / "mesh.toml").tls
    assert tls is not None
    assert (tls.cert, tls.key) == (f"{tmp_path}/certs/tls.crt", f"{tmp_path}/certs/tls.key")
    assert (tls.ca, tls.mutual) == (f"{tmp_path}/our.crt", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[mesh]\nstore = "redis://a:1"', "[mesh] store: not a store"),
        ('[mesh]\nregistries = ["a:1"]', "[mesh] registries: each would know only its own"),
        ('[mesh]\nstore = "etcd://e:1"\nregistries = ["a"]', '[mesh] registries: "a" is not'),
    ],
)
def test_a_wrong_store_is_told_with_the_remedy(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_the_token_may_be_in_a_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THINKIMG_TOKEN", raising=False)
    monkeypatch.setenv("THINKIMG_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(CannotStart, match="THINKIMG_TOKEN_FILE: cannot read"):
        read_token(MeshConfig())
    (tmp_path / "token").write_text("from the file\n")
    assert read_token(MeshConfig()) == "from the file"
    monkeypatch.setenv("THINKIMG_TOKEN", "itself")
    assert read_token(MeshConfig()) == "itself"
